import type { BrokerConfig } from '../config/broker-config.ts'
import type { Address } from '../host/address.ts'
import type { Host } from '../host/host.ts'
import { endPointOf } from '../metadata/cluster-view.ts'
import type { MetadataNode } from '../metadata/node.ts'
import { BrokerLinks } from '../peer/broker-links.ts'
import type { LinkWatch } from '../peer/broker-links.ts'
import type { PeerHost } from '../peer/security.ts'
import { BrokersInDoubt } from './brokers-in-doubt.ts'
import { SignsOfLife } from './signs-of-life.ts'

/** As in Kafka, of what brokers send each other of transactions. */
const RECONNECT_BACKOFF_MS = 50

/**
 * A broker's way to the others, over their listener for each other. Each purpose has connections of its own: who waits for a
 * marker that replicas don't take keeps no verification waiting.
 */
export class OtherBrokers {
  readonly markers: BrokerLinks
  readonly verification: BrokerLinks
  readonly inDoubt: BrokersInDoubt
  /** By the number of the fetcher. */
  readonly #fetchers = new Map<number, BrokerLinks>()
  readonly #all: BrokerLinks[] = []
  readonly #linksFor: (purpose: string, requestTimeoutMs: number, watch?: LinkWatch) => BrokerLinks
  readonly #nodeId: number
  readonly #signsOfLife: SignsOfLife
  readonly #socketTimeoutMs: number
  readonly #unfollow: () => void

  constructor(
    host: PeerHost & Pick<Host, 'log'>,
    config: BrokerConfig,
    metadata: Pick<MetadataNode, 'image' | 'onChange'>,
  ) {
    const { interBroker } = config.listeners
    this.#nodeId = config.get('node.id')
    this.#socketTimeoutMs = config.get('replica.socket.timeout.ms')
    const addressOf = (brokerId: number): Address | null =>
      endPointOf(metadata.image, brokerId, interBroker)
    this.inDoubt = new BrokersInDoubt({ host, addressOf })
    this.#linksFor = (purpose, requestTimeoutMs, watch) => {
      const links = new BrokerLinks({
        host,
        log: host.log.child({ purpose }),
        clientId: `broker-${this.#nodeId}-${purpose}`,
        connectTimeoutMs: config.get('socket.connection.setup.timeout.ms'),
        requestTimeoutMs,
        reconnectBackoffMs: RECONNECT_BACKOFF_MS,
        addressOf,
        watch,
      })
      this.#all.push(links)
      return links
    }
    const requestTimeoutMs = config.get('request.timeout.ms')
    this.markers = this.#linksFor('txn-marker-sender', requestTimeoutMs)
    this.verification = this.#linksFor('add-partitions-to-txn', requestTimeoutMs)
    this.#signsOfLife = new SignsOfLife({
      clock: host.clock,
      log: host.log,
      links: this.#linksFor('signs-of-life', requestTimeoutMs, this.inDoubt),
    })
    this.#unfollow = metadata.onChange(({ brokersChanged }, image) => {
      if (!brokersChanged) return
      for (const links of this.#all) links.follow()
      this.inDoubt.follow(image)
    })
  }

  /** For what is followed: a leader's partitions are fetched over one connection for each number. */
  fetcher(index: number): BrokerLinks {
    let links = this.#fetchers.get(index)
    if (links === undefined) {
      links = this.#linksFor(`fetcher-${index}`, this.#socketTimeoutMs, this.inDoubt)
      this.#fetchers.set(index, links)
    }
    return links
  }

  /**
   * Resolves when each of these has given a sign of its life that was asked for after this call, or is in doubt, or can't be told
   * from one that lives. Never rejects.
   */
  async heardOf(brokerIds: readonly number[]): Promise<void> {
    const heard: Promise<void>[] = []
    for (const id of brokerIds) {
      if (id === this.#nodeId) continue
      const isInDoubt = this.inDoubt.has(id)
      const sign = this.#signsOfLife.of(id)
      // Who is in doubt may be there again, but isn't waited for: one that has just been let serve opens its ports a moment later.
      if (!isInDoubt) heard.push(sign)
    }
    await Promise.all(heard)
  }

  /** Requests without an answer fail. */
  close(): void {
    this.#unfollow()
    for (const links of this.#all) links.close()
    this.inDoubt.close()
  }
}
