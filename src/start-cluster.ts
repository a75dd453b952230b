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
    const brokers = await startAll(
      nodes.map((node) => ({ ...localSettings(directory, found, node), ...settings })),
    )
    return {
      clusterId,
      brokers,
      bootstrap: brokers.map(({ bootstrap }) => bootstrap).join(','),
      failed: Promise.race(brokers.map(({ failed }) => failed)),
      close: async () => {
        await closeAll(brokers)
        await host.workers.close()
        temporary?.remove()
      },
    }
  } catch (error) {
    await host.workers.close()
    temporary?.remove()
    throw error
  }
}

/** All of them, or none: as soon as one can't start the others need not wait for it. */
async function startAll(
  nodes: readonly NonNullable<BrokerOptions['settings']>[],
): Promise<RunningBroker[]> {
  const givingUp = new AbortController()
  const { signal } = givingUp
  const started: RunningBroker[] = []
  const starting = nodes.map(async (settings, index) => {
    try {
      started[index] = await startBroker({ settings, signal })
    } catch (error) {
      givingUp.abort(error)
    }
  })
  await Promise.all(starting)
  if (!signal.aborted) return started
  // Some may be missing.
  await closeAll(started.flat())
  throw signal.reason
}

async function closeAll(brokers: readonly RunningBroker[]): Promise<void> {
  await Promise.all(brokers.map((broker) => broker.handOver()))
  await Promise.all(brokers.map((broker) => broker.close()))
}
