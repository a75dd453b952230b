import type { BrokerConfig } from '../config/broker-config.ts'
import { quorumMembership } from '../config/joining.ts'
import type { Host } from '../host/host.ts'
import { IN_THE_CLEAR, type PeerSecurity } from '../peer/security.ts'
import { towardsNodes } from './outgoing.ts'
import { refuse } from './tls/settings.ts'
import { ListenerSasl } from './sasl/listener-sasl.ts'
import { ListenerTls } from './tls/listener-tls.ts'

/** How one listener protects what comes by it. */
export interface ListenerSecurity {
  /** Null where it speaks in the clear. */
  readonly tls: ListenerTls | null
  /** Null where clients need not say who they are. */
  readonly sasl: ListenerSasl | null
}

type OpeningHost = Pick<Host, 'clock' | 'disk' | 'network' | 'log' | 'random'>

/** How a node protects what comes by its listeners, and what it says to other nodes by theirs. */
export class NodeSecurity {
  /** Towards other brokers; null in a node that is none. */
  readonly brokers: PeerSecurity | null
  /** Towards controllers. */
  readonly controllers: PeerSecurity
  readonly #listeners: ReadonlyMap<string, ListenerSecurity>

  /**
   * Reads keys and certificates.
   * @throws ConfigError where they or their settings are wrong, with what to do
   */
  static async open(host: OpeningHost, config: BrokerConfig): Promise<NodeSecurity> {
    const listeners = new Map<string, ListenerSecurity>()
    const security = new NodeSecurity(
      listeners,
      await towardsBrokers(host, config),
      await towardsControllers(host, config),
    )
    const { broker, controller } = config.listeners
    try {
      for (const endpoint of [...broker, ...controller]) {
        const hasTls = endpoint.securityProtocol.endsWith('SSL')
        const tls = hasTls ? await ListenerTls.open(host, config, endpoint) : null
        const hasSasl = endpoint.securityProtocol.startsWith('SASL')
        const sasl = hasSasl ? await ListenerSasl.open(host, config, endpoint) : null
        listeners.set(endpoint.listener, { tls, sasl })
      }
    } catch (error) {
      security.close()
      throw error
    }
    return security
  }

  private constructor(
    listeners: ReadonlyMap<string, ListenerSecurity>,
    brokers: PeerSecurity | null,
    controllers: PeerSecurity,
  ) {
    this.#listeners = listeners
    this.brokers = brokers
    this.controllers = controllers
  }

  /** Fetches nothing more. */
  close(): void {
    for (const { sasl } of this.#listeners.values()) sasl?.close()
  }

  of(listener: string): ListenerSecurity {
    return this.#listeners.get(listener)!
  }
}

async function towardsBrokers(
  host: OpeningHost,
  config: BrokerConfig,
): Promise<PeerSecurity | null> {
  const { broker, interBroker: listener, interBrokerProtocol: securityProtocol } = config.listeners
  if (broker.length === 0) return null
  const setting = 'sasl.mechanism.inter.broker.protocol'
  if (securityProtocol.startsWith('SASL')) {
    const enabled = 'sasl.enabled.mechanisms'
    if (!config.getForListener(listener, enabled).includes(config.get(setting))) {
      refuse(
        `requirement failed: ${setting} must be included in ${enabled} when SASL is used for inter-broker communication`,
      )
    }
  }
  return towardsNodes(host, config, { listener, securityProtocol }, setting)
}

async function towardsControllers(host: OpeningHost, config: BrokerConfig): Promise<PeerSecurity> {
  const { towardsControllers: target } = config.listeners
  // A node that is the whole quorum, and has no listener for others, has nobody to reach.
  if (target === null) return IN_THE_CLEAR
  const setting = 'sasl.mechanism.controller.protocol'
  const { securityProtocol, listener } = target
  const mechanism = config.get(setting)
  const { kind } = quorumMembership(config, config.listeners, host.network.hostName)
  const isOneOfSeveral = config.get('process.roles').includes('controller') && kind !== 'alone'
  if (securityProtocol.startsWith('SASL') && mechanism.startsWith('SCRAM-') && isOneOfSeveral) {
    refuse(
      `${setting}=${mechanism}: controllers learn of the users of SCRAM from their leader, and elect none before they have let each other in. Set it to PLAIN, or have listener ${listener} be one of SSL with ssl.client.auth=required.`,
    )
  }
  return towardsNodes(host, config, target, setting)
}
