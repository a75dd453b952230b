import path from 'node:path'
import { removeAll } from '../brokers.ts'
import { Pinger } from '../longest-wait.ts'
import { pause } from '../processes.ts'
import type { Line } from '../report.ts'
import { type Samples, forEachOf, linesOf, sampler } from '../samples.ts'
import { startAll } from './asking.ts'
import { prepareNodes, unreplicated } from './nodes.ts'
import { type Shape, requestTopics, totalOf } from './partitions.ts'
import type { ClusterBench } from './plan.ts'
import { RegisteredBroker } from './registered-broker.ts'

const settleMs = 5_000
/** Of brokers that don't run. */
const brokerIds = [11, 12, 13]

/**
 * A process that is only a controller, with many partitions on brokers that are registered and don't run: what its image
 * takes, how long it takes to have a third of the partitions led by nobody and led again, and how long it then leaves others
 * without an answer.
 */
export const measureController = async (of: ClusterBench): Promise<Line[]> => {
  const samples: Samples = new Map()
  const failures: string[] = []
  const sample = sampler(samples)
  const shape: Shape = { ...of.sizes.image, replicas: 1 }
  const total = totalOf(shape).toLocaleString('en-US')
  await forEachOf('a controller', of, failures, async (kind) => {
    const directory = path.join(of.directory, `controller-${kind}`)
    const plan = {
      kind,
      count: 1,
      roles: 'controller',
      directory,
      nodeFlags: of.nodeFlags,
      settings: unreplicated,
    } as const
    const [node] = await prepareNodes(plan)
    const brokers: RegisteredBroker[] = []
    let pinger: Pinger | null = null
    try {
      await startAll([node!], 0)
      for (const id of brokerIds)
        brokers.push(await RegisteredBroker.register(id, node!.controller))
      const watch = (pinger = new Pinger(node!.controller))
      await pause(settleMs)
      const measured = async (what: string, work: () => Promise<void>): Promise<void> => {
        await watch.longestMs()
        const startedMs = performance.now()
        await work()
        sample(`${what}, s`, kind, (performance.now() - startedMs) / 1e3)
        sample(`longest wait meanwhile, ms (${what})`, kind, await watch.longestMs())
      }
      await measured('create them', () => requestTopics(node!.controller, shape))
      await pause(settleMs)
      sample('resident memory, MB', kind, node!.process.residentBytes() / 1e6)
      await measured('fence a third', () => brokers[0]!.fence())
      await measured('lead it again', () => brokers[0]!.serve())
      await pause(settleMs)
      sample('resident memory then, MB', kind, node!.process.residentBytes() / 1e6)
    } finally {
      for (const broker of brokers) broker.close()
      await pinger?.end()
      await node!.process.stop()
      await removeAll(directory)
    }
  })
  return linesOf(`a controller with ${total} partitions`, samples, {}, failures)
}
