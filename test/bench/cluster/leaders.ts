import { pause } from '../processes.ts'
import type { Line } from '../report.ts'
import {
  activeController,
  areInSync,
  countOf,
  ledPartitions,
  startAll,
  until,
  untilServed,
} from './asking.ts'
import type { Node } from './nodes.ts'
import { type Cluster, type Measured, type ReplicationBench, measureInRounds } from './pair.ts'
import { createPartitions, deletePartitions, isOurs } from './partitions.ts'

/** Followers have begun to fetch by then. */
const settleMs = 2_000

const measured = (count: number): Measured => ({
  name: 'leaders',
  title: `${count.toLocaleString('en-US')} leaders on a broker that is killed`,
  measures: { 'kill -9 until the last one serves, ms': { atMost: 0.3 } },
})

/** Waits until all partitions have leaders among other nodes, and are served. */
const untilTakenOver = async (
  killed: Node,
  left: readonly Node[],
  count: number,
): Promise<void> => {
  const ledByOthers = async (): Promise<boolean> => {
    const led = new Map(await ledPartitions(left[0]!.client!, isOurs))
    led.delete(killed.id)
    if (countOf(led) < count) return false
    for (const [leader, topics] of led) {
      await untilServed(left.find(({ id }) => id === leader)!.client!, topics)
    }
    return true
  }
  await until('other leaders', ledByOthers)
}

/** A broker that leads all and isn't the active controller is killed. Then it comes back. */
export const measureLeaders = (
  of: ReplicationBench,
  clusters: readonly Cluster[],
): Promise<Line[]> => {
  const count = of.plan.quick ? 200 : 1_000
  return measureInRounds(of, clusters, measured(count), async ({ nodes }, note) => {
    const active = await activeController(nodes[0]!.client!)
    const killed = nodes.find(({ id }) => id !== active)!
    const left = nodes.filter((node) => node !== killed)
    const [one, other] = left.map(({ id }) => id)
    const replicas = [
      [killed.id, one!, other!],
      [killed.id, other!, one!],
    ]
    const counts = { topics: 1, partitionsEach: count, topicsInRequest: 1 }
    await createPartitions(nodes, { ...counts, replicas })
    await pause(settleMs)
    const startedMs = performance.now()
    await killed.process.kill9()
    await untilTakenOver(killed, left, count)
    note('kill -9 until the last one serves, ms', performance.now() - startedMs)
    await startAll([killed], nodes.length)
    await until('all to be in sync', () => areInSync(left[0]!.client!, isOurs, nodes.length))
    await deletePartitions(nodes, counts)
  })
}
