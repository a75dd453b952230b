import { scale, seed as firstSeed, soaking } from '../../soak.ts'
import { SimulationFailure } from '../failure.ts'
import { simulateBroker } from '../simulation.ts'
import { transactionWorkload } from './workload.ts'

/** CI runs the same seeds each time: a new one that fails must not stop somebody else's work. Soak draws new ones. */
const first = soaking ? firstSeed : 1
const runs = scale(50, 1000)

async function simulate(seed: number) {
  try {
    return await simulateBroker(seed, { option: ' --transactions' }, transactionWorkload())
  } catch (error) {
    if (error instanceof SimulationFailure) console.error(error.report)
    throw error
  }
}

test(`transactions take each input exactly once, and show nothing undecided or aborted, through crashes of brokers and clients (soak, seeds ${first} to ${first + runs - 1})`, async () => {
  let committed = 0
  let starts = 0
  for (let seed = first; seed < first + runs; seed++) {
    const { acknowledged, starts: ofBroker } = await simulate(seed)
    committed += acknowledged
    starts += ofBroker
  }
  // The simulation simulates something.
  expect(committed).toBeGreaterThan(50 * runs)
  expect(starts).toBeGreaterThan(2 * runs)
}, 7_200_000)

test('a seed run twice is the same to the last event', async () => {
  const [once, again] = [await simulate(first), await simulate(first)]
  expect(again).toEqual(once)
}, 600_000)
