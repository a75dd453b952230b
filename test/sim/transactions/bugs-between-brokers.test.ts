import { rooms } from '../../mutants/all.ts'
import { tryMutant } from '../../mutants/trial.ts'

/** What the simulation of transactions over three brokers is there to find: what is between the brokers. */
const PATTERN = 'sim/transactions/cluster'
/**
 * Faults that show such bugs whatever the seed, nearly: which of the seeds that draw their own faults find one changes with the
 * code. Where a bug is found no longer, these faults have to come nearer to it.
 */
const NAME = 'transactions over three brokers of which one is always away'
const bugs = Object.values(rooms)
  .flat()
  .filter(({ killedBy }) => killedBy.includes(PATTERN))

test.each(bugs)(
  'the simulation of three brokers finds: $about',
  async (bug) => {
    const { verdict, how } = await tryMutant(bug, [PATTERN], {
      root: process.cwd(),
      limitMs: 300_000,
      only: NAME,
    })
    expect(`${verdict}: ${how}`).toMatch(new RegExp(`^killed: ${NAME}`))
  },
  400_000,
)
