import { scale, seed as firstSeed, soaking } from '../soak.ts'
import { SimulationFailure } from './failure.ts'
import { simulateBroker } from './simulation.ts'

/** CI runs the same seeds each time: a new one that fails must not stop somebody else's work. Soak draws new ones. */
const first = soaking ? firstSeed : 1
const runs = scale(20, 200)

async function simulate(seed: number) {
  try {
    return await simulateBroker(seed)
  } catch (error) {
    if (error instanceof SimulationFailure) console.error(error.report)
    throw error
  }
}

test(`whole brokers keep what they acknowledge through crashes, torn writes, full disks and jumping clocks (soak, seeds ${first} to ${first + runs - 1})`, async () => {
  let acknowledged = 0
  let starts = 0
  for (let seed = first; seed < first + runs; seed++) {
    const result = await simulate(seed)
    acknowledged += result.acknowledged
    starts += result.starts
  }
  // The simulation simulates something.
  expect(acknowledged).toBeGreaterThan(500 * runs)
  expect(starts).toBeGreaterThan(2 * runs)
}, 3_600_000)

test('a seed run twice is the same to the last event', async () => {
  const [once, again] = [await simulate(first), await simulate(first)]
  expect(again).toEqual(once)
  expect((await simulate(first + 1)).hash).not.toBe(once.hash)
}, 600_000)

test('a schedule that is given takes the place of the seed’s own', async () => {
  const schedule = {
    durationMs: 3000,
    faults: [{ atMs: 1000, type: 'power', survives: 'torn', downMs: 100 }] as const,
  }
  const result = await simulateBroker(7, { schedule })
  expect([result.schedule, result.starts]).toEqual([schedule, 2])
}, 600_000)
