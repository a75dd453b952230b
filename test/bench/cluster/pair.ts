import type { BrokerName, Loaded } from '../brokers.ts'
import type { Client } from '../client.ts'
import type { Plan, Progress } from '../load.ts'
import type { Line } from '../report.ts'
import { type Compared, type Samples, linesOf, sampler } from '../samples.ts'
import type { Target } from '../workloads.ts'
import type { Node, Place } from './nodes.ts'
import { withCluster } from './with-cluster.ts'

export interface ReplicationBench {
  readonly brokers: readonly BrokerName[]
  readonly directory: string
  readonly client: Client
  readonly nodeFlags: readonly string[]
  readonly plan: Plan
  readonly progress: Progress
}

/** Three nodes of one kind. */
export interface Cluster {
  readonly kind: Compared
  readonly nodes: readonly Node[]
}

export const kindsOf = ({ brokers }: ReplicationBench): Compared[] =>
  brokers.filter((name) => name !== 'sink')

/**
 * Gives a body a cluster of each kind, all up at the same time, so that rounds can alternate. Their settings are the default ones.
 * @param what they are for
 */
export const withClusters = (
  of: ReplicationBench,
  what: string,
  body: (clusters: readonly Cluster[]) => Promise<Line[]>,
): Promise<Line[]> => {
  const start = ([kind, ...kinds]: Compared[], clusters: readonly Cluster[]): Promise<Line[]> => {
    if (kind === undefined) return body(clusters)
    of.progress(`${what}: three nodes of ${kind} start`)
    return withCluster({ ...of, kind, what, settings: {} }, (nodes) =>
      start(kinds, [...clusters, { kind, nodes }]),
    )
  }
  return start(kindsOf(of), [])
}

export const addressOf = ({ host, port }: Place): string => `${host}:${port}`

/** A cluster as what workloads run on. */
export const loadedOf = ({ kind, nodes }: Cluster): Loaded => ({
  name: kind,
  address: addressOf(nodes[0]!.client!),
  directory: nodes[0]!.directory,
  pids: () => nodes.map(({ process }) => process.pid),
})

/** What is measured round after round. */
export interface Measured {
  readonly name: string
  readonly title: string
  /** What comes of it, in the order of the table. */
  readonly measures: Readonly<Record<string, Target | null>>
}

export type Note = (measure: string, value: number) => void

/** Has one cluster after the other do something, round after round. One that fails is done with. */
export const measureInRounds = async (
  { plan, progress }: ReplicationBench,
  clusters: readonly Cluster[],
  { name, title, measures }: Measured,
  body: (cluster: Cluster, note: Note) => Promise<void>,
): Promise<Line[]> => {
  const samples: Samples = new Map(Object.keys(measures).map((measure) => [measure, new Map()]))
  const failures = new Map<Compared, string>()
  for (let round = 1; round <= plan.rounds; round += 1) {
    for (const cluster of clusters) {
      const { kind } = cluster
      if (failures.has(kind)) continue
      progress(`${name}: ${kind}, round ${round}`)
      try {
        await body(cluster, (measure, value) => sampler(samples)(measure, kind, value))
      } catch (error) {
        failures.set(kind, `${name} on ${kind}: ${(error as Error).message}`)
        progress(failures.get(kind)!)
      }
    }
  }
  return linesOf(title, samples, measures, [...failures.values()])
}
