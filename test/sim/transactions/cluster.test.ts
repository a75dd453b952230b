import { scale } from '../../soak.ts'
import { firstSeed, reported, simulateSeeds } from '../seeds.ts'
import type { Fault, Schedule } from '../faults.ts'
import { simulateBroker } from '../simulation.ts'
import { plainLayout } from '../topology.ts'
import { transactionOption, transactionWorkload } from './workload.ts'

const runs = scale(10, 500)
const BROKERS = 3

function simulate(seed: number, schedule?: Schedule) {
  const options = { layout: plainLayout(BROKERS), option: transactionOption(BROKERS), schedule }
  return reported(simulateBroker(seed, options, transactionWorkload()))
}

/**
 * Each broker in turn is down for longer than it takes to be fenced. The seeds are those whose topics have one replica: nobody takes
 * the place of a coordinator or a leader, so that each transaction meanwhile has to do with one that is not there.
 */
const ONE_IS_AWAY: Schedule = {
  durationMs: 24_000,
  faults: [0, 1, 2, 3, 4, 5, 6].map((turn): Fault => ({
    atMs: 2000 + 3000 * turn,
    type: 'kill',
    downMs: 2500,
    node: turn % BROKERS,
  })),
}

test.each([4, 6, 8])(
  'transactions over three brokers of which one is always away wait for it (seed %i)',
  async (seed) => {
    const { acknowledged, starts } = await simulate(seed, ONE_IS_AWAY)
    expect(acknowledged).toBeGreaterThan(20)
    expect(starts).toBe(11)
  },
  600_000,
)

test(`transactions over three brokers take each input exactly once, and show nothing undecided or aborted, while brokers, their coordinators and their controller die and come back (soak, seeds ${firstSeed} to ${firstSeed + runs - 1})`, async () => {
  const { acknowledged, starts } = await simulateSeeds(runs, ['acknowledged', 'starts'], (seed) =>
    simulate(seed),
  )
  // The simulation simulates something.
  expect(acknowledged).toBeGreaterThan(20 * runs)
  expect(starts).toBeGreaterThan(6 * runs)
}, 7_200_000)

test('a seed of a cluster run twice is the same to the last event', async () => {
  const [once, again] = [await simulate(firstSeed), await simulate(firstSeed)]
  expect(again).toEqual(once)
}, 600_000)
