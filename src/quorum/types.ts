/** A node of the quorum with the disk it has: with another disk it is another voter (KIP-853). */
export interface ReplicaKey {
  readonly id: number
  /** 22 characters of base64url. */
  readonly directoryId: string
}

/** The last change of the voters in a log. */
export interface VotersChange {
  /** Of the batch that says so. */
  readonly offset: number
  /** Who voted before it. */
  readonly before: readonly Voter[]
}

export interface VoterEndpoint {
  readonly name: string
  readonly host: string
  readonly port: number
}

/** Levels of the feature kraft.version. */
export interface KraftVersions {
  readonly min: number
  readonly max: number
}

export interface Voter extends ReplicaKey {
  /** Where its controller listener is; empty for the only voter of a node that has none. */
  readonly endpoints: readonly VoterEndpoint[]
  /** Those that it has said it knows; left out where nobody has asked it: then those that this node knows. */
  readonly kraftVersions?: KraftVersions
}

/** What a node must never forget of elections: the content of `quorum-state`. */
export interface ElectionState {
  readonly epoch: number
  /** -1: unknown. */
  readonly leaderId: number
  readonly votedFor: ReplicaKey | null
}

export interface LogPosition {
  readonly offset: number
  readonly epoch: number
}

/** What the core looks up in the node's own log. */
export interface LogView {
  readonly startOffset: number
  /** The offset after the last record, and that record's epoch (0 in an empty log). */
  readonly end: LogPosition
  /** The latest snapshot, if it is not the one of offset 0. */
  readonly latestSnapshot: LogPosition | null
  /** The earliest one: of what is before its end the log need not have anything. */
  readonly earliestSnapshot: LogPosition | null
  /** The largest epoch in the log that isn't above the one asked for, with the offset where it ends. */
  endOfEpoch(epoch: number): LogPosition
}

export type VoteRequest = {
  readonly type: 'vote'
  readonly candidate: ReplicaKey
  readonly voter: ReplicaKey
  readonly epoch: number
  readonly lastOffset: number
  readonly lastEpoch: number
  readonly preVote: boolean
}

export type VoteReply = {
  readonly type: 'voteReply'
  readonly errorCode: 'NONE' | 'INVALID_REQUEST' | 'FENCED_LEADER_EPOCH' | 'INVALID_VOTER_KEY'
  readonly epoch: number
  readonly leaderId: number
  readonly granted: boolean
  readonly preVote: boolean
}

export type BeginQuorumEpoch = {
  readonly type: 'beginQuorumEpoch'
  readonly leaderId: number
  readonly epoch: number
}

export type EndQuorumEpoch = {
  readonly type: 'endQuorumEpoch'
  readonly leaderId: number
  readonly epoch: number
  /** By descending fetch offset. */
  readonly preferredCandidates: readonly ReplicaKey[]
}

export type EpochReply = {
  readonly type: 'epochReply'
  readonly errorCode: 'NONE' | 'FENCED_LEADER_EPOCH'
  readonly epoch: number
  readonly leaderId: number
}

export type FetchRequest = {
  readonly type: 'fetch'
  /** The answer has it too. */
  readonly requestId: number
  readonly replica: ReplicaKey
  readonly currentLeaderEpoch: number
  readonly fetchOffset: number
  readonly lastFetchedEpoch: number
  /** What the follower knows to be committed: it is answered at once where there is news of that (KIP-1166). */
  readonly highWatermark: number
  /** How long the answer may wait for news. */
  readonly maxWaitMs: number
}

export type FetchReply = {
  readonly type: 'fetchReply'
  readonly requestId: number
  readonly errorCode:
    | 'NONE'
    | 'INVALID_REQUEST'
    | 'FENCED_LEADER_EPOCH'
    | 'UNKNOWN_LEADER_EPOCH'
    | 'NOT_LEADER_OR_FOLLOWER'
  readonly epoch: number
  readonly leaderId: number
  /** -1: unknown. */
  readonly highWatermark: number
  /** The follower's log differs: its end of this epoch is not the leader's. */
  readonly diverging: LogPosition | null
  /** The follower needs records that are only in this snapshot. */
  readonly snapshot: LogPosition | null
  /** Whole batches from the offset asked for; null where there is nothing to read. */
  readonly records: Buffer | null
}

/** Why a node that is asked as the leader of an epoch isn't it. */
export type EpochProblem = 'FENCED_LEADER_EPOCH' | 'UNKNOWN_LEADER_EPOCH' | 'NOT_LEADER_OR_FOLLOWER'

export type RaftRequest = VoteRequest | BeginQuorumEpoch | EndQuorumEpoch | FetchRequest
export type RaftReply = VoteReply | EpochReply | FetchReply
export type RaftMessage = RaftRequest | RaftReply

/** The node that a request is from. */
export function senderOf(request: RaftRequest): number {
  if (request.type === 'vote') return request.candidate.id
  return request.type === 'fetch' ? request.replica.id : request.leaderId
}

/** A follower reads a piece of its leader's snapshot. */
export interface SnapshotRequest {
  readonly replica: ReplicaKey
  readonly currentLeaderEpoch: number
  readonly snapshot: LogPosition
  /** The byte from which to read. */
  readonly position: number
  readonly maxBytes: number
}

/** The epochs are used up: what follows has no number in Kafka's protocol. */
export class EpochLimitError extends Error {
  override readonly name = 'EpochLimitError'
  readonly code = 'ERR_QUORUM_EPOCH_LIMIT'

  constructor(epoch: number) {
    super(
      `The quorum of the metadata is in epoch ${epoch}, and no leader can be elected after it: another node has said so, or its quorum-state was written by something else. Restore the metadata directories of the controllers from before`,
    )
  }
}

/** The last epoch that one may come after: they are int32 in Kafka's protocol. */
export const LAST_EPOCH = 2 ** 31 - 2

/** Whom a node asks that knows nobody who leads: any of the nodes that it was told of at its start. */
export const ANYBODY = -1

export interface Envelope {
  /** A node's id, or `ANYBODY`. */
  readonly to: number
  readonly message: RaftRequest
}

export interface RaftTimeouts {
  /** `controller.quorum.election.timeout.ms`; the real one is uniform in [once, twice) this. */
  readonly electionTimeoutMs: number
  /** `controller.quorum.fetch.timeout.ms` */
  readonly fetchTimeoutMs: number
  /** `controller.quorum.election.backoff.max.ms` */
  readonly electionBackoffMaxMs: number
  /** `controller.quorum.request.timeout.ms` */
  readonly requestTimeoutMs: number
  /** `controller.quorum.retry.backoff.ms` */
  readonly retryBackoffMs: number
}

export const DEFAULT_TIMEOUTS: RaftTimeouts = {
  electionTimeoutMs: 1000,
  fetchTimeoutMs: 2000,
  electionBackoffMaxMs: 1000,
  requestTimeoutMs: 2000,
  retryBackoffMs: 20,
}

export interface FetchToAnswer {
  readonly requestId: number
  /** The one this node leads. */
  readonly epoch: number
  readonly offset: number
  readonly isVoter: boolean
  readonly highWatermark: number
  readonly maxWaitMs: number
}

/**
 * What a step asks its driver to do, in this order: make `persist` durable, truncate or restore, append (`beginEpoch`,
 * `append`), send, answer, tell of the commit.
 */
export interface RaftOutput {
  readonly persist: ElectionState | null
  /** Drop the log from this offset on, sync, and tell by `truncated` and `flushed`. */
  readonly truncateTo: number | null
  /** This node won the epoch: append its LeaderChange, and tell by `flushed`. */
  readonly beginEpoch: { readonly epoch: number; readonly grantedBy: readonly number[] } | null
  /** Records from the leader: append, sync, and tell by `flushed`; the next fetch waits for it. Bad ones: `refused`. */
  readonly append: { readonly from: number; readonly records: Buffer } | null
  /** Fetch this snapshot from the leader beside everything else, and tell by `receiving` and `received`, or by `missed`. */
  readonly fetchSnapshot: {
    readonly from: number
    readonly snapshot: LogPosition
    /** As whom. */
    readonly replica: ReplicaKey
  } | null
  /** Put this snapshot, which was received, in the log's place, and tell by `restored`. */
  readonly restore: LogPosition | null
  readonly send: readonly Envelope[]
  /** To the request that this step took; null where it took none, where `reads` has it, or where it is not believed. */
  readonly answer: RaftReply | null
  /**
   * Followers' fetches that are valid: answer with uncommitted records from `offset` on, at once or when there are some or
   * the high watermark is above the one they know.
   */
  readonly reads: readonly FetchToAnswer[]
  /** Everything below is committed; null where nothing changed. */
  readonly commit: number | null
  /** A node said what can't be true: nothing that it said was taken. */
  readonly contradiction: { readonly from: number; readonly error: Error } | null
}
