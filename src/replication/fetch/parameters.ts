import type { ReadUpTo } from '../../log/base/results.ts'
import type { FetchMemory } from '../../log/read/memory.ts'
import type { LeaderThrottle } from './leader-throttle.ts'
import type { FollowerPatience } from './patience.ts'
import type { Presence } from './presence.ts'
import type { ReplicaSelector } from './replica-selector.ts'

/** What one Fetch asks for beside its partitions, and what it has to heed. */
export interface FetchParameters {
  readonly upTo: ReadUpTo
  readonly maxWaitMs: number
  readonly minBytes: number
  /** GRANT_BYTES at most. */
  readonly maxBytes: number
  /** Where the bytes that are read are counted. */
  readonly memory: FetchMemory
  /** Who has asked. */
  readonly client: Presence
  /** [KIP-392] Any replica will do: what is asked for need not be led here. */
  readonly fromAnyReplica: boolean
  /** Sends the client on to other replicas; null where the leader is as good as any. */
  readonly selector: ReplicaSelector | null
  /** Of a follower; null for all others. */
  readonly patience: FollowerPatience | null
  /** When the answer is full, the targets behind needn't be looked at. */
  readonly mayLeaveOut: boolean
  /** What a follower may be made to wait for; null where nothing is throttled. */
  readonly throttle: LeaderThrottle | null
}
