import type { BrokerConfig } from '../config/broker-config.ts'
import { handlersOn } from '../handlers/index.ts'
import type { HeartbeatConnections } from '../handlers/services.ts'
import type { Host } from '../host/host.ts'
import { RatedLog } from '../host/rated-log.ts'
import type { EndPoint } from '../metadata/image.ts'
import type { MetadataNode } from '../metadata/node.ts'
import type { VoterEndpoint } from '../quorum/types.ts'
import type { ClientQuotas } from '../quota/client-quotas.ts'
import type { RaftServer } from '../quorum/wire/server.ts'
import { RoleListeners } from '../server/listeners.ts'
import type { Authorizer } from '../security/authorizer.ts'
import type { NodeSecurity } from '../security/listener-security.ts'
import type { Address } from '../server/listeners.ts'
import { Pipeline } from '../server/pipeline.ts'
import type { RequestMemory } from '../server/request-memory.ts'
import { Server } from '../server/server.ts'
import { NO_STAGES } from '../server/stages.ts'
import { connectionRates, serverSettings } from '../server/settings.ts'
import { controllerServices } from './services.ts'

/** Requests in flight get this long to be answered when the controller stops. */
const STOP_GRACE_MS = 1000

/** What a controller has of its node. */
export interface ControllerParts {
  readonly host: Host
  readonly config: BrokerConfig
  readonly clusterId: string
  readonly metadata: MetadataNode
  readonly raft: RaftServer
  readonly heartbeats: HeartbeatConnections
  /** How many connections the process's limit of open files has room for. */
  readonly maxSockets: number
  readonly memory: RequestMemory
  readonly security: NodeSecurity
  /** Null: everybody may do everything. */
  readonly authorizer: Authorizer | null
  readonly quotas: ClientQuotas
}

/**
 * The role of the controller, as others see it: its listeners, by which the quorum's nodes talk to each other, and brokers
 * and tools to whoever leads it. What it decides is the metadata node's.
 */
export class ControllerRole {
  readonly #server: Server
  readonly #listeners: RoleListeners
  readonly #faults: RatedLog

  constructor(parts: ControllerParts) {
    const { host, config, memory, maxSockets, security } = parts
    this.#faults = new RatedLog(host.log, host.clock)
    const services = controllerServices({ ...parts, faults: this.#faults })
    const pipeline = new Pipeline(handlersOn('controller'), services, {
      ...NO_STAGES,
      quotas: parts.quotas,
    })
    this.#server = new Server(
      host,
      serverSettings(config, maxSockets),
      memory,
      connectionRates(config, host.clock, parts.quotas),
    )
    this.#listeners = new RoleListeners({
      endpoints: config.listeners.controller,
      advertised: config.listeners.advertisedController,
      hostName: host.network.hostName,
      listen: (address) => this.#server.listen(address, pipeline, security.of(address.name)),
    })
  }

  /** Of each listener, with the real ports. */
  get addresses(): readonly Address[] {
    return this.#listeners.addresses
  }

  /** What the cluster is told of them. The ports must be taken. */
  get advertised(): readonly EndPoint[] {
    return this.#listeners.advertised
  }

  /** Where the other nodes of the quorum find this one: what has no port yet is left out. */
  get endpoints(): VoterEndpoint[] {
    return this.#listeners.advertised
      .filter(({ port }) => port !== 0)
      .map(({ name, host, port }) => ({ name, host, port }))
  }

  /**
   * Takes the ports; who connects waits for `serve`.
   * @throws StartError
   */
  async listen(): Promise<void> {
    await this.#listeners.takeFreePorts()
    await this.#listeners.takeFixedPorts()
  }

  /** This node takes part in the quorum: others may ask it. */
  serve(): void {
    this.#server.open()
  }

  /** Finishes the requests in flight. */
  async close(): Promise<void> {
    await this.#server.close(STOP_GRACE_MS)
    this.#faults.close()
  }
}
