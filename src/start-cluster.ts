import { nodeCodecs } from './host/codecs.ts'
import { nodeHost } from './host/node.ts'
import { temporaryDirectory } from './host/temporary.ts'
import { localSettings, openLocalCluster } from './local-cluster.ts'
import { startBroker, type BrokerOptions, type RunningBroker } from './start-broker.ts'

export interface ClusterOptions extends Pick<BrokerOptions, 'settings'> {
  /** How many; 3, or as many as the directory has, unless told otherwise. */
  readonly brokers?: number
  /** Where the data lives, of all brokers. Without it a temporary directory, which `close` removes. */
  readonly directory?: string
}

export interface RunningCluster {
  readonly clusterId: string
  /** `host:port` of all brokers, with commas, as clients take it. */
  readonly bootstrap: string
  /** By their ids, which begin with 1. One may be closed to see what the others do. */
  readonly brokers: readonly RunningBroker[]
  /** Resolves if a broker can't go on, with the first one's reason. */
  readonly failed: Promise<Error>
  /** Stops them all in order, and leaves nothing running. */
  close(): Promise<void>
}

/**
 * Starts a cluster of several brokers in this process, each with its own directory and ports of 127.0.0.1. Three of them, or
 * one where there are fewer, are controllers, too.
 *
 *     const cluster = await startCluster({ brokers: 3 })
 *     new Kafka({ brokers: cluster.bootstrap.split(',') })
 *     await cluster.close()
 *
 * @throws what `startBroker` throws, and errors of the directory; then nothing runs
 */
export async function startCluster(options: ClusterOptions = {}): Promise<RunningCluster> {
  const { brokers: count, settings } = options
  const temporary = options.directory === undefined ? temporaryDirectory() : null
  const host = nodeHost({ log: { level: 'warn' } })
  try {
    const directory = host.disk.absolutePath(options.directory ?? temporary!.path)
    const found = await openLocalCluster({
      host,
      codecs: nodeCodecs(),
      directory,
      brokers: count,
    })
    const { clusterId, nodes } = found
    const started = await Promise.allSettled(
      nodes.map((node) => {
        const own = { ...localSettings(directory, found, node), ...settings }
        return startBroker({ settings: own })
      }),
    )
    const brokers = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const failure = started.find(({ status }) => status === 'rejected')
    if (failure !== undefined) {
      await Promise.all(brokers.map((broker) => broker.close()))
      throw (failure as PromiseRejectedResult).reason
    }
    return {
      clusterId,
      brokers,
      bootstrap: brokers.map(({ bootstrap }) => bootstrap).join(','),
      failed: Promise.race(brokers.map(({ failed }) => failed)),
      close: async () => {
        await Promise.all(brokers.map((broker) => broker.handOver()))
        await Promise.all(brokers.map((broker) => broker.close()))
        await host.workers.close()
        temporary?.remove()
      },
    }
  } catch (error) {
    temporary?.remove()
    throw error
  }
}
