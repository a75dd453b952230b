import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { OffsetCommit } from '../../protocol/messages/offset-commit.ts'
import { OffsetFetch } from '../../protocol/messages/offset-fetch.ts'
import { startBroker, type RunningBroker } from '../../src/index.ts'
import { eventually, until } from '../clients/wait.ts'
import { RawClient } from '../support/raw-client.ts'
import { temporaryDirectories } from '../support/temporary.ts'

const directories = temporaryDirectories()
afterAll(() => directories.removeAll())

const TOPIC = 'latest'

function start(directory: string): Promise<RunningBroker> {
  return startBroker({
    directory,
    settings: {
      'log.cleaner.backoff.ms': 20,
      'log.cleaner.min.cleanable.ratio': 0.1,
      'log.segment.delete.delay.ms': 0,
      'offsets.topic.num.partitions': 1,
      'offsets.topic.segment.bytes': 1_048_576,
      'group.initial.rebalance.delay.ms': 0,
    },
  })
}

const cleanTo = (directory: string, partition: string): number => {
  const path = join(directory, 'cleaner-offset-checkpoint')
  if (!existsSync(path)) return 0
  const line = readFileSync(path, 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${partition} `))
  return Number(line?.split(' ')[2] ?? 0)
}

/** On a machine that is busy the client's own second is not enough. */
const PATIENT = { connectionTimeout: 60_000, requestTimeout: 60_000, retry: { retries: 50 } }

const logBytes = (directory: string, partition: string): number =>
  readdirSync(join(directory, partition))
    .filter((name) => name.endsWith('.log'))
    .reduce((sum, name) => sum + statSync(join(directory, partition, name)).size, 0)

test('committed offsets survive the compaction of __consumer_offsets and a restart', async () => {
  const directory = directories.make()
  const groups = Array.from({ length: 5 }, (_, index) => `group-${index}`)
  let broker = await start(directory)
  const commit = async (client: RawClient, round: number): Promise<void> => {
    for (const groupId of groups) {
      const partition = {
        partitionIndex: 0,
        committedOffset: round,
        committedMetadata: 'm'.repeat(4000),
      }
      const answer = await client.request(OffsetCommit, 8, {
        groupId,
        memberId: '',
        topics: [{ name: TOPIC, partitions: [partition] }],
      })
      expect(answer.topics[0]!.partitions[0]!.errorCode).toBe('NONE')
    }
  }
  const fetched = async (client: RawClient): Promise<(number | bigint)[]> => {
    const topics = [{ name: TOPIC, partitionIndexes: [0] }]
    const offsets: (number | bigint)[] = []
    for (const groupId of groups) {
      const answer = await client.request(OffsetFetch, 7, { groupId, topics })
      offsets.push(answer.topics[0]!.partitions[0]!.committedOffset)
    }
    return offsets
  }
  const kafka = (): Kafka =>
    new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING, ...PATIENT })
  try {
    const admin = kafka().admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: TOPIC }], waitForLeaders: true })
    // Makes the offsets topic.
    const areFetched = async (): Promise<boolean> =>
      (await admin.fetchOffsets({ groupId: 'none', topics: [TOPIC] })).length > 0
    await eventually(areFetched, 'the offsets topic')
    await admin.disconnect()
    const client = await RawClient.connect(broker)
    for (let round = 1; round <= 70; round++) await commit(client, round)
    await until(() => cleanTo(directory, '__consumer_offsets 0') > 0, 'a clean')
    await until(() => logBytes(directory, '__consumer_offsets-0') < 600_000, 'less to keep')
    expect(await fetched(client)).toEqual([70, 70, 70, 70, 70])
    client.destroy()
    await broker.close()
    broker = await start(directory)
    const again = await RawClient.connect(broker)
    const areLoaded = async (): Promise<boolean> =>
      (await fetched(again)).every((offset) => offset === 70)
    await eventually(areLoaded, 'the groups to be loaded')
    again.destroy()
  } finally {
    await broker.close()
  }
})

test('a consumer of a compacted topic gets the last values, by whatever codec they came', async () => {
  const directory = directories.make()
  const broker = await start(directory)
  const kafka = new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING, ...PATIENT })
  try {
    const admin = kafka.admin()
    await admin.connect()
    const configEntries = [
      { name: 'cleanup.policy', value: 'compact' },
      { name: 'segment.bytes', value: '1048576' },
    ]
    await admin.createTopics({ topics: [{ topic: TOPIC, configEntries }], waitForLeaders: true })
    await admin.disconnect()
    const producer = kafka.producer()
    await producer.connect()
    const value = (round: number): string => `${round}:${'x'.repeat(1000)}`
    for (let round = 1; round <= 25; round++) {
      const messages = Array.from({ length: 100 }, (_, key) => ({
        key: `${key}`,
        value: value(round),
      }))
      await producer.send({ topic: TOPIC, compression: round % 2 === 0 ? 1 : 0, messages })
    }
    await producer.disconnect()
    await until(() => cleanTo(directory, `${TOPIC} 0`) > 0, 'a clean')
    const seen: { offset: number; key: string; value: string }[] = []
    const consumer = kafka.consumer({ groupId: 'readers' })
    await consumer.connect()
    await consumer.subscribe({ topic: TOPIC, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => {
        const { offset, key } = message
        seen.push({
          offset: Number(offset),
          key: key!.toString(),
          value: message.value!.toString(),
        })
        return Promise.resolve()
      },
    })
    await until(() => seen.at(-1)?.offset === 2499, 'the last record')
    await consumer.disconnect()
    expect(seen.length).toBeLessThan(2000)
    const last = new Map(seen.map((record) => [record.key, record.value]))
    expect(last.size).toBe(100)
    expect(new Set(last.values())).toEqual(new Set([value(25)]))
  } finally {
    await broker.close()
  }
})
