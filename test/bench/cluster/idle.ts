import { pause } from '../processes.ts'
import type { Line } from '../report.ts'
import { type Samples, forEachOf, linesOf, sampler } from '../samples.ts'
import type { Target } from '../workloads.ts'
import type { Node } from './nodes.ts'
import { type ReplicationBench, kindsOf } from './pair.ts'
import { type Shape, createPartitions, inTopics, totalOf } from './partitions.ts'
import { withCluster } from './with-cluster.ts'

const replicas = 3

const targets: Readonly<Record<string, Target | null>> = {
  'create them, s': null,
  'CPU of all nodes, % of a processor': { atMost: 0.3 },
  'resident memory of all nodes, MB': null,
}

const sum = (nodes: readonly Node[], of: (node: Node) => number): number =>
  nodes.reduce((total, node) => total + of(node), 0)

/** Many partitions to which nobody writes. The two kinds run one after the other. */
export const measureIdle = async (of: ReplicationBench): Promise<Line[]> => {
  const { quick, rounds } = of.plan
  const shape: Shape = { ...inTopics(quick ? 1_000 : 10_000), replicas }
  const settleMs = quick ? 5_000 : 20_000
  const intervalMs = quick ? 6_000 : 20_000
  const samples: Samples = new Map(Object.keys(targets).map((measure) => [measure, new Map()]))
  const failures: string[] = []
  const sample = sampler(samples)
  await forEachOf('idle', { ...of, brokers: kindsOf(of) }, failures, (kind) =>
    withCluster({ ...of, kind, what: 'idle', settings: {} }, async (nodes) => {
      sample('create them, s', kind, await createPartitions(nodes, shape))
      await pause(settleMs)
      for (let round = 0; round < rounds; round += 1) {
        const before = sum(nodes, ({ process }) => process.cpuSeconds())
        const startedMs = performance.now()
        await pause(intervalMs)
        const spent = sum(nodes, ({ process }) => process.cpuSeconds()) - before
        const seconds = (performance.now() - startedMs) / 1e3
        sample('CPU of all nodes, % of a processor', kind, (100 * spent) / seconds)
      }
      const resident = sum(nodes, ({ process }) => process.residentBytes())
      sample('resident memory of all nodes, MB', kind, resident / 1e6)
    }),
  )
  const count = totalOf(shape).toLocaleString('en-US')
  return linesOf(`${count} idle partitions of three replicas`, samples, targets, failures)
}
