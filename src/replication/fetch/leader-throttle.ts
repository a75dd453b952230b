import type { Partition } from '../partition/partition.ts'
import type { ReplicationQuota } from '../quota/replication-quota.ts'

/**
 * [KIP-73] What a leader keeps from a follower: the records of throttled partitions, while `leader.replication.throttled.rate` is
 * exceeded. Who is in sync gets them nevertheless; else it would be so no longer, and acknowledgements would wait for it.
 */
export class LeaderThrottle {
  readonly quota: ReplicationQuota
  readonly #followerId: number

  constructor(quota: ReplicationQuota, followerId: number) {
    this.quota = quota
    this.#followerId = followerId
  }

  holdsBack(partition: Partition): boolean {
    return (
      partition.isThrottledAsLeader &&
      !partition.assignment.isr.includes(this.#followerId) &&
      this.quota.isExceeded
    )
  }
}
