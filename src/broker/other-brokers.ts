import type { BrokerConfig } from '../config/broker-config.ts'
import type { Host } from '../host/host.ts'
import { endPointOf } from '../metadata/cluster-view.ts'
import type { MetadataNode } from '../metadata/node.ts'
import { BrokerLinks } from '../peer/broker-links.ts'

/** As in Kafka, of what brokers send each other of transactions. */
const RECONNECT_BACKOFF_MS = 50

/**
 * A broker's way to the others, over their listener for each other. Each purpose has connections of its own: who waits for a
 * marker that replicas don't take keeps no verification waiting.
 */
export class OtherBrokers {
  readonly markers: BrokerLinks
  readonly verification: BrokerLinks
  readonly #unfollow: () => void

  constructor(
    host: Host,
    config: BrokerConfig,
    metadata: Pick<MetadataNode, 'image' | 'onChange'>,
  ) {
    const { interBroker } = config.listeners
    const links = (purpose: string): BrokerLinks =>
      new BrokerLinks({
        host,
        log: host.log.child({ purpose }),
        clientId: `broker-${config.get('node.id')}-${purpose}`,
        connectTimeoutMs: config.get('socket.connection.setup.timeout.ms'),
        requestTimeoutMs: config.get('request.timeout.ms'),
        reconnectBackoffMs: RECONNECT_BACKOFF_MS,
        addressOf: (brokerId) => endPointOf(metadata.image, brokerId, interBroker),
      })
    this.markers = links('txn-marker-sender')
    this.verification = links('add-partitions-to-txn')
    this.#unfollow = metadata.onChange(({ brokersChanged }) => {
      if (!brokersChanged) return
      this.markers.follow()
      this.verification.follow()
    })
  }

  /** Requests without an answer fail. */
  close(): void {
    this.#unfollow()
    this.markers.close()
    this.verification.close()
  }
}
