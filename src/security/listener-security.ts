import type { BrokerConfig } from '../config/broker-config.ts'
import type { Host } from '../host/host.ts'
import { ListenerSasl } from './sasl/listener-sasl.ts'
import { ListenerTls } from './tls/listener-tls.ts'

/** How one listener protects what comes by it. */
export interface ListenerSecurity {
  /** Null where it speaks in the clear. */
  readonly tls: ListenerTls | null
  /** Null where clients need not say who they are. */
  readonly sasl: ListenerSasl | null
}

/** Those of all listeners of a node. */
export class NodeSecurity {
  readonly #listeners: ReadonlyMap<string, ListenerSecurity>

  /**
   * Reads keys and certificates.
   * @throws ConfigError where they or their settings are wrong, with what to do
   */
  static async open(
    host: Pick<Host, 'clock' | 'disk' | 'network' | 'log'>,
    config: BrokerConfig,
  ): Promise<NodeSecurity> {
    const listeners = new Map<string, ListenerSecurity>()
    const security = new NodeSecurity(listeners)
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

  private constructor(listeners: ReadonlyMap<string, ListenerSecurity>) {
    this.#listeners = listeners
  }

  /** Fetches nothing more. */
  close(): void {
    for (const { sasl } of this.#listeners.values()) sasl?.close()
  }

  of(listener: string): ListenerSecurity {
    return this.#listeners.get(listener)!
  }
}
