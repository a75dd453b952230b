import { soaking } from '../../soak.ts'
import { reported } from '../seeds.ts'
import { simulateBroker } from '../simulation.ts'
import { failuresOf, simulateWith } from '../with-bug.ts'
import { foundBugs } from './found-bugs.ts'
import { layoutOf, REPLICATION_OPTION, replicatedWorkload } from './workload.ts'

const SEED = 1
const REPLICATED = REPLICATION_OPTION.trim().split(' ')

describe.each(foundBugs)('$shown where $bug.about', ({ shown, bug, schedule, seeds = 2 }) => {
  const failures = async (options: readonly string[]): Promise<string> => {
    const output = await simulateWith(bug, [...REPLICATED, '--until', shown, ...options])
    return failuresOf(output).join('\n')
  }

  /** Where it is not any more, the code has come to do other things at these moments: the faults are to be brought nearer. */
  test('is what the simulation says under these faults', async () => {
    const faults = ['--schedule', JSON.stringify(schedule)]
    expect(await failures(['--seed', String(SEED), '--runs', String(seeds), ...faults])).toContain(
      shown,
    )
  }, 900_000)

  const search = soaking ? test : test.skip
  search(
    'is found by a search (soak)',
    async () => expect(await failures(['--seed', '1', '--runs', '200'])).toContain('--seed'),
    3_600_000,
  )
})

/** Several bugs are found under the same faults. */
const schedules = [...new Map(foundBugs.map((found) => [found.schedule, found])).values()]

test.each(schedules)(
  'nothing is wrong under the faults of “$shown” without a bug',
  async ({ schedule }) => {
    const options = { option: REPLICATION_OPTION, schedule }
    const workload = replicatedWorkload(schedule.layout ?? layoutOf(SEED))
    const { acknowledged } = await reported(simulateBroker(SEED, options, workload))
    expect(acknowledged).toBeGreaterThan(100)
  },
  600_000,
)
