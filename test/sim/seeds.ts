import { seed as drawn, soaking } from '../soak.ts'
import { SimulationFailure } from './failure.ts'

/** CI runs the same seeds each time: a new one that fails must not stop somebody else's work. Soak draws new ones. */
export const firstSeed = soaking ? drawn : 1

/** A simulation that fails prints its faults, and how to repeat it. */
export async function reported<Result>(simulation: Promise<Result>): Promise<Result> {
  try {
    return await simulation
  } catch (error) {
    if (error instanceof SimulationFailure) console.error(error.report)
    throw error
  }
}

/**
 * Simulates so many seeds, one after the other.
 * @param counts of its results, to be added up
 */
export async function simulateSeeds<Count extends string>(
  runs: number,
  counts: readonly Count[],
  simulate: (seed: number) => Promise<Readonly<Record<Count, number>>>,
): Promise<Record<Count, number>> {
  const sums = Object.fromEntries(counts.map((count) => [count, 0])) as Record<Count, number>
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const result = await reported(simulate(seed))
    for (const count of counts) sums[count] += result[count]
  }
  return sums
}
