import { scale } from '../../soak.ts'
import { firstSeed, reported, simulateSeeds } from '../seeds.ts'
import { simulateQuorum } from './simulation.ts'

const runs = scale(54, 850)
const votersOf = (seed: number): number => (seed % 3 === 0 ? 5 : 3)

function simulate(seed: number) {
  return reported(simulateQuorum(seed, { nodes: 'drivers', voters: votersOf(seed) }))
}

test(`quorums of three and five keep what they acknowledged through crashes, cuts, losses, wiped disks and changes of their voters (soak, seeds ${firstSeed} to ${firstSeed + runs - 1})`, async () => {
  const { acknowledged, epochs, starts, voterSets } = await simulateSeeds(
    runs,
    ['acknowledged', 'epochs', 'starts', 'voterSets'],
    simulate,
  )
  // The simulation simulates something.
  expect(acknowledged).toBeGreaterThan(300 * runs)
  expect(epochs).toBeGreaterThan(4 * runs)
  expect(starts).toBeGreaterThan(6 * runs)
  expect(voterSets).toBeGreaterThan(2 * runs)
}, 7_200_000)

test('a seed of a quorum run twice is the same to the last event', async () => {
  const [once, again] = [await simulate(firstSeed), await simulate(firstSeed)]
  expect(again).toEqual(once)
}, 600_000)
