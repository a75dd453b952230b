import type { BufferPool } from '../../host/buffer-pool.ts'
import type { Clock, Logger } from '../../host/host.ts'
import type { Partition } from '../partition/partition.ts'
import type { ReplicationQuota } from '../quota/replication-quota.ts'
import { FollowedPartition } from './followed-partition.ts'
import { ReplicaFetcher } from './fetcher.ts'
import type { FetchSettings } from './fetcher.ts'
import type { LeaderApi } from './leader-api.ts'

export interface ReplicaFetchersOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly identity: () => { readonly brokerId: number; readonly brokerEpoch: number }
  readonly settings: () => FetchSettings
  /** [KIP-73] Of all that this broker fetches of throttled partitions. */
  readonly quota: ReplicationQuota
  /** `num.replica.fetchers`: so many connections to each leader. */
  readonly count: () => number
  /** For what leaders answer, of all fetchers. */
  readonly buffers: BufferPool
  /** The way to a leader; each index has connections of its own. */
  readonly leader: (leaderId: number, index: number) => LeaderApi
}

interface Following {
  readonly fetcher: ReplicaFetcher
  readonly followed: FollowedPartition
}

/** The partitions that this broker follows, each with the fetcher of its leader (Kafka's ReplicaFetcherManager). */
export class ReplicaFetchers {
  readonly #options: ReplicaFetchersOptions
  readonly #fetchers = new Map<string, ReplicaFetcher>()
  readonly #followings = new Map<Partition, Following>()
  #isClosed = false

  constructor(options: ReplicaFetchersOptions) {
    this.#options = options
  }

  /** What the cluster has agreed on of a partition has changed, or its log is gone. */
  follow(partition: Partition): void {
    const known = this.#followings.get(partition)
    const isFollowed = this.#isFollowed(partition)
    if (isFollowed && known?.followed.leaderEpoch === partition.leaderEpoch) return
    if (known !== undefined) this.#giveUp(partition, known)
    if (isFollowed && !this.#isClosed) this.#takeUp(partition)
  }

  /** The number of fetchers is another. */
  resize(): void {
    for (const [partition, following] of [...this.#followings]) {
      if (following.fetcher === this.#fetcherOf(partition)) continue
      this.#giveUp(partition, following)
      this.#takeUp(partition)
    }
  }

  /** The quota, or what it is for, may be another: what was held back is looked at again. */
  quotaChanged(): void {
    for (const fetcher of this.#fetchers.values()) fetcher.wake()
  }

  /** Nothing is fetched any more; what was is appended still. */
  close(): void {
    this.#isClosed = true
    this.#followings.clear()
    for (const fetcher of this.#fetchers.values()) fetcher.close()
  }

  #isFollowed(partition: Partition): boolean {
    const { leader, replicas } = partition.assignment
    const { brokerId } = this.#options.identity()
    return leader >= 0 && partition.follows(partition.leaderEpoch) && replicas.includes(brokerId)
  }

  #takeUp(partition: Partition): void {
    const { clock, log, settings } = this.#options
    const fetcher = this.#fetcherOf(partition)
    const followed = new FollowedPartition(partition, this.#leaderOf(partition), {
      clock,
      log,
      backoffMs: () => settings().backoffMs,
      wake: () => fetcher.wake(),
    })
    this.#followings.set(partition, { fetcher, followed })
    fetcher.add(followed)
  }

  #giveUp(partition: Partition, { fetcher, followed }: Following): void {
    this.#followings.delete(partition)
    fetcher.delete(followed)
  }

  #leaderOf(partition: Partition): LeaderApi {
    return this.#options.leader(partition.assignment.leader, this.#indexOf(partition))
  }

  #fetcherOf(partition: Partition): ReplicaFetcher {
    const { clock, log, settings, identity, quota, buffers } = this.#options
    const key = `${partition.assignment.leader}/${this.#indexOf(partition)}`
    const known = this.#fetchers.get(key)
    if (known !== undefined) return known
    const leader = this.#leaderOf(partition)
    const fetcher = new ReplicaFetcher({
      clock,
      log,
      settings,
      identity,
      quota,
      buffers,
      leader,
    })
    this.#fetchers.set(key, fetcher)
    return fetcher
  }

  #indexOf({ topic, index }: Partition): number {
    let hash = index
    for (let at = 0; at < topic.length; at++) hash = (hash * 31 + topic.charCodeAt(at)) | 0
    return (hash >>> 0) % this.#options.count()
  }
}
