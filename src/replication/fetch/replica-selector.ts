import type { FollowerState } from '../partition/follower-state.ts'
import type { Partition } from '../partition/partition.ts'

export interface ReplicaSelectorOptions {
  readonly clientRack: string
  readonly brokerId: number
  /** Of a broker that is alive, and that the client can reach by the listener that it has asked by; null where it is neither. */
  readonly rackOf: (brokerId: number) => string | null
}

/** [KIP-392] Sends a client to a replica in its own rack. */
export class ReplicaSelector {
  readonly #options: ReplicaSelectorOptions

  constructor(options: ReplicaSelectorOptions) {
    this.#options = options
  }

  /**
   * The replica that its leader would have the client read from; the one that is the furthest where there are several.
   * @returns the id of its broker; -1 where that is this one, or this one doesn't lead
   */
  select(partition: Partition, fetchOffset: number): number {
    const { clientRack, brokerId, rackOf } = this.#options
    if (!partition.isLeader || rackOf(brokerId) === clientRack) return -1
    let best: FollowerState | null = null
    for (const follower of partition.readableAt(fetchOffset)) {
      if (rackOf(follower.brokerId) !== clientRack) continue
      if (best === null || isFurther(follower, best)) best = follower
    }
    return best?.brokerId ?? -1
  }
}

function isFurther(one: FollowerState, other: FollowerState): boolean {
  if (one.logEndOffset !== other.logEndOffset) return one.logEndOffset > other.logEndOffset
  if (one.lastCaughtUpMs !== other.lastCaughtUpMs) return one.lastCaughtUpMs > other.lastCaughtUpMs
  return one.brokerId > other.brokerId
}
