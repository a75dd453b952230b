import type { Distribution } from '../client.ts'
import type { Line } from '../report.ts'
import { type Samples, forEachOf, linesOf, sampler } from '../samples.ts'
import type { Target } from '../workloads.ts'
import {
  activeController,
  clientsOf,
  countOf,
  ledPartitions,
  limitMs,
  unlessEnded,
  until,
  untilServed,
} from './asking.ts'
import { failOver } from './fail-over.ts'
import { type Node, type Place, unreplicated } from './nodes.ts'
import { type Shape, createPartitions, deletePartitions, totalOf } from './partitions.ts'
import type { ClusterBench } from './plan.ts'
import { withCluster } from './with-cluster.ts'

const warmUp: Shape = { topics: 5, partitionsEach: 100, topicsInRequest: 1, replicas: 1 }

const targetsOfFailOver: Record<string, Target> = {
  'kill -9 to the first change, ms': { atMost: 0.5 },
}

const number = (value: number): string => value.toLocaleString('en-US')

const titleOf = (shape: Shape): string =>
  `${number(totalOf(shape))} partitions in ${number(shape.topics)} topics`

/** The time of a Metadata request for all topics, of one broker. */
const describe = async ({ client }: ClusterBench, [first]: readonly Node[]): Promise<number> => {
  const { host, port } = first!.client!
  const times = await client.call<Distribution>('metadata', `${host}:${port}`, {}, limitMs)
  return times.p50Us / 1e3
}

/**
 * Partitions of three nodes are made, described and deleted; while those of the last shape are there, the active controller
 * is killed, again and again.
 * @param failsOver whether it is
 */
export const measurePartitions = async (of: ClusterBench, failsOver: boolean): Promise<Line[]> => {
  const shapes = of.sizes.partitions
  const results = shapes.map((shape) => ({ shape, samples: new Map() as Samples }))
  const failedOver: Samples = new Map()
  const failures: string[] = []
  await forEachOf('three nodes', of, failures, (kind) =>
    withCluster({ ...of, kind, what: 'partitions', settings: unreplicated }, async (nodes) => {
      await createPartitions(nodes, warmUp)
      await deletePartitions(nodes, warmUp)
      for (const { shape, samples } of results) {
        of.progress(`${kind}: ${titleOf(shape)}`)
        const sample = sampler(samples)
        sample('create them, s', kind, await createPartitions(nodes, shape))
        sample('Metadata of all topics, ms', kind, await describe(of, nodes))
        if (failsOver && shape === shapes.at(-1)) {
          for (let round = 0; round < of.rounds; round += 1) {
            const tookMs = await failOver(nodes, 'partitions-0')
            of.progress(`${kind}: a controller was killed, ${Math.round(tookMs)} ms`)
            sampler(failedOver)('kill -9 to the first change, ms', kind, tookMs)
          }
        }
        sample('delete them, s', kind, await deletePartitions(nodes, shape))
      }
    }),
  )
  const lines = results.flatMap(({ shape, samples }) =>
    linesOf(titleOf(shape), samples, {}, failures),
  )
  const title = `fail-over with ${number(totalOf(shapes.at(-1)!))} partitions`
  return [...lines, ...linesOf(title, failedOver, targetsOfFailOver, failures)]
}

/** One of three nodes has all partitions; it starts again after a stop in order, and after a kill. */
export const measureBrokerStart = async (of: ClusterBench): Promise<Line[]> => {
  const samples: Samples = new Map()
  const failures: string[] = []
  const sample = sampler(samples)
  const total = totalOf(of.sizes.started)
  await forEachOf('the start of a broker', of, failures, (kind) =>
    withCluster({ ...of, kind, what: 'start', settings: unreplicated }, async (nodes) => {
      const active = await activeController(nodes[0]!.client!)
      const [started, other] = nodes.filter(({ id }) => id !== active)
      await createPartitions(nodes, { ...of.sizes.started, replicas: [[started!.id]] })
      await started!.process.stop()
      sample('after a stop, s', kind, await serves(started!, other!, total))
      sample('resident memory, MB', kind, started!.process.residentBytes() / 1e6)
      await started!.process.kill9()
      sample('after kill -9, s', kind, await serves(started!, other!, total))
    }),
  )
  return linesOf(`start of a broker with ${number(total)} partitions`, samples, {}, failures)
}

/**
 * Starts a node and waits until it serves all partitions that it has.
 * @param other which tells clients of it
 * @returns seconds
 */
const serves = async (node: Node, other: Node, total: number): Promise<number> => {
  const startedMs = performance.now()
  const { id, client } = node
  const leads = async (at: Place): Promise<boolean> => {
    const led = (await ledPartitions(at)).get(id)
    return led !== undefined && countOf(new Map([[id, led]])) >= total
  }
  await unlessEnded([node], async (signal) => {
    for (const at of clientsOf([other, node])) {
      await until('its partitions', () => leads(at), signal)
    }
    await untilServed(client!, (await ledPartitions(client!)).get(id)!)
  })
  return (performance.now() - startedMs) / 1e3
}
