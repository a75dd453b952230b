import { type Driver } from './driver.ts'
import { checkStream, type StreamResult } from './records.ts'
import { type Step } from './scenario.ts'
import { until } from './wait.ts'

const patienceMs = 180_000
/** So many records of each stream are acknowledged before anything happens to the nodes, and while it lasts. */
const some = 200
const group = 'positions'
/** What its group has committed of each client's topic. */
const committed = 300
/** Longer than all that happens, in soak too. */
const limitMs = 3_600_000

interface Stream {
  readonly driver: Driver
  readonly topic: string
  readonly result: Promise<StreamResult>
}

const member = ({ name }: Driver, topic: string): string => `${name} of ${topic}`

/**
 * What clients do while something happens to the nodes: idempotent producers send with acks=all, each to topics of its own, of which
 * members of groups read all; and other groups have committed where they are, for good.
 */
export class Load {
  readonly #step: Step
  readonly #streams: readonly Stream[]
  readonly #drivers: readonly Driver[]

  /**
   * Resolves when all streams have begun.
   * @param topics of each driver, by its name; they are made by then
   * @param pauseMs of each of their producers, between two records
   */
  static async begin(
    step: Step,
    drivers: readonly Driver[],
    topics: (driver: Driver) => readonly string[],
    pauseMs = 5,
  ): Promise<Load> {
    await step('a group commits', () => Promise.all(drivers.map(commit)))
    return step('producers and consumers run', async () => {
      const streams = drivers.flatMap((driver) =>
        topics(driver).map((topic): Stream => {
          const ask = { stream: topic, topic, idempotent: true, pauseMs }
          const result = driver.call('stream', ask, limitMs)
          // One that fails is told of at the end, if nothing else fails before.
          result.catch(() => {})
          return { driver, topic, result }
        }),
      )
      for (const { driver, topic } of streams)
        await driver.call('join', { member: member(driver, topic), topic, group: `of-${topic}` })
      const load = new Load(step, drivers, streams)
      await load.more()
      return load
    })
  }

  private constructor(step: Step, drivers: readonly Driver[], streams: readonly Stream[]) {
    this.#step = step
    this.#drivers = drivers
    this.#streams = streams
  }

  /** Resolves when all streams have some more acknowledged than now. */
  async more(): Promise<void> {
    const streams = this.#streams.map(({ driver, topic }) => {
      const acked = (): number => driver.acked.get(topic) ?? 0
      return { topic, acked, wanted: acked() + some }
    })
    const lacking = () => streams.filter(({ acked, wanted }) => acked() < wanted)
    await until(
      () => lacking().length === 0,
      () => `${some} more of ${lacking().map(({ topic }) => topic)} to be acknowledged`,
      patienceMs,
    )
  }

  /** Ends it: all that was acknowledged is there, once and in order, members have read it, and what groups committed is what it was. */
  async check(): Promise<void> {
    for (const stream of this.#streams)
      await this.#step(`what was acknowledged of ${stream.topic} is there, once and in order`, () =>
        checkWhole(stream),
      )
    await this.#step('groups have committed what they had', async () => {
      for (const driver of this.#drivers) await checkCommitted(driver)
    })
  }
}

const commit = async (driver: Driver): Promise<void> => {
  const topic = `positions-${driver.name}`
  const records = Array.from({ length: 500 }, (_, index) => [null, `${index}`, []] as const)
  await driver.call('create', { topic, partitions: 3 })
  await driver.call('produce', { topic, codec: 'none', records })
  await driver.call('work', { topic, group: `${group}-${driver.name}`, count: committed })
}

const checkCommitted = async (driver: Driver): Promise<void> => {
  const ask = { topic: `positions-${driver.name}`, group: `${group}-${driver.name}` }
  const { offsets } = await driver.call('committed', ask)
  const sum = Object.values(offsets).reduce((total, offset) => total + offset, 0)
  if (sum !== committed) throw new Error(`${driver.name} has committed ${JSON.stringify(offsets)}`)
}

const checkWhole = async ({ driver, topic, result }: Stream): Promise<void> => {
  await driver.call('stop', { stream: topic })
  const told = await result
  if (told.failed.length > 0)
    throw new Error(`${told.failed.length} were told to have failed, the first ${told.failed[0]}`)
  await driver.call('produce', { topic, codec: 'none', records: [['end', 'end', []]] })
  const { records } = await driver.call('consume', { topic, until: 'end' }, patienceMs)
  checkStream(told, records.slice(0, -1), { once: true, inOrder: true })
  const read = (): number => driver.consumed.get(member(driver, topic)) ?? 0
  await until(
    () => read() >= records.length,
    () => `the member to read ${records.length} of ${topic}: ${read()}`,
    patienceMs,
  )
}
