import { scale } from '../../soak.ts'
import { firstSeed, reported, simulateSeeds } from '../seeds.ts'
import type { Schedule } from '../faults.ts'
import { simulateBroker } from '../simulation.ts'
import { DIVERGING } from './found-bugs.ts'
import { layoutOf, REPLICATION_OPTION, replicatedWorkload } from './workload.ts'

const runs = scale(4, 500)
const shortRuns = scale(80, 2000)

function simulate(seed: number, schedule?: Schedule, isShort = false) {
  const { layout = layoutOf(seed) } = schedule ?? {}
  const options = { layout, option: REPLICATION_OPTION, schedule, isShort }
  return reported(simulateBroker(seed, options, replicatedWorkload(layout)))
}

test('a leader that comes back with records that nobody else has gives them up', async () => {
  const { acknowledged, starts } = await simulate(7, DIVERGING)
  expect(acknowledged).toBeGreaterThan(300)
  expect(starts).toBe(4)
}, 600_000)

test(`what three replicas have acknowledged is there, no offset is read with two contents, and all have the same in the end, while brokers and their controller die, lose power and are cut off (soak, seeds ${firstSeed} to ${firstSeed + runs - 1})`, async () => {
  const { acknowledged, starts } = await simulateSeeds(runs, ['acknowledged', 'starts'], (seed) =>
    simulate(seed),
  )
  // The simulation simulates something.
  expect(acknowledged).toBeGreaterThan(300 * runs)
  expect(starts).toBeGreaterThan(4 * runs)
}, 7_200_000)

test(`what three replicas have acknowledged is there, too, where faults come close to one another, in short courses (soak, seeds ${firstSeed} to ${firstSeed + shortRuns - 1})`, async () => {
  const counts = ['acknowledged', 'starts'] as const
  const { acknowledged, starts } = await simulateSeeds(shortRuns, counts, (seed) =>
    simulate(seed, undefined, true),
  )
  expect(acknowledged).toBeGreaterThan(200 * shortRuns)
  expect(starts).toBeGreaterThan(4 * shortRuns)
}, 7_200_000)

test('a seed of replicas run twice is the same to the last event', async () => {
  const [once, again] = [await simulate(firstSeed), await simulate(firstSeed)]
  expect(again).toEqual(once)
}, 600_000)
