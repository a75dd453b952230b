import type { Clock } from '../host/host.ts'
import type { Raft } from './raft.ts'
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
    const seen = role.name === 'leader' ? role.progress.get(key.id) : undefined
    return {
      ...key,
      logEndOffset: seen?.offset ?? -1,
      lastFetchTimestamp: wallTimeOf(seen?.fetchedAt),
      lastCaughtUpTimestamp: wallTimeOf(seen?.caughtUpAt),
    }
  }
  const known = role.name === 'leader' ? [...role.directoryIds] : []
  const others = known.filter(([id]) => !voters.some((voter) => voter.id === id))
  return {
    leaderId,
    leaderEpoch: epoch,
    highWatermark,
    currentVoters: voters.map(({ id, directoryId }) => state({ id, directoryId })),
    observers: others.map(([id, directoryId]) => state({ id, directoryId })),
    voters,
  }
}
