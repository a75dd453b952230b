import { scale } from '../soak.ts'
import { type Driver } from './driver.ts'
import { checkStream } from './records.ts'
import { type SuiteRun } from './scenario.ts'
import { type ThreeNodes, ids } from './three-nodes.ts'
import { until } from './wait.ts'

const times = scale(1, 10)
const patienceMs = 180_000
/** So many records of each stream are acknowledged before anybody dies, and while nodes are gone. */
const some = 200
const group = 'positions'
/** What its group has committed of each client's topic. */
const committed = 300

interface Load {
  readonly driver: Driver
  readonly topics: readonly string[]
}

/** The topics of a client: each node leads one. */
const topicsOf = ({ name }: Driver): string[] => ids.map((id) => `load-${name}-${id}`)

/** All streams have so many more acknowledged than now. */
const more = async (loads: readonly Load[]): Promise<void> => {
  const streams = loads.flatMap(({ driver, topics }) =>
    topics.map((topic) => {
      const acked = (): number => driver.acked.get(topic) ?? 0
      return { topic, acked, wanted: acked() + some }
    }),
  )
  const lacking = () => streams.filter(({ acked, wanted }) => acked() < wanted)
  await until(
    () => lacking().length === 0,
    () => `${some} more of ${lacking().map(({ topic }) => topic)} to be acknowledged`,
    patienceMs,
  )
}

/**
 * Idempotent producers of several clients send with acks=all, each to topics that each of three nodes leads one of, while the leader,
 * the active controller, and a leader and the active controller at once are killed, time and again. All that was acknowledged is there,
 * once and in order; members of groups read it all; and what a group has committed is what it was.
 */
export const deathsScenario = async (
  { broker: cluster, step, chance }: SuiteRun<ThreeNodes>,
  drivers: readonly Driver[],
): Promise<void> => {
  const loads = drivers.map((driver): Load => ({ driver, topics: topicsOf(driver) }))
  const member = ({ name }: Driver, topic: string): string => `${name} of ${topic}`
  await step('a group commits', () =>
    Promise.all(
      drivers.map(async (driver) => {
        const topic = `positions-${driver.name}`
        const records = Array.from({ length: 500 }, (_, index) => [null, `${index}`, []] as const)
        await driver.call('create', { topic, partitions: 3 })
        await driver.call('produce', { topic, codec: 'none', records })
        await driver.call('work', { topic, group: `${group}-${driver.name}`, count: committed })
      }),
    ),
  )
  const running = await step('producers and consumers run', async () => {
    await cluster.makeLed(loads.flatMap(({ topics }) => topics))
    const streams = loads.flatMap(({ driver, topics }) =>
      topics.map((topic) => {
        const ask = { stream: topic, topic, idempotent: true, pauseMs: 5 }
        const result = driver.call('stream', ask, 1_700_000)
        result.catch(() => {})
        return { driver, topic, result }
      }),
    )
    for (const { driver, topic } of streams)
      await driver.call('join', { member: member(driver, topic), topic, group: `of-${topic}` })
    await more(loads)
    return streams
  })
  const others = (controller: number): number[] => ids.filter((id) => id !== controller)
  const victims = {
    'a leader': (controller: number) => [others(controller)[chance(2)]!],
    'the active controller, which leads too': (controller: number) => [controller],
    'a leader and the active controller at once': (controller: number) => [
      controller,
      others(controller)[chance(2)]!,
    ],
  }
  for (let time = 1; time <= times; time++)
    for (const [what, choose] of Object.entries(victims)) {
      await step(`kill -9 of ${what}, ${time} of ${times}`, async () => {
        await cluster.isWhole()
        await cluster.preferredLeaders()
        await more(loads)
        await cluster.die(choose(await cluster.controller()), () => more(loads))
        await more(loads)
      })
    }
  for (const { driver, topic, result } of running) {
    await step(`what was acknowledged of ${topic} is there, once and in order`, async () => {
      await driver.call('stop', { stream: topic })
      const told = await result
      if (told.failed.length > 0)
        throw new Error(
          `${told.failed.length} were told to have failed, the first ${told.failed[0]}`,
        )
      await driver.call('produce', { topic, codec: 'none', records: [['end', 'end', []]] })
      const { records } = await driver.call('consume', { topic, until: 'end' }, patienceMs)
      checkStream(told, records.slice(0, -1), { once: true, inOrder: true })
      const read = (): number => driver.consumed.get(member(driver, topic)) ?? 0
      await until(
        () => read() >= records.length,
        () => `the member to read ${records.length} of ${topic}: ${read()}`,
        patienceMs,
      )
    })
  }
  await step('groups have committed what they had', async () => {
    for (const driver of drivers) {
      const ask = { topic: `positions-${driver.name}`, group: `${group}-${driver.name}` }
      const { offsets } = await driver.call('committed', ask)
      const sum = Object.values(offsets).reduce((total, offset) => total + offset, 0)
      if (sum !== committed)
        throw new Error(`${driver.name} has committed ${JSON.stringify(offsets)}`)
    }
  })
}
