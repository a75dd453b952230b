import { readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { pause } from '../processes.ts'
import type { Line } from '../report.ts'
import { activeController, areInSync, limitMs, unlessEnded, until } from './asking.ts'
import type { Node } from './nodes.ts'
import {
  type Cluster,
  type Measured,
  type Note,
  type ReplicationBench,
  addressOf,
  measureInRounds,
} from './pair.ts'
import { createPartitions, deletePartitions, isOurs, nameOf } from './partitions.ts'

const partitionsEach = 4
const topic = nameOf(0)
const lookAgainMs = 2

const measured = (bytes: number): Measured => ({
  name: 'catch-up',
  title: `a follower that was away for ${bytes / 1e6} MB`,
  measures: {
    'MB/s while it catches up': null,
    'CPU s/GB of its leaders': null,
    'from its start to in sync, s': null,
  },
})

/** The bytes that a node has of the topic's log. */
const bytesOf = ({ directory }: Node): number => {
  let bytes = 0
  for (let index = 0; index < partitionsEach; index += 1) {
    const log = path.join(directory, `${topic}-${index}`)
    const segments = readdirSync(log).filter((name) => name.endsWith('.log'))
    for (const name of segments) bytes += statSync(path.join(log, name)).size
  }
  return bytes
}

/** Waits until it isn't so many bytes any more that a node has, or as many as it should have. */
const untilGrown = async (
  node: Node,
  isEnough: (bytes: number) => boolean,
  signal: AbortSignal,
): Promise<number> => {
  const end = performance.now() + limitMs
  for (;;) {
    const bytes = bytesOf(node)
    if (isEnough(bytes)) return bytes
    if (signal.aborted) throw new Error('it has ended')
    if (performance.now() > end) throw new Error(`it stands at ${bytes} bytes`)
    await pause(lookAgainMs)
  }
}

const catchUp = async (
  follower: Node,
  leaders: readonly Node[],
  total: number,
  note: Note,
): Promise<void> => {
  const cpuSeconds = (): number =>
    leaders.reduce((sum, { process }) => sum + process.cpuSeconds(), 0)
  const startedMs = performance.now()
  const had = bytesOf(follower)
  await unlessEnded([follower], async (signal) => {
    const began = await untilGrown(follower, (bytes) => bytes > had, signal)
    const beganMs = performance.now()
    const cpuBefore = cpuSeconds()
    await untilGrown(follower, (bytes) => bytes >= total, signal)
    const seconds = (performance.now() - beganMs) / 1e3
    const spent = cpuSeconds() - cpuBefore
    const isInSync = () => areInSync(leaders[0]!.client!, isOurs, leaders.length + 1)
    await until('it to be in sync', isInSync, signal)
    note('MB/s while it catches up', (total - began) / 1e6 / seconds)
    note('CPU s/GB of its leaders', spent / ((total - began) / 1e9))
    note('from its start to in sync, s', (performance.now() - startedMs) / 1e3)
  })
}

/** A node is stopped in order, misses so many bytes of two leaders, and comes back. */
export const measureCatchUp = (
  of: ReplicationBench,
  clusters: readonly Cluster[],
): Promise<Line[]> => {
  const bytes = of.plan.quick ? 3e8 : 1e9
  return measureInRounds(of, clusters, measured(bytes), async ({ nodes }, note) => {
    const active = await activeController(nodes[0]!.client!)
    const follower = nodes.find(({ id }) => id !== active)!
    const leaders = nodes.filter((node) => node !== follower)
    const [one, other] = leaders.map(({ id }) => id)
    const replicas = [
      [one!, other!, follower.id],
      [other!, one!, follower.id],
    ]
    await createPartitions(nodes, { topics: 1, partitionsEach, topicsInRequest: 1, replicas })
    await follower.process.stop()
    const load = { topic, connections: 2, acks: -1, 'record-bytes': 1024, 'batch-records': 15 }
    const bounds = { warmup: '0s', duration: '120s', 'max-bytes': bytes }
    const address = addressOf(leaders[0]!.client!)
    await of.client.call('produce', address, { ...load, ...bounds }, limitMs)
    await catchUp(follower, leaders, bytesOf(leaders[0]!), note)
    await deletePartitions(nodes, { topics: 1, partitionsEach, topicsInRequest: 1 })
  })
}
