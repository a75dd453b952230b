import { askAt, electionTick, notAnswered, vote, voteReply } from './election.ts'
import {
  epochMessage,
  fetchAt,
  fetchLater,
  fetchReply,
  find,
  followerTick,
  isRestoring,
  leaderGone,
  notFetched,
} from './follower.ts'
import {
  advance,
  fetch,
  fetchAnswer,
  fetchingSnapshot,
  leaderTick,
  renameVoters,
  resign,
  resignedTick,
} from './leader.ts'
import { newcomerAskAt, newcomerTick } from './newcomer.ts'
import { ContradictionError, RaftState, type RaftOptions } from './raft-state.ts'
import { keyText, type Role } from './roles.ts'
import { epochProblem, quorumTimeoutMs } from './rules.ts'
import type {
  EpochProblem,
  FetchReply,
  FetchRequest,
  FetchToAnswer,
  LogPosition,
  RaftMessage,
  RaftOutput,
  RaftRequest,
  ReplicaKey,
  Voter,
  VotersChange,
} from './types.ts'

/**
 * Raft in KRaft's dialect (KIP-595, 853, 996), without any input or output: messages, ticks and news of the log go in,
 * what is to be done comes out. Followers fetch, and a fetch's offset acknowledges everything below it, so a follower
 * syncs before it fetches on. Times are monotonic milliseconds.
 *
 * A driver does what one step asks for before it takes the next.
 */
export class Raft {
  readonly #state: RaftState

  constructor(options: RaftOptions) {
    this.#state = new RaftState(options)
  }

  get epoch(): number {
    return this.#state.epoch
  }

  get role(): Role {
    return this.#state.role
  }

  get voters(): readonly Voter[] {
    return this.#state.voters
  }

  /** -1: unknown. */
  get leaderId(): number {
    return this.#state.leaderId
  }

  /** Everything below is committed; -1 before that is known in this life. */
  get highWatermark(): number {
    return this.#state.highWatermark
  }

  /** Everything below is committed, though not all of it may be here; -1 before that is known in this life. */
  get committed(): number {
    return this.#state.committed
  }

  /** Whether this node is a voter without a vote, for it doesn't remember how it has voted. */
  get isNewcomer(): boolean {
    return this.#state.newcomer !== null
  }

  /** Whether this node leads, and is to resign: that it votes no longer is committed. */
  get leadsOthers(): boolean {
    return this.#state.leadsOthers
  }

  /** A sole voter leads when this returns; others begin to wait or to ask. */
  start(now: number): RaftOutput {
    const state = this.#state
    const { role } = state
    if (role.name === 'resigned') role.deadline = now + state.electionTimeout()
    else if (role.name === 'unattached') {
      if (role.leaderId >= 0) state.follow(role.leaderId, now)
      else if (state.mayStandAgain) state.standAgain(now)
      else role.deadline = now + state.electionTimeout()
    }
    return this.tick(now)
  }

  /** Call it at `nextTick` at the latest. */
  tick(now: number): RaftOutput {
    const state = this.#state
    let before: Role
    // Whoever comes into a role does at once what it has to do there.
    do {
      before = state.role
      this.#tickOnce(now)
    } while (state.role !== before)
    return state.take()
  }

  #tickOnce(now: number): void {
    const state = this.#state
    if (state.newcomer !== null) newcomerTick(state, state.newcomer, now)
    const { role } = state
    switch (role.name) {
      case 'leader':
        return leaderTick(state, role, now)
      case 'prospective':
      case 'candidate':
        return electionTick(state, role, now)
      case 'follower':
        // That it is the only voter left need not be committed: its leader says so, or is missed.
        return followerTick(state, role, now)
      default:
        if (state.isSoleVoter) state.becomeProspective(now)
        else if (role.name === 'resigned') resignedTick(state, role, now)
        else if (now >= role.deadline && state.hasVote) state.becomeProspective(now)
        else find(state, role, now)
    }
  }

  /** When the next `tick` has something to do; Infinity for a sole voter that leads. */
  nextTick(): number {
    const { newcomer } = this.#state
    const at = this.#nextOfRole()
    return newcomer === null ? at : Math.min(at, newcomerAskAt(this.#state, newcomer))
  }

  #nextOfRole(): number {
    const { role, isSoleVoter, hasVote, discovers } = this.#state
    switch (role.name) {
      case 'leader':
        return isSoleVoter ? Infinity : Math.min(role.beginAt, role.quorumDeadline)
      case 'unattached':
        return Math.min(hasVote ? role.deadline : Infinity, discovers ? role.findAt : Infinity)
      case 'follower':
        return Math.min(role.deadline, fetchAt(this.#state, role))
      case 'resigned':
        return Math.min(role.deadline, role.resendAt)
      default:
        return Math.min(role.deadline, askAt(this.#state, role))
    }
  }

  /** A message from another node. One that contradicts what is known changes nothing, and is told in the output. */
  receive(from: number, message: RaftMessage, now: number): RaftOutput {
    try {
      this.#take(from, message, now)
    } catch (error) {
      if (!(error instanceof ContradictionError)) throw error
      this.#state.output.contradiction = { from, error }
    }
    return this.tick(now)
  }

  /** A request to another node came to nothing, or nothing is known of it. */
  unanswered(to: number, request: RaftRequest, now: number): RaftOutput {
    const state = this.#state
    if (request.type === 'vote') notAnswered(state, to, request, now)
    else if (request.type === 'fetch') notFetched(state, to, request, now)
    return this.tick(now)
  }

  /** The process of a leader has ended. */
  gone(leaderId: number, now: number): RaftOutput {
    leaderGone(this.#state, leaderId, now)
    return this.tick(now)
  }

  /** Another node reads a piece of this node's snapshot. Why it can't have it; null where it can. */
  snapshotProblem(
    { replica, currentLeaderEpoch }: Pick<FetchRequest, 'replica' | 'currentLeaderEpoch'>,
    now: number,
  ): EpochProblem | null {
    const state = this.#state
    const { role } = state
    const problem = epochProblem(currentLeaderEpoch, state.epoch, role.name === 'leader')
    if (role.name === 'leader' && problem === null) fetchingSnapshot(state, role, replica, now)
    return problem
  }

  #take(from: number, message: RaftMessage, now: number): void {
    const state = this.#state
    switch (message.type) {
      case 'vote':
        return state.answer(vote(state, message, now))
      case 'voteReply':
        return voteReply(state, from, message, now)
      case 'beginQuorumEpoch':
      case 'endQuorumEpoch':
        return state.answer(epochMessage(state, message, now))
      case 'epochReply':
        state.learn(message.epoch, message.leaderId, now)
        if (state.role.name === 'resigned' && message.errorCode === 'NONE') {
          state.role.unacknowledged.delete(from)
        }
        return
      case 'fetch':
        return fetch(state, message, now)
      case 'fetchReply':
        return fetchReply(state, from, message, now)
    }
  }

  /** The log is durable below this offset. A leader counts itself; a follower fetches on. */
  flushed(offset: number, now: number): RaftOutput {
    const state = this.#state
    const { role, log } = state
    state.synced = Math.min(Math.max(state.synced, offset), log.end.offset)
    if (role.name === 'leader') advance(state, role)
    else if (role.name === 'follower' && role.fetching.name === 'writing') {
      if (state.synced >= log.end.offset) {
        role.failures = 0
        role.fetching = { name: 'idle', at: now }
      }
    }
    return this.tick(now)
  }

  /** The log was cut, and ends where `log.end` says. */
  truncated(): void {
    this.#state.synced = Math.min(this.#state.synced, this.#state.log.end.offset)
  }

  /** What the leader sent can't be appended: it is asked again. */
  refused(now: number): RaftOutput {
    const state = this.#state
    const { role } = state
    if (role.name === 'follower' && role.fetching.name === 'writing') fetchLater(state, role, now)
    return this.tick(now)
  }

  /** A piece of a snapshot came: its sender is alive. */
  receiving(snapshot: LogPosition, now: number): RaftOutput {
    const state = this.#state
    if (isRestoring(state, snapshot)) {
      state.role.isGone = false
      state.role.deadline = now + state.timeouts.fetchTimeoutMs
    }
    return this.tick(now)
  }

  /** A snapshot is here as a whole. The output says whether it is to take the log's place: the leader may be another. */
  received(snapshot: LogPosition, now: number): RaftOutput {
    const state = this.#state
    if (isRestoring(state, snapshot)) state.output.restore = snapshot
    return this.tick(now)
  }

  /** A snapshot didn't come: the leader is asked again, and may name another. */
  missed(snapshot: LogPosition, now: number): RaftOutput {
    const state = this.#state
    if (isRestoring(state, snapshot)) fetchLater(state, state.role, now)
    return this.tick(now)
  }

  /** A snapshot of the leader's is in place of the log, synced: everything in it is committed. */
  restored(snapshot: LogPosition, now: number): RaftOutput {
    const state = this.#state
    if (snapshot.offset > state.highWatermark) state.commit(snapshot.offset)
    state.synced = state.log.end.offset
    if (isRestoring(state, snapshot)) {
      state.role.failures = 0
      state.role.fetching = { name: 'idle', at: now }
    }
    return this.tick(now)
  }

  /** The voter set changed: it is in force as soon as it is read, committed or not. */
  setVoters(voters: readonly Voter[], change: VotersChange | null = null): void {
    this.#state.setVoters(voters, change)
  }

  /** This leader has written who votes from now on. */
  changeVoters(voters: readonly Voter[], change: VotersChange, now: number): RaftOutput {
    const state = this.#state
    const { role } = state
    state.setVoters(voters, change)
    if (role.name === 'leader') {
      // Who has led alone has not asked for a majority's fetches before.
      role.quorumDeadline = Math.max(role.quorumDeadline, now + quorumTimeoutMs(state.timeouts))
      renameVoters(state, role)
      advance(state, role)
    }
    return this.tick(now)
  }

  /** Whether a replica has, as far as it said not long ago, all that this leader has or had a moment before. */
  isCaughtUp(replica: ReplicaKey, now: number): boolean {
    const { role, timeouts } = this.#state
    if (role.name !== 'leader') return false
    const caughtUpAt = role.progress.get(keyText(replica))?.caughtUpAt ?? -1
    return caughtUpAt >= 0 && now - caughtUpAt < quorumTimeoutMs(timeouts)
  }

  /** Before a shutdown: hands the lead over. */
  resign(now: number): RaftOutput {
    const state = this.#state
    if (state.role.name === 'leader') resign(state, state.role, now)
    if (state.role.name === 'resigned') resignedTick(state, state.role, now)
    return state.take()
  }

  /** A valid fetch's answer, when the driver has read the records for it: they count only as long as this node leads. */
  fetchReplyFor({ requestId, epoch }: FetchToAnswer, records: Buffer | null): FetchReply {
    const state = this.#state
    const isLeader = state.role.name === 'leader' && state.epoch === epoch
    const parts = isLeader ? { records } : { errorCode: 'NOT_LEADER_OR_FOLLOWER' as const }
    return fetchAnswer(state, requestId, parts)
  }
}
