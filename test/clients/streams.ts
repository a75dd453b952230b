import path from 'node:path'
import { type Driver } from './driver.ts'
import { driverOf } from './patient.ts'
import { type ReadRecord, type SentRecord } from './records.ts'
import { type SuiteRun } from './scenario.ts'
import { offsetsOf, toolOf } from './tool.ts'
import { java } from './toolchains.ts'
import { eventually } from './wait.ts'

const recordCount = 3000
const wordCount = 40
const partitions = 3
const patienceMs = 200_000

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index)

const wordOf = (number: number): string => `word-${(number * 7) % wordCount}`

const words = (from: number, to: number): SentRecord[] =>
  range(from, to).map((number) => [`${number}`, wordOf(number), []])

const side = (name: string, from: number, to: number): SentRecord[] =>
  range(from, to).map((number) => [`${number}`, `${name}-${number}`, []])

/** Fails unless the counts that were told of each word are 1, 2, 3 and so on, each once and in order. */
const checkCounts = (read: readonly ReadRecord[]): void => {
  const counts = new Map<string, number>()
  for (const [partition, offset, word, count] of read) {
    const expected = (counts.get(word!) ?? 0) + 1
    if (Number(count) !== expected)
      throw new Error(
        `partition ${partition}, offset ${offset}: ${word} was counted ${count} where ${expected} was due`,
      )
    counts.set(word!, expected)
  }
}

/** Fails where the last count that was told of a word is less than how often the word was sent. */
const checkLastCounts = (read: readonly ReadRecord[]): void => {
  const last = new Map(read.map(([, , word, count]) => [word, Number(count)]))
  const sent = new Map<string, number>()
  for (const number of range(0, recordCount))
    sent.set(wordOf(number), (sent.get(wordOf(number)) ?? 0) + 1)
  for (const [word, count] of sent)
    if (!((last.get(word) ?? 0) >= count))
      throw new Error(`${word} was counted ${last.get(word)}, and sent ${count} times`)
}

const pairs = (): Set<string> =>
  new Set(range(0, recordCount).map((number) => `left-${number}+right-${number}`))

const checkNoneMissing = (missing: ReadonlySet<string>): void => {
  if (missing.size > 0) throw new Error(`not joined: ${[...missing].slice(0, 5).join(', ')} ...`)
}

/** Fails unless each pair was joined, and just once. */
const checkJoined = (read: readonly ReadRecord[]): void => {
  const missing = pairs()
  for (const [partition, offset, , value] of read)
    if (!missing.delete(value!))
      throw new Error(`partition ${partition}, offset ${offset}: ${value} is there twice`)
  checkNoneMissing(missing)
}

/** Fails unless each pair was joined. */
const checkJoinedAtLeastOnce = (read: readonly ReadRecord[]): void => {
  const missing = pairs()
  for (const [, , , value] of read) missing.delete(value!)
  checkNoneMissing(missing)
}

type Guarantee = 'exactly_once_v2' | 'at_least_once'

/** The application of Streams.java, and a client that feeds it and reads what it writes. */
const applicationOf = (run: SuiteRun, guarantee: Guarantee) => {
  const start = (name: string, program: string): Driver => driverOf(run, name, [...java(), program])
  const client = start('client', 'Driver')
  const read = async (topic: string, count: number): Promise<readonly ReadRecord[]> =>
    (await client.call('consume', { topic, count }, patienceMs)).records
  return {
    client,
    read,
    group: `application-${guarantee}`,
    makeTopics: async (): Promise<void> => {
      for (const topic of ['words', 'counts', 'left', 'right', 'joined'])
        await client.call('create', { topic, partitions })
    },
    feed: async (from: number, to: number): Promise<void> => {
      const sent = { words: words(from, to), left: side('left', from, to) }
      for (const [topic, records] of Object.entries({ ...sent, right: side('right', from, to) }))
        await client.call('produce', { topic, codec: 'none', records })
    },
    instance: (name: string): Driver => {
      const driver = start(name, 'Streams')
      const ask = { guarantee, directory: path.join(run.directory, name) }
      // It fails when its process is killed.
      driver.call('streams', ask, 800_000).catch(() => {})
      return driver
    },
  }
}

/**
 * Kafka Streams with exactly_once_v2: state stores, changelogs, repartition topics and standby tasks; instances and the broker are
 * killed in the middle.
 */
export const exactlyOnceScenario = async (run: SuiteRun): Promise<void> => {
  const { broker, step } = run
  const { makeTopics, feed, instance, read } = applicationOf(run, 'exactly_once_v2')
  await step('two instances count and join', async () => {
    await makeTopics()
    await feed(0, 1000)
    instance('first')
    const second = instance('second')
    await read('counts', 500)
    await feed(1000, 2000)
    await second.kill9()
    await read('counts', 1500)
  })
  await step('kill -9 of broker and instances', async () => {
    await feed(2000, 2500)
    await broker.crash('words')
    instance('third')
    await feed(2500, recordCount)
  })
  await step('each record was counted and joined once', async () => {
    checkCounts(await read('counts', recordCount))
    checkJoined(await read('joined', recordCount))
  })
}

const sum = (numbers: readonly number[]): number =>
  numbers.reduce((total, number) => total + number, 0)

/**
 * Kafka Streams with at_least_once: an instance and the broker are killed in the middle, nothing is lost, and Streams deletes from the
 * repartition topic what it has read there.
 */
export const atLeastOnceScenario = async (run: SuiteRun): Promise<void> => {
  const { broker, step } = run
  const { client, group, makeTopics, feed, instance, read } = applicationOf(run, 'at_least_once')
  const repartition = `${group}-by-word-repartition`
  const getOffsets = toolOf(client, broker.bootstrap, 'org.apache.kafka.tools.GetOffsetShell')
  const offsets = (topic: string, time: 'earliest' | 'latest'): Promise<number[]> =>
    offsetsOf(getOffsets, topic, time)
  const committed = async (topic: string): Promise<number> =>
    sum(Object.values((await client.call('committed', { topic, group })).offsets))
  const isRead = async (topic: string): Promise<boolean> =>
    (await committed(topic)) === sum(await offsets(topic, 'latest'))
  await step('an instance counts and joins', async () => {
    await makeTopics()
    await feed(0, 1000)
    const first = instance('first')
    // Nobody has died yet.
    checkCounts(await read('counts', 1000))
    await feed(1000, 2000)
    await read('counts', 1200)
    await first.kill9()
  })
  await step('kill -9 of instance and broker', async () => {
    await feed(2000, 2500)
    instance('second')
    await read('counts', 2100)
    await broker.crash('words')
    await feed(2500, recordCount)
    // What has been committed of these is in the repartition topic, too.
    for (const topic of ['words', 'left', 'right', repartition])
      await eventually(() => isRead(topic), `${topic} to be read`)
  })
  await step('each record was counted and joined at least once', async () => {
    checkLastCounts(await read('counts', sum(await offsets('counts', 'latest'))))
    checkJoinedAtLeastOnce(await read('joined', sum(await offsets('joined', 'latest'))))
  })
  await step('what was read of the repartition topic is deleted', async () => {
    const end = await offsets(repartition, 'latest')
    if (sum(end) < recordCount) throw new Error(`too little went through ${repartition}: ${end}`)
    const isPurged = async (): Promise<boolean> =>
      String(await offsets(repartition, 'earliest')) === String(end)
    await eventually(isPurged, `the log of ${repartition} to start at its end`)
  })
}
