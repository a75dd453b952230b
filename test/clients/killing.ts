import { randomIntegers } from '../soak.ts'
import { type SuiteRun, type Step } from './scenario.ts'
import { type ThreeNodes } from './three-nodes.ts'

/**
 * Runs a suite's tests while its brokers are killed and brought back: one at the beginning, and one more whenever a step has passed,
 * but none before all replicas of the one before are in sync.
 */
export const whileKilling = async (
  run: SuiteRun<ThreeNodes>,
  tests: (run: SuiteRun) => Promise<void>,
): Promise<void> => {
  const { broker, chance } = run
  const own = randomIntegers(chance(2 ** 31))
  let isOver = false
  let killing: Promise<void> | null = null
  await new Promise<void>((resolve, reject) => {
    const kill = (): void => {
      if (isOver) return
      killing ??= run
        .step('kill -9 of one broker', () => broker.killOne(own))
        .finally(() => (killing = null))
      killing.catch(reject)
    }
    const step: Step = async (name, body) => {
      const result = await run.step(name, body)
      kill()
      return result
    }
    kill()
    tests({ ...run, step }).then(resolve, reject)
  }).finally(() => (isOver = true))
  await killing
  await run.step('all replicas are in sync in the end', () => broker.isWhole())
}
