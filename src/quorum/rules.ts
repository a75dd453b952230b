import { ZERO_UUID } from '../../protocol/schema.ts'
import type { Leader } from './roles.ts'
import { keyText } from './roles.ts'
import type {
  ElectionState,
  EndQuorumEpoch,
  EpochProblem,
  FetchReply,
  FetchRequest,
  LogPosition,
  LogView,
  RaftTimeouts,
  ReplicaKey,
  Voter,
  VoteRequest,
} from './types.ts'
import { LAST_EPOCH } from './types.ts'

/** Whether a log has more: the later epoch, or more of the same one. */
export const isAhead = (left: LogPosition, right: LogPosition): boolean =>
  left.epoch !== right.epoch ? left.epoch > right.epoch : left.offset > right.offset

/** Whether a node is the voter that is named. A static quorum (kraft.version 0) names its voters without their disks. */
export const isKeyOf = (replica: ReplicaKey, voter: ReplicaKey): boolean =>
  replica.id === voter.id &&
  (voter.directoryId === ZERO_UUID || voter.directoryId === replica.directoryId)

const sameKey = (left: ReplicaKey, right: ReplicaKey): boolean =>
  left.id === right.id && left.directoryId === right.directoryId

export const samePosition = (left: LogPosition, right: LogPosition): boolean =>
  left.offset === right.offset && left.epoch === right.epoch

export function sameElection(left: ElectionState, right: ElectionState | null): boolean {
  if (right === null || left.epoch !== right.epoch || left.leaderId !== right.leaderId) return false
  const [one, other] = [left.votedFor, right.votedFor]
  return one === null || other === null ? one === other : sameKey(one, other)
}

export const isValidVote = ({ lastOffset, lastEpoch, epoch, preVote }: VoteRequest): boolean =>
  lastOffset >= 0 &&
  lastEpoch >= 0 &&
  epoch <= LAST_EPOCH &&
  (preVote ? lastEpoch <= epoch : lastEpoch < epoch)

/** How far another voter is, as its last fetch told; -1 unknown. */
function offsetOf(role: Leader, voter: Voter): number {
  return role.progress.get(keyText(voter))?.offset ?? -1
}

/** Who should lead next: the one that has most. */
export function successors(role: Leader, others: readonly Voter[]): ReplicaKey[] {
  return [...others]
    .sort((left, right) => offsetOf(role, right) - offsetOf(role, left))
    .map(({ id, directoryId }) => ({ id, directoryId }))
}

/**
 * How long a successor waits after the leader resigned: the first in the list starts at once, the others wait for it,
 * each longer than the one before.
 */
export function successionDelayMs(
  { preferredCandidates }: EndQuorumEpoch,
  rank: number,
  { electionBackoffMaxMs: longest }: RaftTimeouts,
): number {
  if (rank === 0) return 0
  const step = longest >> Math.max(0, preferredCandidates.length - 1)
  return Math.min(longest, step << (rank - 1))
}

/**
 * What a majority has synced: the middle of all voters' ends, or the higher of the two that are.
 * @param synced the leader's own
 */
export function replicatedOffset(
  role: Leader,
  voters: readonly Voter[],
  self: number,
  synced: number,
): number {
  const offsets = voters
    .map((voter) => (voter.id === self ? synced : offsetOf(role, voter)))
    .sort((left, right) => right - left)
  return offsets[Math.floor(offsets.length / 2)] ?? -1
}

/** Why a node that is taken for the leader of an epoch is none; null where it is. */
export function epochProblem(asked: number, epoch: number, isLeader: boolean): EpochProblem | null {
  if (asked < epoch) return 'FENCED_LEADER_EPOCH'
  if (asked > epoch) return 'UNKNOWN_LEADER_EPOCH'
  return isLeader ? null : 'NOT_LEADER_OR_FOLLOWER'
}

/**
 * What a leader answers to a fetch, without the records. Null: the fetch is valid, read from its offset.
 * @param epoch the leader's
 */
export function fetchProblem(
  request: FetchRequest,
  epoch: number,
  isLeader: boolean,
  log: LogView,
): Partial<FetchReply> | null {
  const { currentLeaderEpoch, fetchOffset, lastFetchedEpoch, maxWaitMs } = request
  const isWrong = maxWaitMs < 0 || fetchOffset < 0 || lastFetchedEpoch < 0
  if (isWrong || lastFetchedEpoch > currentLeaderEpoch) {
    return { errorCode: 'INVALID_REQUEST' }
  }
  const errorCode = epochProblem(currentLeaderEpoch, epoch, isLeader)
  if (errorCode !== null) return { errorCode }
  const { latestSnapshot, startOffset } = log
  // An empty log is sent the snapshot even where the log still has everything: it is shorter.
  if (latestSnapshot !== null && fetchOffset === 0) return { snapshot: latestSnapshot }
  if (fetchOffset === 0 && startOffset === 0) return null
  if (latestSnapshot !== null && lacks(log, fetchOffset, lastFetchedEpoch)) {
    return { snapshot: latestSnapshot }
  }
  const known = log.endOfEpoch(lastFetchedEpoch)
  if (known.epoch === lastFetchedEpoch && known.offset >= fetchOffset) return null
  return { diverging: known }
}

/** Whether a log can't tell any more how a follower's differs from it: as in Apache Kafka's ReplicatedLog. */
function lacks(
  { earliestSnapshot, startOffset }: LogView,
  fetchOffset: number,
  lastFetchedEpoch: number,
): boolean {
  if (earliestSnapshot === null) return false
  const { epoch } = earliestSnapshot
  if (fetchOffset === startOffset) return lastFetchedEpoch !== epoch
  return fetchOffset < startOffset || lastFetchedEpoch < epoch
}

/** What holds of elections at the start: `quorum-state`, unless the log has come further. */
export function knownElection(election: ElectionState | null, logEpoch: number): ElectionState {
  if (election !== null && election.epoch >= logEpoch) return election
  return { epoch: logEpoch, leaderId: -1, votedFor: null }
}

/** How long a leader leads without a majority that fetches. */
export function quorumTimeoutMs({ fetchTimeoutMs }: RaftTimeouts): number {
  return 1.5 * fetchTimeoutMs
}
