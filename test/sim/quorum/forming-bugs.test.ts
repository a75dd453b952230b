import { rooms } from '../../mutants/all.ts'
import { tryMutant } from '../../mutants/trial.ts'

/** What the search through seeds of forming quorums has found is replayed: a search would take longer. */
const PATTERN = 'sim/quorum/forming-replay'
const bugs = Object.values(rooms)
  .flat()
  .filter(({ killedBy }) => killedBy.includes(PATTERN))

test.each(bugs)(
  'the simulation of forming quorums finds: $about',
  async (bug) => {
    const { verdict, how } = await tryMutant(bug, [PATTERN], {
      root: process.cwd(),
      limitMs: 120_000,
    })
    expect(`${verdict}: ${how}`).toMatch(/^killed: a voter with an empty disk/)
  },
  400_000,
)
