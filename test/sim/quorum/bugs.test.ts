import { soaking } from '../../soak.ts'
import { simulateWith } from '../with-bug.ts'
import { foundBugs } from './found-bugs.ts'
import { simulateQuorum } from './simulation.ts'

/** With other code the same faults come at other moments: one of so many seeds has to show the bug, mostly the first. */
const SEEDS = 16

describe.each(foundBugs)(
  '$rule, which is broken where $bug.about',
  ({ rule, bug, seed, schedule }) => {
    const shown = `: ${rule}: `
    const isShown = async (options: readonly string[]): Promise<boolean> => {
      const output = await simulateWith(bug, ['--nodes', '3', '--until', shown, ...options])
      return output.includes(shown)
    }

    test('is what the simulation says under these faults', async () => {
      const faults = ['--schedule', JSON.stringify(schedule)]
      const seeds = ['--seed', String(seed), '--runs', String(SEEDS)]
      expect(await isShown([...seeds, ...faults])).toBe(true)
    }, 900_000)

    const search = soaking ? test : test.skip
    search(
      'is found by a search (soak)',
      async () => expect(await isShown(['--seed', '1', '--runs', '60'])).toBe(true),
      900_000,
    )
  },
)

/** Several bugs are found under the same faults. */
const schedules = [...new Map(foundBugs.map((found) => [found.schedule, found])).values()]

test.each(schedules)(
  '$rule holds under these faults, from seed $seed on',
  async ({ seed, schedule }) => {
    const { acknowledged } = await simulateQuorum(seed, schedule)
    expect(acknowledged).toBeGreaterThan(100)
  },
  300_000,
)
