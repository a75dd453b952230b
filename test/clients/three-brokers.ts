import { randomIntegers } from '../soak.ts'
import { type ClusterUnderTest } from './cluster.ts'
import { type Copying, copyInTransactions } from './copying.ts'
import { type Driver } from './driver.ts'
import { type SuiteRun } from './scenario.ts'

/** Of a copy's source and target: each broker leads some of both. */
const partitions: Copying['partitions'] = [3, 6]

/**
 * Several clients copy in transactions on three brokers at the same time, each with topics of its own. One of the brokers is
 * killed for each of them, and brought back.
 */
export const threeBrokersScenario = async (
  { broker: cluster, step, chance }: SuiteRun<ClusterUnderTest>,
  clients: readonly (readonly [name: string, copier: () => Driver])[],
): Promise<void> => {
  let killing: Promise<void> = Promise.resolve()
  const disturb = (): Promise<void> => {
    // One at a time: of three controllers two must live.
    killing = killing.then(() => cluster.killOne(chance))
    return killing
  }
  const copies = clients.map(([name, copier]) => {
    const own = randomIntegers(chance(2 ** 31))
    return step(`a copy in transactions by ${name}`, () =>
      copyInTransactions({ name, driver: copier(), copier, partitions, disturb, chance: own }),
    )
  })
  await Promise.all(copies)
}
