import path from 'node:path'
import { type Driver, startDriver } from './driver.ts'
import { type ReadRecord, type SentRecord } from './records.ts'
import { type SuiteRun } from './scenario.ts'
import { java } from './toolchains.ts'

const recordCount = 3000
const wordCount = 40
const partitions = 3

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index)

const words = (from: number, to: number): SentRecord[] =>
  range(from, to).map((number) => [`${number}`, `word-${(number * 7) % wordCount}`, []])

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

/** Fails unless each pair was joined, and just once. */
const checkJoined = (read: readonly ReadRecord[]): void => {
  const missing = new Set(range(0, recordCount).map((number) => `left-${number}+right-${number}`))
  for (const [partition, offset, , value] of read)
    if (!missing.delete(value!))
      throw new Error(`partition ${partition}, offset ${offset}: ${value} is there twice`)
  if (missing.size > 0) throw new Error(`not joined: ${[...missing].slice(0, 5).join(', ')} ...`)
}

/**
 * Kafka Streams with exactly_once_v2: state stores, changelogs, repartition topics and standby tasks; instances and the broker are
 * killed in the middle.
 */
export const streamsScenario = async ({ broker, step, directory, keep }: SuiteRun) => {
  const start = (name: string, program: string): Driver =>
    keep(startDriver(name, [...java(), program], broker.bootstrap))
  const instance = (name: string): Driver => {
    const driver = start(name, 'Streams')
    const ask = { guarantee: 'exactly_once_v2', directory: path.join(directory, name) }
    // It fails when its process is killed.
    driver.call('streams', ask, 230_000).catch(() => {})
    return driver
  }
  const client = start('client', 'Driver')
  const feed = async (from: number, to: number): Promise<void> => {
    const sent = { words: words(from, to), left: side('left', from, to) }
    for (const [topic, records] of Object.entries({ ...sent, right: side('right', from, to) }))
      await client.call('produce', { topic, codec: 'none', records })
  }
  const counted = (count: number): Promise<{ records: ReadRecord[] }> =>
    client.call('consume', { topic: 'counts', count }, 120_000)
  await step('two instances count and join', async () => {
    for (const topic of ['words', 'counts', 'left', 'right', 'joined'])
      await client.call('create', { topic, partitions })
    await feed(0, 1000)
    instance('first')
    const second = instance('second')
    await counted(500)
    await feed(1000, 2000)
    await second.kill9()
    await counted(1500)
  })
  await step('kill -9 of broker and instances', async () => {
    await feed(2000, 2500)
    await broker.kill9()
    await broker.start()
    instance('third')
    await feed(2500, recordCount)
  })
  await step('each record was counted and joined once', async () => {
    checkCounts((await counted(recordCount)).records)
    const ask = { topic: 'joined', count: recordCount }
    checkJoined((await client.call('consume', ask, 120_000)).records)
  })
}
