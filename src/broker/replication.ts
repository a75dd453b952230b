import type { BrokerConfig } from '../config/broker-config.ts'
import { BufferPool } from '../host/buffer-pool.ts'
import type { Clock, Host } from '../host/host.ts'
import type { ControllerChannel } from '../metadata/controller/channel.ts'
import type { MetadataNode } from '../metadata/node.ts'
import { FollowerPatience } from '../replication/fetch/patience.ts'
import { ReplicaFetchers } from '../replication/follower/fetchers.ts'
import { RemoteLeader } from '../replication/follower/leader-api.ts'
import { IsrChanges } from '../replication/isr/isr-changes.ts'
import { LagWatch } from '../replication/isr/lag-watch.ts'
import type { LeaderServices } from '../replication/partition/leader.ts'
import { ReplicationQuota } from '../replication/quota/replication-quota.ts'
import type { BrokerIdentity } from './coordinators.ts'
import type { OtherBrokers } from './other-brokers.ts'
import { moveWindows, replicationWindows } from './settings.ts'

/** What leaders answer goes into it, as it is limited by default (`replica.fetch.response.max.bytes`, 10 MiB): but for a larger first batch. */
const GREATEST_ANSWER_BYTES = 16 << 20
/** Kept for what leaders answer next: for two large answers at a time, as in a cluster of three. */
const ANSWERS_BYTES = 2 * GREATEST_ANSWER_BYTES

export interface ReplicationParts {
  readonly host: Host
  readonly config: BrokerConfig
  readonly metadata: Pick<MetadataNode, 'image'>
  readonly controller: ControllerChannel
  readonly others: OtherBrokers
  readonly identity: () => BrokerIdentity
  /** Has all partitions that are led here look for followers that have fallen behind. */
  readonly checkLag: () => void
}

/** What this broker's replicas have to do with those of others: it fetches what it follows, and says who is in sync. */
export class BrokerReplication {
  readonly fetchers: ReplicaFetchers
  /** With what is led here. */
  readonly patience: FollowerPatience
  /** What leaders need. */
  readonly services: LeaderServices
  /** [KIP-73] Of what other brokers fetch here of throttled partitions. */
  readonly leaderQuota: ReplicationQuota
  readonly #isrs: IsrChanges
  readonly #lag: LagWatch

  constructor(parts: ReplicationParts) {
    const { host, config, metadata, controller, others, identity, checkLag } = parts
    const { clock, log } = host
    const brokerId = config.get('node.id')
    const maxLagMs = (): number => config.get('replica.lag.time.max.ms')
    this.#isrs = new IsrChanges({ clock, log, channel: controller, identity })
    this.#lag = new LagWatch({ clock, maxLagMs, look: checkLag })
    this.patience = new FollowerPatience(clock)
    this.services = {
      clock,
      log,
      brokerId,
      brokerEpoch: () => identity().brokerEpoch,
      broker: (id) => metadata.image.brokers.get(id),
      maxLagMs,
      leadBegan: () => this.patience.leadBegan(),
      proposeIsr: (proposal, settled) => this.#isrs.submit(proposal, settled),
    }
    const windows = replicationWindows(config)
    const quota = (rate: 'leader' | 'follower'): ReplicationQuota =>
      new ReplicationQuota(clock, windows, () => config.get(`${rate}.replication.throttled.rate`))
    this.leaderQuota = quota('leader')
    this.fetchers = new ReplicaFetchers({
      clock,
      log,
      identity,
      quota: quota('follower'),
      settings: () => ({
        maxWaitMs: config.get('replica.fetch.wait.max.ms'),
        minBytes: config.get('replica.fetch.min.bytes'),
        maxBytes: config.get('replica.fetch.response.max.bytes'),
        partitionMaxBytes: config.get('replica.fetch.max.bytes'),
        backoffMs: config.get('replica.fetch.backoff.ms'),
      }),
      count: () => config.get('num.replica.fetchers'),
      buffers: new BufferPool(ANSWERS_BYTES, GREATEST_ANSWER_BYTES),
      leader: (leaderId, index) => new RemoteLeader(others.fetcher(index), leaderId, brokerId),
    })
  }

  /** The rates of throttled replicas, or which they are, may have changed: who is held back looks again. */
  throttlesChanged(): void {
    this.leaderQuota.changed()
    this.fetchers.quotaChanged()
  }

  start(): void {
    this.#lag.start()
  }

  /** Nothing is asked of anybody any more. */
  close(): void {
    this.#lag.close()
    this.fetchers.close()
    this.#isrs.close()
  }
}

/** Of all moves between directories of this broker, together. */
export function moveQuota(clock: Clock, config: BrokerConfig): ReplicationQuota {
  return new ReplicationQuota(clock, moveWindows(config), () =>
    config.get('replica.alter.log.dirs.io.max.bytes.per.second'),
  )
}
