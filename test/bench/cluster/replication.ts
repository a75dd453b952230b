import type { Line } from '../report.ts'
import { measureCatchUp } from './catch-up.ts'
import { measureCoordinator } from './coordinator.ts'
import { measureIdle } from './idle.ts'
import { measureLeaders } from './leaders.ts'
import { loads, measureLoads } from './loads.ts'
import { type Cluster, type ReplicationBench, withClusters } from './pair.ts'

type Change = (of: ReplicationBench, clusters: readonly Cluster[]) => Promise<Line[]>

/** What happens when nodes go and come, and leaders move. */
const changes: Readonly<Record<string, Change>> = {
  'catch-up': measureCatchUp,
  leaders: measureLeaders,
  coordinator: measureCoordinator,
}

/** What `--only` names with `--cluster`. */
export const replicationPhases = [...loads.map(({ name }) => name), ...Object.keys(changes), 'idle']

/** Three nodes with three replicas of everything. */
export const measureReplication = async (
  of: ReplicationBench,
  only: readonly string[],
): Promise<Line[]> => {
  const lines: Line[] = []
  const chosen = loads.filter(({ name }) => only.includes(name))
  if (chosen.length > 0) {
    lines.push(
      ...(await withClusters(of, 'loads', (clusters) => measureLoads(of, clusters, chosen))),
    )
  }
  for (const [name, measure] of Object.entries(changes)) {
    if (!only.includes(name)) continue
    lines.push(...(await withClusters(of, name, (clusters) => measure(of, clusters))))
  }
  if (only.includes('idle')) lines.push(...(await measureIdle(of)))
  return lines
}
