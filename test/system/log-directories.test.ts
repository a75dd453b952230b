import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DescribeLogDirs } from '../../protocol/messages/describe-log-dirs.ts'
import { FindCoordinator } from '../../protocol/messages/find-coordinator.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { OffsetFetch } from '../../protocol/messages/offset-fetch.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import { buildBatch } from '../../protocol/records/batch.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { nodeHost } from '../../src/host/node.ts'
import { startBroker } from '../../src/index.ts'
import type { RunningBroker } from '../../src/index.ts'
import { RawClient } from '../support/raw-client.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { codecs, createTopic, readNumbers } from './load.ts'
import { eventually } from '../clients/wait.ts'

const directories = temporaryDirectories()
afterAll(() => directories.removeAll())

const PARTITIONS = 4

/** A broker with a metadata directory and two for logs, which a test does things to while it is down. */
class Node {
  readonly base = directories.make()
  readonly one = join(this.base, 'one')
  readonly two = join(this.base, 'two')
  readonly lines: string[] = []
  broker!: RunningBroker

  async start(): Promise<void> {
    const write = (line: string): void => void this.lines.push(line)
    this.broker = await startBroker({
      settings: {
        'log.dirs': `${this.one},${this.two}`,
        'metadata.log.dir': join(this.base, 'metadata'),
        'offsets.topic.num.partitions': '2',
      },
      host: nodeHost({ log: { destination: { write } } }),
    })
  }

  /** The partitions of `many` in a directory. */
  partitionsIn(path: string): number[] {
    const names = readdirSync(path)
    return Array.from({ length: PARTITIONS }, (_, index) => index).filter((index) =>
      names.includes(`many-${index}`),
    )
  }

  async whileDown(change: () => void): Promise<void> {
    await this.broker.close()
    change()
    this.lines.splice(0)
    await this.start()
  }

  async using<Result>(use: (client: RawClient) => Promise<Result>): Promise<Result> {
    const client = await RawClient.connect(this.broker)
    try {
      return await use(client)
    } finally {
      client.destroy()
    }
  }

  write(partition: number, number: number): Promise<string> {
    const value = Buffer.from(String(number))
    const records = buildBatch({ records: [{ timestamp: Date.now(), key: null, value }] }, codecs)
    const topicData = [{ name: 'many', partitionData: [{ index: partition, records }] }]
    return this.using(async (client) => {
      const { responses } = await client.request(Produce, 9, {
        acks: -1,
        timeoutMs: 5000,
        topicData,
      })
      return responses[0]!.partitionResponses[0]!.errorCode
    })
  }

  /** What Metadata says of the partitions of `many`. */
  metadata() {
    return this.using(async (client) => {
      const topics = [{ name: 'many', topicId: ZERO_UUID }]
      const answer = await client.request(Metadata, 12, { topics, allowAutoTopicCreation: false })
      return answer.topics[0]!.partitions
    })
  }

  async waitFor(partition: number, leaderId: number): Promise<void> {
    const isLed = async (): Promise<boolean> =>
      (await this.metadata())[partition]!.leaderId === leaderId
    await eventually(isLed, `${partition} to be led by ${leaderId}`)
  }
}

describe('a directory that is gone while the broker is down', () => {
  const node = new Node()
  let onOne: number[]
  let onTwo: number[]

  beforeAll(async () => {
    await node.start()
    await createTopic(node.broker, 'many', PARTITIONS)
    onOne = node.partitionsIn(node.one)
    onTwo = node.partitionsIn(node.two)
    for (let partition = 0; partition < PARTITIONS; partition++) {
      expect(await node.write(partition, 0)).toBe('NONE')
    }
  })
  afterAll(() => node.broker.close())

  const expectOffline = async (partitions: readonly number[]): Promise<void> => {
    const metadata = await node.metadata()
    for (const partition of partitions) {
      expect(metadata[partition]).toMatchObject({
        errorCode: 'LEADER_NOT_AVAILABLE',
        leaderId: -1,
        isrNodes: [],
        offlineReplicas: [1],
      })
      expect(await node.write(partition, 7)).toBe('KAFKA_STORAGE_ERROR')
      expect(node.lines.filter((line) => line.includes(`"partition":${partition}`))).toEqual(
        expect.arrayContaining([expect.stringContaining('it is offline')]),
      )
    }
  }

  test('both directories have partitions', () => {
    expect([onOne.length, onTwo.length]).toEqual([2, 2])
  })

  test('takes its partitions with it, and the others go on', async () => {
    const away = `${node.two}.away`
    await node.whileDown(() => {
      renameSync(node.two, away)
      writeFileSync(node.two, 'no directory')
    })
    expect(node.lines.some((line) => line.includes(`${node.two} can't be used`))).toBe(true)
    await expectOffline(onTwo)
    for (const partition of onOne) expect(await node.write(partition, 1)).toBe('NONE')
    const { results } = await node.using((client) =>
      client.request(DescribeLogDirs, 4, { topics: null }),
    )
    expect(results).toMatchObject([
      { logDir: node.one, errorCode: 'NONE' },
      { logDir: node.two, errorCode: 'KAFKA_STORAGE_ERROR', topics: [] },
    ])
    await createTopic(node.broker, 'new', 1)
    expect(existsSync(join(node.one, 'new-0'))).toBe(true)

    await node.whileDown(() => {
      rmSync(node.two)
      renameSync(away, node.two)
    })
    for (const partition of onTwo) {
      expect(await node.write(partition, 1)).toBe('NONE')
      expect(await readNumbers(node.broker, 'many', partition)).toEqual([0, 1])
    }
  })

  test('and comes back empty is a new one: what was in the old one is missed, not made anew', async () => {
    const away = `${node.two}.away`
    await node.whileDown(() => {
      renameSync(node.two, away)
      mkdirSync(node.two)
    })
    await expectOffline(onTwo)
    expect(node.partitionsIn(node.two)).toEqual([])
    await node.whileDown(() => {
      rmSync(node.two, { recursive: true })
      renameSync(away, node.two)
    })
    for (const partition of onTwo) {
      expect(await readNumbers(node.broker, 'many', partition)).toEqual([0, 1])
    }
  })

  test('whose partitions are found in another one: they are led from there', async () => {
    const [moved, lost] = onTwo as [number, number]
    await node.whileDown(() => {
      renameSync(join(node.two, `many-${moved}`), join(node.one, `many-${moved}`))
      rmSync(node.two, { recursive: true })
    })
    await node.waitFor(moved, 1)
    expect(await readNumbers(node.broker, 'many', moved)).toEqual([0, 1])
    await expectOffline([lost])
    await node.whileDown(() => undefined)
    expect(await readNumbers(node.broker, 'many', moved)).toEqual([0, 1])
  })
})

describe('the groups of a directory that is gone', () => {
  const node = new Node()
  afterAll(() => node.broker.close())

  test('have no coordinator, those of the others do', async () => {
    await node.start()
    await createTopic(node.broker, 'many', PARTITIONS)
    const find = (keys: readonly string[]) =>
      node.using(async (client) => {
        const answer = await client.request(FindCoordinator, 4, {
          keyType: 0,
          coordinatorKeys: [...keys],
        })
        return answer.coordinators.map(({ errorCode }) => errorCode)
      })
    // Each in a partition of its own.
    const groups = ['a', 'b']
    expect(await find(groups)).toEqual(['NONE', 'NONE'])
    const lost = readdirSync(node.two).filter((name) => name.startsWith('__consumer_offsets-'))
    expect(lost).toHaveLength(1)
    await node.whileDown(() => {
      rmSync(node.two, { recursive: true })
      writeFileSync(node.two, '')
    })
    const found = await find(groups)
    expect([...found].sort()).toEqual(['COORDINATOR_NOT_AVAILABLE', 'NONE'])
    const gone = groups[found.indexOf('COORDINATOR_NOT_AVAILABLE')]!
    const answer = await node.using((client) =>
      client.request(OffsetFetch, 8, { groups: [{ groupId: gone, topics: null }] }),
    )
    expect(answer.groups[0]!.errorCode).toBe('NOT_COORDINATOR')
  })
})
