import { scale } from '../../soak.ts'
import { firstSeed, reported, simulateSeeds } from '../seeds.ts'
import { simulateBroker } from '../simulation.ts'
import { transactionWorkload } from './workload.ts'

const runs = scale(50, 1000)

function simulate(seed: number) {
  return reported(simulateBroker(seed, { option: ' --transactions' }, transactionWorkload()))
}

test(`transactions take each input exactly once, and show nothing undecided or aborted, through crashes of brokers and clients (soak, seeds ${firstSeed} to ${firstSeed + runs - 1})`, async () => {
  const { acknowledged, starts } = await simulateSeeds(runs, ['acknowledged', 'starts'], simulate)
  // The simulation simulates something.
  expect(acknowledged).toBeGreaterThan(50 * runs)
  expect(starts).toBeGreaterThan(2 * runs)
}, 7_200_000)

test('a seed run twice is the same to the last event', async () => {
  const [once, again] = [await simulate(firstSeed), await simulate(firstSeed)]
  expect(again).toEqual(once)
}, 600_000)
