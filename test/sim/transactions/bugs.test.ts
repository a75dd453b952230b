import { rooms } from '../../mutants/all.ts'
import { tryMutant } from '../../mutants/trial.ts'

/** What the simulation of transactions is there to find, of what no unit test looks at alone. */
const PATTERN = 'sim/transactions/transactions'
/** The other tests there would run whatever seed shows it once more. */
const NAME = 'transactions take each input exactly once'
const bugs = Object.values(rooms)
  .flat()
  .filter(({ killedBy }) => killedBy.includes(PATTERN))

test.each(bugs)(
  'the simulation finds: $about',
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
