/** A node of the quorum with the disk it has: with another disk it is another voter (KIP-853). */
export interface ReplicaKey {
  readonly id: number
  /** 22 characters of base64url. */
  readonly directoryId: string
}

export interface VoterEndpoint {
  readonly name: string
  readonly host: string
  readonly port: number
}

export interface Voter extends ReplicaKey {
  /** Where its controller listener is; empty for the only voter of a node that has none. */
  readonly endpoints: readonly VoterEndpoint[]
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
  readonly errorCode:
    'NONE' | 'INVALID_REQUEST' | 'FENCED_LEADER_EPOCH' | 'INVALID_VOTER_KEY' | 'UNKNOWN_VOTER'
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
  /** The answer has it too. Between processes it is the request's correlation id. */
  readonly requestId: number
  readonly replica: ReplicaKey
  readonly currentLeaderEpoch: number
  readonly fetchOffset: number
  readonly lastFetchedEpoch: number
  /** What the follower knows to be committed: it is answered at once where there is news of that (KIP-1166). */
  readonly highWatermark: number
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

export type RaftMessage =
  | VoteRequest
  | VoteReply
  | BeginQuorumEpoch
  | EndQuorumEpoch
  | EpochReply
  | FetchRequest
  | FetchReply

export interface Envelope {
  readonly to: number
  readonly message: RaftMessage
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
  readonly to: number
  readonly requestId: number
  /** The one this node leads. */
  readonly epoch: number
  readonly offset: number
  readonly highWatermark: number
}

/**
 * What a step asks its driver to do, in this order: make `persist` durable, truncate or restore, append (`beginEpoch`,
 * `append`), send, tell of the commit.
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
  readonly fetchSnapshot: { readonly from: number; readonly snapshot: LogPosition } | null
  /** Put this snapshot, which was received, in the log's place, and tell by `restored`. */
  readonly restore: LogPosition | null
  readonly send: readonly Envelope[]
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
