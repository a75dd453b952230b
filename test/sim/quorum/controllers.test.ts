import { scale } from '../../soak.ts'
import { firstSeed, reported, simulateSeeds } from '../seeds.ts'
import { simulateQuorum } from './simulation.ts'

const runs = scale(6, 150)
const votersOf = (seed: number): number => (seed % 4 === 0 ? 5 : 3)

function simulate(seed: number) {
  return reported(simulateQuorum(seed, { nodes: 'controllers', voters: votersOf(seed) }))
}

test(`whole controllers keep the metadata, and have the same at the same offset, through crashes, cuts, wiped disks and changes of their voters (soak, seeds ${firstSeed} to ${firstSeed + runs - 1})`, async () => {
  const { acknowledged, epochs, starts, voterSets } = await simulateSeeds(
    runs,
    ['acknowledged', 'epochs', 'starts', 'voterSets'],
    simulate,
  )
  // The simulation simulates something.
  expect(acknowledged).toBeGreaterThan(200 * runs)
  expect(epochs).toBeGreaterThan(3 * runs)
  expect(starts).toBeGreaterThan(6 * runs)
  expect(voterSets).toBeGreaterThan(runs)
}, 7_200_000)
