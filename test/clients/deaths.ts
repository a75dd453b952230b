import { scale } from '../soak.ts'
import { type Driver } from './driver.ts'
import { Load } from './load.ts'
import { type SuiteRun } from './scenario.ts'
import { type ThreeNodes, ids } from './three-nodes.ts'

const times = scale(1, 10)

/** The topics of a client: each node leads one. */
const topicsOf = ({ name }: Driver): string[] => ids.map((id) => `load-${name}-${id}`)

/**
 * Several clients write and read while a leader, the active controller, and a leader and the active controller at once are killed, time
 * and again.
 */
export const deathsScenario = async (
  { broker: cluster, step, chance }: SuiteRun<ThreeNodes>,
  drivers: readonly Driver[],
): Promise<void> => {
  await cluster.makeLed(drivers.flatMap(topicsOf))
  const load = await Load.begin(step, drivers, topicsOf)
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
        await load.more()
        await cluster.die(choose(await cluster.controller()), () => load.more())
        await load.more()
      })
    }
  await load.check()
}
