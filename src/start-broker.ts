import type { Address } from './server/listeners.ts'
import { BrokerConfig } from './config/broker-config.ts'
import type { ConfigSources } from './config/layers.ts'
import { hostAndPort } from './host/address.ts'
import { nodeCodecs } from './host/codecs.ts'
import type { Host } from './host/host.ts'
import { nodeHost } from './host/node.ts'
import { temporaryDirectory } from './host/temporary.ts'
import { Node } from './node.ts'

export interface BrokerOptions extends ConfigSources {
  /** Kafka's settings by name; they win over all other sources. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
  /**
   * Where the data lives. Without it and without `log.dirs` a broker that is started from code keeps its data in a
   * temporary directory, which `close` removes.
   */
  readonly directory?: string
  /** The machine to run on; by default the real one, logging warnings to standard error. */
  readonly host?: Host
  /** Gives up a start that is not done yet, as where it waits for controllers in other processes. */
  readonly signal?: AbortSignal
}

export interface RunningBroker {
  /** Of the first listener, with the real port where 0 was asked. */
  readonly host: string
  readonly port: number
  /** `host:port`, as clients take it; an IPv6 address has brackets. */
  readonly bootstrap: string
  readonly addresses: readonly Address[]
  readonly clusterId: string
  /** Resolves only if the broker can't go on, with the reason. */
  readonly failed: Promise<Error>
  /**
   * Has others lead in its place, and answers what is in flight; then `close` remains to be called. For a cluster that
   * stops as a whole: no controller should leave before each broker has done this.
   */
  handOver(): Promise<void>
  /** Hands over, flushes, and leaves nothing running. */
  close(): Promise<void>
}

/**
 * Starts a broker in this process.
 *
 *     const broker = await startBroker({ settings: { listeners: 'PLAINTEXT://127.0.0.1:0' } })
 *     new Kafka({ brokers: [broker.bootstrap] })
 *     await broker.close()
 *
 * Without any option it listens on a free port of 127.0.0.1, keeps its data in a temporary directory, and lets new groups
 * begin at once (group.initial.rebalance.delay.ms=0).
 * @throws ConfigError, StartError and errors of the directories, each with a `code` and a message that says what to mend
 */
export async function startBroker(options: BrokerOptions = {}): Promise<RunningBroker> {
  const { settings = {}, directory, set = [], file, environment } = options
  const own = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  if (directory !== undefined) own.push(`log.dirs=${directory}`)
  const isEmbedded = file === undefined && environment === undefined
  const temporary =
    isEmbedded && !own.some(setsDirectory) && !set.some(setsDirectory) ? temporaryDirectory() : null
  if (temporary !== null) own.push(`log.dirs=${temporary.path}`)
  if (isEmbedded && !own.concat(set).some((entry) => entry.startsWith('listeners='))) {
    own.push('listeners=PLAINTEXT://127.0.0.1:0')
  }
  const delay = 'group.initial.rebalance.delay.ms'
  // Whoever embeds a broker, in a test mostly, has few members and little time.
  if (isEmbedded && !own.concat(set).some((entry) => entry.startsWith(`${delay}=`)))
    own.push(`${delay}=0`)
  try {
    const config = new BrokerConfig({ ...options, set: [...set, ...own] })
    const isOurs = options.host === undefined
    const host = options.host ?? nodeHost(isEmbedded ? { log: { level: 'warn' } } : {})
    const node = await Node.start(host, nodeCodecs(), config, options.signal)
    return running(node, async () => {
      if (isOurs) await host.workers.close()
      temporary?.remove()
    })
  } catch (error) {
    temporary?.remove()
    throw error
  }
}

function setsDirectory(entry: string): boolean {
  return entry.startsWith('log.dirs=') || entry.startsWith('log.dir=')
}

function running(node: Node, cleanUp: () => Promise<void>): RunningBroker {
  const { host, port } = node.addresses[0]!
  return {
    host,
    port,
    bootstrap: hostAndPort(host, port),
    addresses: node.addresses,
    clusterId: node.clusterId,
    failed: node.failed,
    handOver: () => node.handOver(),
    close: async () => {
      await node.close()
      await cleanUp()
    },
  }
}
