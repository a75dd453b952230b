import { DEFAULT_TIMEOUTS } from '../../../src/quorum/types.ts'
import { reported } from '../seeds.ts'
import type { QuorumSchedule } from './faults.ts'
import { simulateQuorum } from './simulation.ts'

/**
 * What the search found where a voter with an empty disk votes, as a schedule of its own: one lags behind what the two others
 * have committed, and of these one is down when the other one comes back with an empty disk.
 */
const laggingBesideEmpty: QuorumSchedule = {
  nodes: 'drivers',
  durationMs: 16_000,
  timeouts: DEFAULT_TIMEOUTS,
  isDynamic: false,
  formsItself: true,
  voters: 3,
  observers: 0,
  maxIdleIntervalMs: 0,
  faults: [
    { atMs: 4000, type: 'cut', node: 2, way: 'both', forMs: 5000 },
    { atMs: 8500, type: 'kill', node: 0, downMs: 6000 },
    { atMs: 8550, type: 'wipe', node: 1, downMs: 200 },
  ],
}

test('a voter with an empty disk does not elect one that lacks what it had', async () => {
  const { epochs, acknowledged } = await reported(simulateQuorum(1, laggingBesideEmpty))
  expect(epochs).toBeGreaterThan(1)
  expect(acknowledged).toBeGreaterThan(50)
}, 120_000)
