import { ZERO_UUID } from '../../protocol/schema.ts'
import type { Random } from '../host/host.ts'
import { Newcomer } from './newcomer.ts'
import type { Draft } from './output.ts'
import { emptyOutput } from './output.ts'
import type { Role } from './roles.ts'
import {
  newCandidate,
  newFollower,
  newLeader,
  newProspective,
  newResigned,
  newUnattached,
} from './roles.ts'
import { isKeyOf, knownElection, quorumTimeoutMs, sameElection } from './rules.ts'
import type {
  ElectionState,
  LogView,
  RaftOutput,
  RaftReply,
  RaftRequest,
  RaftTimeouts,
  ReplicaKey,
  Voter,
  VotersChange,
} from './types.ts'
import { EpochLimitError, LAST_EPOCH } from './types.ts'

export interface RaftOptions {
  readonly self: ReplicaKey
  readonly voters: readonly Voter[]
  /** Which of the log's changes made them so; left out where none did. */
  readonly votersChange?: VotersChange | null
  /** As it was last persisted; null on the first start. */
  readonly election: ElectionState | null
  /** All that is in it at the start is durable. */
  readonly log: LogView
  readonly random: Pick<Random, 'below'>
  readonly timeouts: RaftTimeouts
  /** Whether `ANYBODY` can be asked. */
  readonly discovers: boolean
  /** Nothing says that there is nothing which this node should remember of elections, and it doesn't. */
  readonly remembersNothing?: boolean
}

/** Who has evidence that its leader is gone waits less than this before it stands. */
const EVIDENCE_JITTER_MS = 150

/** Another node says what can't be true beside what is known: its word is not taken, and its connection not kept. */
export class ContradictionError extends Error {
  override readonly name = 'ContradictionError'
  readonly code = 'ERR_QUORUM_CONTRADICTION'
}

/**
 * What a node knows of its quorum, and its ways from one role to another. What the roles do is in election.ts, leader.ts
 * and follower.ts; what they want done is gathered here until the step ends.
 */
export class RaftState {
  readonly self: ReplicaKey
  readonly log: LogView
  readonly timeouts: RaftTimeouts
  readonly discovers: boolean
  #voters: readonly Voter[]
  #votersChange: VotersChange | null
  /** Everything below is committed; -1 before that is known in this life. */
  highWatermark = -1
  /** As `highWatermark`, with what a leader has told of records that are not here yet. */
  committed = -1
  /** Everything below is durable here. */
  synced: number
  #epoch: number
  #role: Role
  #requests: number
  #persisted: ElectionState | null
  #output: Draft = emptyOutput()
  #newcomer: Newcomer | null
  readonly #random: Pick<Random, 'below'>

  constructor(options: RaftOptions) {
    const { self, voters, election, log, random, timeouts, discovers } = options
    this.#newcomer = options.remembersNothing === true ? new Newcomer() : null
    this.self = self
    this.#voters = voters
    this.#votersChange = options.votersChange ?? null
    this.log = log
    this.timeouts = timeouts
    this.discovers = discovers
    this.#random = random
    this.synced = log.end.offset
    const known = knownElection(election, log.end.epoch)
    this.#epoch = known.epoch
    this.#persisted = election
    // An answer to a request of an earlier life must not fit one of this life.
    this.#requests = random.below(2 ** 30)
    // A leader that comes back must not vote or write in the epoch that it led: it waits as one who resigned. Who had
    // voted stays bound to it. The deadlines are set by `start`.
    this.#role =
      known.leaderId === self.id
        ? newResigned([], 0, Infinity)
        : newUnattached(known.leaderId, known.votedFor, 0)
  }

  get epoch(): number {
    return this.#epoch
  }

  get role(): Role {
    return this.#role
  }

  /** -1: unknown. */
  get leaderId(): number {
    const role = this.#role
    if (role.name === 'leader' || role.name === 'resigned') return this.self.id
    return role.name === 'candidate' ? -1 : role.leaderId
  }

  /** Whom this node can't help having voted for in its epoch. */
  get votedFor(): ReplicaKey | null {
    const role = this.#role
    return 'votedFor' in role ? role.votedFor : this.self
  }

  /** What would be in `quorum-state` now. */
  get election(): ElectionState {
    return { epoch: this.#epoch, leaderId: this.leaderId, votedFor: this.votedFor }
  }

  get others(): Voter[] {
    return this.voters.filter(({ id }) => id !== this.self.id)
  }

  get voters(): readonly Voter[] {
    return this.#voters
  }

  /** @param change what made them so; null where nothing did that may not be committed */
  setVoters(voters: readonly Voter[], change: VotersChange | null): void {
    this.#voters = voters
    this.#votersChange = change
  }

  get isVoter(): boolean {
    return this.voterOf(this.self) !== undefined
  }

  /**
   * What this node has heard as long as it has no vote though it is a voter: it doesn't remember how it has voted. A quorum that
   * tells its voters by their disks doesn't take a new disk for the old one (KIP-853), and needs none of this.
   */
  get newcomer(): Newcomer | null {
    return this.voterOf(this.self)?.directoryId === ZERO_UUID ? this.#newcomer : null
  }

  /** Whether it votes, and may stand. */
  get hasVote(): boolean {
    return (this.isVoter && this.newcomer === null) || this.isLeaving
  }

  /**
   * Whether this node votes no longer by a change that may not be committed. As Raft has it, it stands until then: it may be the
   * only one that has the change, and who lacks it can't be elected without its vote, nor gets that.
   */
  get isLeaving(): boolean {
    const change = this.#votersChange
    if (change === null || change.offset < this.highWatermark || this.isVoter) return false
    const before = change.before.find((voter) => isKeyOf(this.self, voter))
    if (before === undefined) return false
    return this.#newcomer === null || before.directoryId !== ZERO_UUID
  }

  /** Whether this node leads a quorum in which, as all that is committed has it, it doesn't vote. */
  get leadsOthers(): boolean {
    return this.#role.name === 'leader' && !this.isVoter && !this.isLeaving
  }

  /** From now on it remembers how it votes. */
  endNewcomer(): void {
    this.#newcomer = null
  }

  get isSoleVoter(): boolean {
    return this.voters.length === 1 && this.isVoter
  }

  /**
   * Whether this node, which comes back, has voted for itself and can still be elected in that epoch. Who has records of
   * the epoch can't: it has a leader.
   */
  get mayStandAgain(): boolean {
    const { votedFor, hasVote, log } = this
    const isOwn = votedFor !== null && isKeyOf(this.self, votedFor)
    return isOwn && hasVote && log.end.epoch < this.#epoch
  }

  /** The voter that another node is; undefined for an observer, and for a voter's node with another disk. */
  voterOf(replica: ReplicaKey): Voter | undefined {
    return this.voters.find((voter) => isKeyOf(replica, voter))
  }

  get majority(): number {
    return Math.floor(this.voters.length / 2) + 1
  }

  /** How long to wait this time, ms. */
  electionTimeout(): number {
    const least = this.timeouts.electionTimeoutMs
    return least + this.#random.below(least)
  }

  /** So that not all voters stand at the same moment, ms. */
  jitter(): number {
    return this.#random.below(EVIDENCE_JITTER_MS)
  }

  /** Each is used once. */
  nextRequestId(): number {
    return ++this.#requests
  }

  // From one role to another.

  /** In its own epoch a node stays bound to the vote that it gave there. */
  becomeUnattached(epoch: number, leaderId: number, now: number): void {
    const votedFor = epoch === this.#epoch ? this.votedFor : null
    this.#epoch = epoch
    this.#role = newUnattached(leaderId, votedFor, now + this.electionTimeout())
  }

  becomeProspective(now: number, goneLeaderId: number | null = null): void {
    const { name } = this.#role
    const leaderId = name === 'candidate' || name === 'resigned' ? -1 : this.leaderId
    const deadline = now + this.electionTimeout()
    this.#role = newProspective(this.self.id, leaderId, this.votedFor, goneLeaderId, deadline)
  }

  /** @throws EpochLimitError */
  becomeCandidate(now: number, goneLeaderId: number | null): void {
    this.#raiseEpoch()
    this.standAgain(now, goneLeaderId)
  }

  /**
   * As in Apache Kafka a leader that resigned leaves its epoch behind after a while.
   * @throws EpochLimitError
   */
  endEpoch(now: number): void {
    this.#raiseEpoch()
    this.#role = newUnattached(-1, null, now + this.electionTimeout())
  }

  #raiseEpoch(): void {
    if (this.#epoch >= LAST_EPOCH) throw new EpochLimitError(this.#epoch)
    this.#epoch++
  }

  /** Asks for votes in an epoch in which this node has voted for itself. */
  standAgain(now: number, goneLeaderId: number | null = null): void {
    this.#role = newCandidate(this.self.id, goneLeaderId, now + this.electionTimeout())
  }

  becomeLeader(grantedBy: readonly number[], now: number): void {
    const epochStart = this.log.end.offset
    this.#role = newLeader(epochStart, now, now + quorumTimeoutMs(this.timeouts))
    this.#output.beginEpoch = { epoch: this.#epoch, grantedBy }
  }

  becomeResigned(preferredCandidates: readonly ReplicaKey[], now: number): void {
    const deadline = now + this.electionTimeout()
    this.#role = newResigned(preferredCandidates, deadline, now)
  }

  follow(leaderId: number, now: number): void {
    // Kafka too forgets here that a node had voted for itself: the epoch has its leader.
    const votedFor = this.#role.name === 'candidate' ? null : this.votedFor
    const deadline = now + this.timeouts.fetchTimeoutMs
    this.#role = newFollower(leaderId, votedFor, now, deadline)
  }

  /**
   * Takes note of what another node says of epoch and leader. True when this changed our role.
   * @param isFromLeader the leader itself says so
   * @throws ContradictionError
   */
  learn(epoch: number, leaderId: number, now: number, isFromLeader = false): boolean {
    if (epoch < this.#epoch) return false
    if (epoch > LAST_EPOCH) {
      throw new ContradictionError(`It says that the epoch is ${epoch}, after which there is none`)
    }
    const known = leaderId >= 0 && leaderId !== this.self.id
    if (epoch > this.#epoch) {
      this.becomeUnattached(epoch, known ? leaderId : -1, now)
      if (known) this.follow(leaderId, now)
      return true
    }
    if (!known) return false
    const role = this.#role
    if (role.name === 'leader' || role.name === 'resigned') {
      throw new ContradictionError(
        `It says that node ${leaderId} leads epoch ${epoch}, which this node won`,
      )
    }
    if (role.name === 'follower') {
      if (role.leaderId === leaderId) return false
      throw new ContradictionError(
        `It says that node ${leaderId} leads epoch ${epoch}, which is node ${role.leaderId}'s`,
      )
    }
    // Whoever asks for pre-votes has lost this leader; that others still name it is no sign of its life.
    if (role.name === 'prospective' && role.leaderId === leaderId && !isFromLeader) return false
    this.follow(leaderId, now)
    return true
  }

  // What a step wants done.

  send(to: number, message: RaftRequest): void {
    this.#output.send.push({ to, message })
  }

  /** Of the request that this step takes. */
  answer(reply: RaftReply): void {
    this.#output.answer = reply
  }

  commit(offset: number): void {
    this.highWatermark = offset
    this.committed = Math.max(this.committed, offset)
    this.#output.commit = offset
  }

  get output(): Draft {
    return this.#output
  }

  /** The step ends: what it wants done, with the election that has to be remembered before. */
  take(): RaftOutput {
    const output = this.#output
    this.#output = emptyOutput()
    const { election } = this
    // A start that finds the file takes its node for one that remembers. A vote is never forgotten: who asks an observer for
    // one may have the record that makes it a voter.
    const isKept = this.#newcomer === null || this.hasVote || this.votedFor !== null
    if (isKept && !sameElection(election, this.#persisted))
      output.persist = this.#persisted = election
    return output
  }
}
