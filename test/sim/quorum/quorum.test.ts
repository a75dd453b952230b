import { scale, seed as firstSeed, soaking } from '../../soak.ts'
import { SimulationFailure } from '../failure.ts'
import type { QuorumSchedule } from './faults.ts'
import { simulateQuorum } from './simulation.ts'

/** CI runs the same seeds each time: a new one that fails must not stop somebody else's work. Soak draws new ones. */
const first = soaking ? firstSeed : 1
const runs = scale(12, 500)

async function simulate(seed: number, schedule?: QuorumSchedule) {
  try {
    return await simulateQuorum(seed, 3, schedule)
  } catch (error) {
    if (error instanceof SimulationFailure) console.error(error.report)
    throw error
  }
}

test(`a quorum of three keeps what it acknowledged through crashes, cuts and losses (soak, seeds ${first} to ${first + runs - 1})`, async () => {
  let acknowledged = 0
  let epochs = 0
  let starts = 0
  for (let seed = first; seed < first + runs; seed++) {
    const result = await simulate(seed)
    acknowledged += result.acknowledged
    epochs += result.epochs
    starts += result.starts
  }
  // The simulation simulates something.
  expect(acknowledged).toBeGreaterThan(300 * runs)
  expect(epochs).toBeGreaterThan(4 * runs)
  expect(starts).toBeGreaterThan(6 * runs)
}, 7_200_000)

test('a seed of a quorum run twice is the same to the last event', async () => {
  const [once, again] = [await simulate(first), await simulate(first)]
  expect(again).toEqual(once)
}, 600_000)
