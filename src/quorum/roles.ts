import type { LogPosition, ReplicaKey } from './types.ts'

/** Knows nobody to follow. */
export interface Unattached {
  readonly name: 'unattached'
  readonly leaderId: number
  votedFor: ReplicaKey | null
  deadline: number
  /** When to ask anybody who leads. */
  findAt: number
}

/** Asks whether it could win before it disturbs anybody with a new epoch (KIP-996). */
export interface Prospective {
  readonly name: 'prospective'
  /** Whom it followed in this epoch, -1 for nobody. */
  readonly leaderId: number
  /** A leader whose process is gone, as its machine says: who would not vote yet may hear of it in a moment. */
  readonly goneLeaderId: number | null
  votedFor: ReplicaKey | null
  readonly granted: Set<number>
  readonly refused: Set<number>
  readonly deadline: number
  /** When to ask each voter next, by id; at once who isn't here. */
  readonly askAt: Map<number, number>
}

export interface Candidate {
  readonly name: 'candidate'
  /** The leader whose process had ended when this node began to stand: its vote is not waited for. */
  readonly goneLeaderId: number | null
  /** It has let another one go first. */
  hasYielded: boolean
  readonly granted: Set<number>
  readonly refused: Set<number>
  deadline: number
  readonly askAt: Map<number, number>
}

/** How far another node is, as its last fetch told. */
export interface Progress {
  readonly replica: ReplicaKey
  readonly offset: number
  readonly fetchedAt: number
  /** When its fetch offset last was our log end. */
  readonly caughtUpAt: number
}

/** What another node's progress is found by: with another disk it is another one, and has nothing of what that had. */
export const keyText = ({ id, directoryId }: ReplicaKey): string => `${id} ${directoryId}`

export interface Leader {
  readonly name: 'leader'
  /** Where its LeaderChange is: nothing of its epoch is committed at or below this. */
  epochStart: number
  /** By `keyText`, of voters as they are named among the voters; who fetched last comes last. */
  readonly progress: Map<string, Progress>
  beginAt: number
  quorumDeadline: number
}

export interface Follower {
  readonly name: 'follower'
  readonly leaderId: number
  votedFor: ReplicaKey | null
  /** Whether this leader has answered a fetch, which makes others' pre-votes a disturbance. */
  hasFetched: boolean
  /** Its process has ended since. */
  isGone: boolean
  /** Another voter goes first, which has found that out, too. */
  hasYielded: boolean
  /** The last fetch had no answer: others are asked in between whether they know of another leader. */
  isSilent: boolean
  /** How often in a row what the leader had to send could not be had, or not be used. */
  failures: number
  deadline: number
  fetching: Fetching
}

/** Where a follower is in its round of fetching and writing. */
export type Fetching =
  | { readonly name: 'idle'; readonly at: number }
  | { readonly name: 'sent'; readonly requestId: number; readonly resendAt: number }
  /** What came is appended, or the log cut, and made durable. */
  | { readonly name: 'writing' }
  /** A snapshot comes, and takes the log's place. */
  | { readonly name: 'restoring'; readonly snapshot: LogPosition }

/** Led, and must not write in this epoch again. */
export interface Resigned {
  readonly name: 'resigned'
  deadline: number
  readonly unacknowledged: Set<number>
  readonly preferredCandidates: readonly ReplicaKey[]
  resendAt: number
}

export type Role = Unattached | Prospective | Candidate | Leader | Follower | Resigned

export const newUnattached = (
  leaderId: number,
  votedFor: ReplicaKey | null,
  deadline: number,
): Unattached => ({ name: 'unattached', leaderId, votedFor, deadline, findAt: 0 })

/** @param self has its own vote */
export const newProspective = (
  self: number,
  leaderId: number,
  votedFor: ReplicaKey | null,
  goneLeaderId: number | null,
  deadline: number,
): Prospective => ({
  name: 'prospective',
  leaderId,
  goneLeaderId,
  votedFor,
  granted: new Set([self]),
  refused: new Set(),
  deadline,
  askAt: new Map(),
})

export const newCandidate = (
  self: number,
  goneLeaderId: number | null,
  deadline: number,
): Candidate => ({
  name: 'candidate',
  goneLeaderId,
  hasYielded: false,
  granted: new Set([self]),
  refused: new Set(),
  deadline,
  askAt: new Map(),
})

export const newLeader = (epochStart: number, now: number, quorumDeadline: number): Leader => ({
  name: 'leader',
  epochStart,
  progress: new Map(),
  beginAt: now,
  quorumDeadline,
})

export const newFollower = (
  leaderId: number,
  votedFor: ReplicaKey | null,
  now: number,
  deadline: number,
): Follower => ({
  name: 'follower',
  leaderId,
  votedFor,
  hasFetched: false,
  isGone: false,
  hasYielded: false,
  isSilent: false,
  failures: 0,
  deadline,
  fetching: { name: 'idle', at: now },
})

export const newResigned = (
  preferredCandidates: readonly ReplicaKey[],
  deadline: number,
  resendAt: number,
): Resigned => ({
  name: 'resigned',
  deadline,
  unacknowledged: new Set(preferredCandidates.map(({ id }) => id)),
  preferredCandidates,
  resendAt,
})
