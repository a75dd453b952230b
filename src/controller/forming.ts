import type { BrokerConfig } from '../config/broker-config.ts'
import type { QuorumMembership } from '../config/joining.ts'
import { formingHandlers } from '../handlers/index.ts'
import type { Host } from '../host/host.ts'
import { RatedLog } from '../host/rated-log.ts'
import { towards } from '../peer/security.ts'
import type { NodeSecurity } from '../security/listener-security.ts'
import { RoleListeners } from '../server/listeners.ts'
import { Pipeline } from '../server/pipeline.ts'
import type { RequestMemory } from '../server/request-memory.ts'
import { Server } from '../server/server.ts'
import { serverSettings } from '../server/settings.ts'
import { StartError } from '../server/start-error.ts'
import { searchCluster } from './cluster-search.ts'
import { servicesWithoutCluster } from './services.ts'

/** Requests in flight get this long to be answered when the node knows its cluster. */
const GRACE_MS = 100

interface FormingOptions {
  readonly host: Host
  readonly config: BrokerConfig
  readonly membership: QuorumMembership
  /** How many connections the process's limit of open files has room for. */
  readonly maxSockets: number
  readonly memory: RequestMemory
  readonly security: NodeSecurity
  /** Gives it up. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Finds the cluster of a node that was told none, or makes a new one with the other voters of its quorum. A controller tells
 * others meanwhile that it belongs to none; a broker alone gives up in the time that it has for its registration.
 * @throws StartError
 */
export async function findCluster(options: FormingOptions): Promise<string> {
  const { host, config, membership, security, signal } = options
  const isController = config.get('process.roles').includes('controller')
  const end = new AbortController()
  const giveUp = (): void => end.abort(new StartError('The node was stopped as it started'))
  if (signal?.aborted === true) giveUp()
  signal?.addEventListener('abort', giveUp, { once: true })
  const limitMs = config.get('initial.broker.registration.timeout.ms')
  const limit = isController
    ? null
    : host.clock.after(limitMs, () => end.abort(new StartError(nobody(membership, limitMs))))
  const listeners = isController ? new FormingListeners(options) : null
  try {
    await listeners?.listen()
    return await searchCluster({
      host: { ...towards(host, security.controllers), random: host.random },
      nodeId: config.get('node.id'),
      membership,
      timeoutMs: config.get('controller.quorum.request.timeout.ms'),
      signal: end.signal,
    })
  } finally {
    limit?.cancel()
    signal?.removeEventListener('abort', giveUp)
    await listeners?.close()
  }
}

function nobody({ kind, servers }: QuorumMembership, limitMs: number): string {
  const setting = `controller.quorum.${kind === 'static' ? 'voters' : 'bootstrap.servers'}`
  const named = servers.map(({ host, port }) => `${host}:${port}`).join(', ')
  return `No controller has told this broker its cluster in ${limitMs} ms (initial.broker.registration.timeout.ms). See that the controllers run, can be reached from here, and may tell it (super.users), and that ${setting} names them: ${named}; or give the cluster’s id by CLUSTER_ID or ottla storage format`
}

/** The listeners of a controller that belongs to no cluster yet: it is there, and says so. */
class FormingListeners {
  readonly #server: Server
  readonly #listeners: RoleListeners
  readonly #faults: RatedLog

  constructor({ host, config, memory, maxSockets, security }: FormingOptions) {
    this.#faults = new RatedLog(host.log, host.clock)
    const services = servicesWithoutCluster({ host, config, faults: this.#faults })
    const pipeline = new Pipeline(formingHandlers, services)
    this.#server = new Server(host, serverSettings(config, maxSockets), memory)
    this.#listeners = new RoleListeners({
      endpoints: config.listeners.controller,
      advertised: config.listeners.advertisedController,
      hostName: host.network.hostName,
      listen: (address) => this.#server.listen(address, pipeline, security.of(address.name)),
    })
  }

  /** @throws StartError */
  async listen(): Promise<void> {
    await this.#listeners.takeFreePorts()
    await this.#listeners.takeFixedPorts()
    this.#server.open()
  }

  /** Others connect again, and find what a controller of the cluster serves. */
  async close(): Promise<void> {
    await this.#server.close(GRACE_MS)
    this.#faults.close()
  }
}
