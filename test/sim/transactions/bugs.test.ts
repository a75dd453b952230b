import { rooms } from '../../mutants/all.ts'
import { tryMutant } from '../../mutants/trial.ts'

/** What the simulation of transactions is there to find, of what no unit test looks at alone. */
const PATTERN = 'sim/transactions/transactions'
const bugs = Object.values(rooms)
  .flat()
  .filter(({ killedBy }) => killedBy.includes(PATTERN))

test.each(bugs)(
  'the simulation finds: $about',
  async (bug) => {
    const { verdict, how } = await tryMutant(bug, [PATTERN], {
      root: process.cwd(),
      limitMs: 300_000,
    })
    expect(`${verdict}: ${how}`).toMatch(/^killed: transactions take each input exactly once/)
  },
  400_000,
)
