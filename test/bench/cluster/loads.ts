import path from 'node:path'
import { type Loaded, prepareBroker } from '../brokers.ts'
import { runWorkload } from '../load.ts'
import type { Line } from '../report.ts'
import type { Workload } from '../workloads.ts'
import { type Cluster, type ReplicationBench, loadedOf } from './pair.ts'

/** Two partitions to each broker, and a producer to each. */
const spread = { command: 'produce', partitions: 6, replicas: 3, touchesMemory: true } as const
const producers = { connections: 3, 'in-flight': 5, acks: -1, 'record-bytes': 1024 }

export const loads: readonly Workload[] = [
  {
    ...spread,
    name: 'produce-1k',
    title: 'produce 1 KB to three replicas, acks=all, large batches',
    flags: { ...producers, 'batch-records': 950 },
    figures: [
      ['MB/s', { atLeast: 1.2 }],
      ['CPU s/GB', { atMost: 0.5 }],
    ],
  },
  {
    ...spread,
    name: 'produce-16k',
    title: 'produce 1 KB to three replicas, acks=all, batches of 15 KB',
    flags: { ...producers, 'batch-records': 15 },
    figures: [
      ['MB/s', { atLeast: 1.2 }],
      ['CPU s/GB', { atMost: 0.5 }],
    ],
  },
  {
    name: 'latency',
    title: 'end-to-end latency, three replicas, acks=all, 2,000 records/s of 1 KB',
    command: 'paced-arrival',
    partitions: 1,
    replicas: 3,
    flags: { acks: -1, rate: 2_000, 'record-bytes': 1024, 'in-flight': 5 },
    figures: [
      ['p50 ms', null],
      ['p99 ms', { atMost: 0.5 }],
      ['CPU µs/record', null],
    ],
  },
]

/** Workloads on clusters of both kinds, and on the sink, which shows the client's own limit. */
export const measureLoads = async (
  of: ReplicationBench,
  clusters: readonly Cluster[],
  chosen: readonly Workload[],
): Promise<Line[]> => {
  const { client, plan, progress } = of
  const directory = path.join(of.directory, 'sink')
  const sink = of.brokers.includes('sink')
    ? await prepareBroker('sink', { ...of, directory })
    : null
  const lines: Line[] = []
  try {
    await sink?.start(0)
    const loaded: Loaded[] = [...clusters.map(loadedOf), ...(sink === null ? [] : [sink])]
    for (const workload of chosen) {
      lines.push(...(await runWorkload(client, loaded, workload, plan, progress)))
    }
  } finally {
    await sink?.stop()
  }
  return lines
}
