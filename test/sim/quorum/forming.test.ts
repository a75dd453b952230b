import { seededRandom } from '../../../src/host/sim/random.ts'
import { scale } from '../../soak.ts'
import { firstSeed, reported, simulateSeeds } from '../seeds.ts'
import type { QuorumNodes, QuorumSchedule } from './faults.ts'
import { crashedAt, randomFormingSchedule } from './forming.ts'
import { simulateQuorum } from './simulation.ts'

function simulate(seed: number, schedule: QuorumSchedule) {
  return reported(simulateQuorum(seed, schedule))
}

test.each<[QuorumNodes, number]>([
  ['drivers', scale(20, 2000)],
  ['controllers', scale(2, 500)],
])(
  'quorums of %s that form themselves keep what they acknowledged, through crashes and with voters that lose their disks (soak)',
  async (nodes, runs) => {
    const { acknowledged, epochs } = await simulateSeeds(runs, ['acknowledged', 'epochs'], (seed) =>
      simulate(seed, randomFormingSchedule(seededRandom(seed), nodes, seed % 4 === 0 ? 5 : 3)),
    )
    // The simulation simulates something.
    expect(acknowledged).toBeGreaterThan(30 * runs)
    expect(epochs).toBeGreaterThanOrEqual(runs)
  },
  7_200_000,
)

/** Of how many moments one is tried, ms apart; a quorum of which nobody crashes has formed by the last. */
const LAST_MS = 4500

test.each<[string, readonly number[]]>([
  ['one node', [0]],
  ['two nodes', [1, 2]],
  ['all nodes', [0, 1, 2]],
])(
  'a quorum forms whenever %s lost power while it did, with all before that moment lost which was not synced (soak)',
  async (_, crashed) => {
    for (const nodes of ['drivers', 'controllers'] as const) {
      const stepMs = nodes === 'drivers' ? scale(700, 2) : scale(4000, 10)
      for (let atMs = 1; atMs < LAST_MS; atMs += stepMs) {
        const result = await simulate(firstSeed + atMs, crashedAt(nodes, atMs, crashed))
        expect(result.acknowledged).toBeGreaterThan(5)
      }
    }
  },
  7_200_000,
)
