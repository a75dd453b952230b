import type { Line } from '../report.ts'
import { measureController } from './controller-memory.ts'
import type { ClusterBench } from './plan.ts'
import { measureBrokerStart, measurePartitions } from './three-nodes.ts'

/** What `--only` names with `--cluster-metadata`. */
export const clusterPhases = ['partitions', 'fail-over', 'broker-start', 'controller']

/** What clusters do with their metadata: three nodes, and a controller by itself. */
export const measureClusterMetadata = async (
  of: ClusterBench,
  only: readonly string[],
): Promise<Line[]> => {
  const lines: Line[] = []
  const failsOver = only.includes('fail-over')
  if (only.includes('partitions') || failsOver)
    lines.push(...(await measurePartitions(of, failsOver)))
  if (only.includes('broker-start')) lines.push(...(await measureBrokerStart(of)))
  if (only.includes('controller')) lines.push(...(await measureController(of)))
  return lines
}
