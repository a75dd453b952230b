import type { Clock } from '../host/host.ts'
import type { Raft } from './raft.ts'
import { keyText } from './roles.ts'
import { isKeyOf } from './rules.ts'
import type { ReplicaKey, Voter } from './types.ts'

/** DescribeQuorum's view of a node. */
export interface ReplicaState extends ReplicaKey {
  readonly logEndOffset: number
  /** Wall-clock ms; -1 unknown. */
  readonly lastFetchTimestamp: number
  readonly lastCaughtUpTimestamp: number
}

export interface QuorumDescription {
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly highWatermark: number
  readonly currentVoters: readonly ReplicaState[]
  readonly observers: readonly ReplicaState[]
  readonly voters: readonly Voter[]
}

/** What the quorum looks like from a node; only the leader knows of others. */
export function describeQuorum(
  raft: Raft,
  selfId: number,
  logEndOffset: number,
  clock: Clock,
): QuorumDescription {
  const { role, voters, leaderId, epoch, highWatermark } = raft
  const monotonicMs = clock.monotonic()
  const wallMs = clock.now()
  const wallTimeOf = (at = -1): number => (at < 0 ? -1 : Math.round(wallMs - (monotonicMs - at)))
  const state = (key: ReplicaKey): ReplicaState => {
    if (key.id === selfId) {
      return { ...key, logEndOffset, lastFetchTimestamp: wallMs, lastCaughtUpTimestamp: wallMs }
    }
    const seen = role.name === 'leader' ? role.progress.get(keyText(key)) : undefined
    return {
      ...key,
      logEndOffset: seen?.offset ?? -1,
      lastFetchTimestamp: wallTimeOf(seen?.fetchedAt),
      lastCaughtUpTimestamp: wallTimeOf(seen?.caughtUpAt),
    }
  }
  const known = role.name === 'leader' ? [...role.progress.values()] : []
  const others = known.filter(({ replica }) => !voters.some((voter) => isKeyOf(replica, voter)))
  return {
    leaderId,
    leaderEpoch: epoch,
    highWatermark,
    currentVoters: voters.map(({ id, directoryId }) => state({ id, directoryId })),
    observers: others.map(({ replica }) => state(replica)),
    voters,
  }
}
