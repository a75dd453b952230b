import { scale } from '../soak.ts'
import { firstSeed, reported, simulateSeeds } from './seeds.ts'
import { simulateBroker } from './simulation.ts'

const runs = scale(20, 200)

function simulate(seed: number) {
  return reported(simulateBroker(seed))
}

test(`whole brokers keep what they acknowledge through crashes, torn writes, full disks and jumping clocks (soak, seeds ${firstSeed} to ${firstSeed + runs - 1})`, async () => {
  const { acknowledged, starts } = await simulateSeeds(runs, ['acknowledged', 'starts'], simulate)
  // The simulation simulates something.
  expect(acknowledged).toBeGreaterThan(500 * runs)
  expect(starts).toBeGreaterThan(2 * runs)
}, 3_600_000)

test('a seed run twice is the same to the last event', async () => {
  const [once, again] = [await simulate(firstSeed), await simulate(firstSeed)]
  expect(again).toEqual(once)
  expect((await simulate(firstSeed + 1)).hash).not.toBe(once.hash)
}, 600_000)

test('a schedule that is given takes the place of the seed’s own', async () => {
  const schedule = {
    durationMs: 3000,
    faults: [{ atMs: 1000, type: 'power', survives: 'torn', downMs: 100 }] as const,
  }
  const result = await simulateBroker(7, { schedule })
  expect([result.schedule, result.starts]).toEqual([schedule, 2])
}, 600_000)
