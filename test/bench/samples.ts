import type { BrokerName } from './brokers.ts'
import type { Progress } from './load.ts'
import { type Line, median } from './report.ts'
import type { Target } from './workloads.ts'

/** The two that are compared. */
export type Compared = Exclude<BrokerName, 'sink'>

/** Values by measure, in the order in which the table shows them. */
export type Samples = Map<string, Map<Compared, number[]>>

export const sampler = (samples: Samples) => (measure: string, name: Compared, value: number) => {
  const byName = samples.get(measure) ?? new Map<Compared, number[]>()
  samples.set(measure, byName)
  byName.set(name, [...(byName.get(name) ?? []), value])
}

/** One for each measure, with the medians. */
export const linesOf = (
  work: string,
  samples: Samples,
  targets: Readonly<Record<string, Target | null>>,
  failures: readonly string[],
): Line[] =>
  [...samples].map(([measure, byName]) => ({
    work,
    measure,
    ottla: median(byName.get('ottla') ?? []),
    kafka: median(byName.get('kafka') ?? []),
    client: null,
    target: targets[measure] ?? null,
    failures,
  }))

/** Runs a body for each of the two and notes why it failed where it does. */
export const forEachOf = async (
  what: string,
  { brokers, progress }: { readonly brokers: readonly Compared[]; readonly progress: Progress },
  failures: string[],
  body: (name: Compared) => Promise<void>,
): Promise<void> => {
  for (const name of brokers) {
    progress(`${what}: ${name}`)
    try {
      await body(name)
    } catch (error) {
      failures.push(`${what} on ${name}: ${(error as Error).message}`)
      progress(failures.at(-1)!)
    }
  }
}
