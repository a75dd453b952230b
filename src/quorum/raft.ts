import assert from 'node:assert/strict'
import type { Random } from '../host/host.ts'
import type { Draft } from './output.ts'
import { emptyOutput } from './output.ts'
import type { Follower, Leader, Role } from './roles.ts'
import {
  newCandidate,
  newFollower,
  newLeader,
  newProspective,
  newResigned,
  newUnattached,
} from './roles.ts'
import {
  fetchProblem,
  isAhead,
  isValidVote,
  knownElection,
  quorumTimeoutMs,
  replicatedOffset,
  sameKey,
  successionDelayMs,
  successors,
} from './rules.ts'
import type {
  BeginQuorumEpoch,
  ElectionState,
  EndQuorumEpoch,
  EpochReply,
  FetchReply,
  FetchRequest,
  LogPosition,
  LogView,
  RaftMessage,
  RaftOutput,
  RaftTimeouts,
  ReplicaKey,
  Voter,
  VoteReply,
  VoteRequest,
} from './types.ts'

export interface RaftOptions {
  readonly self: ReplicaKey
  readonly voters: readonly Voter[]
  /** As it was last persisted; null on the first start. */
  readonly election: ElectionState | null
  readonly log: LogView
  readonly random: Pick<Random, 'below'>
  readonly timeouts: RaftTimeouts
}

/**
 * Raft in KRaft's dialect (KIP-595, 853, 996), without any input or output: messages, ticks and news of the log go in,
 * what is to be done comes out. Followers fetch, and a fetch's offset acknowledges everything below it, so a follower
 * syncs before it fetches on. Times are monotonic milliseconds.
 */
export class Raft {
  readonly #self: ReplicaKey
  readonly #log: LogView
  readonly #random: Pick<Random, 'below'>
  readonly #timeouts: RaftTimeouts
  #voters: readonly Voter[]
  #epoch: number
  #role: Role
  #highWatermark = -1
  #persisted: string
  #output: Draft = emptyOutput()

  constructor({ self, voters, election, log, random, timeouts }: RaftOptions) {
    this.#self = self
    this.#log = log
    this.#random = random
    this.#timeouts = timeouts
    this.#voters = voters
    const known = knownElection(election, log.end.epoch)
    this.#epoch = known.epoch
    this.#persisted = JSON.stringify(election)
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

  get voters(): readonly Voter[] {
    return this.#voters
  }

  /** -1: unknown. */
  get leaderId(): number {
    const role = this.#role
    if (role.name === 'leader' || role.name === 'resigned') return this.#self.id
    return role.name === 'candidate' ? -1 : role.leaderId
  }

  /** Everything below is committed; -1 before that is known in this life. */
  get highWatermark(): number {
    return this.#highWatermark
  }

  /** A sole voter leads when this returns; others begin to wait or to ask. */
  start(now: number): RaftOutput {
    const role = this.#role
    const deadline = now + this.#electionTimeout()
    if (role.name === 'resigned') this.#role = { ...role, deadline }
    else if (role.name === 'unattached') {
      if (role.votedFor !== null && sameKey(role.votedFor, this.#self)) this.#becomeCandidate(now)
      else if (role.leaderId >= 0) this.#follow(role.leaderId, now)
      else role.deadline = deadline
    }
    return this.tick(now)
  }

  /** Call it at `nextTick` at the latest. */
  tick(now: number): RaftOutput {
    const role = this.#role
    if (this.#isSoleVoter() && role.name !== 'leader') {
      if (role.name !== 'candidate') this.#becomeProspective(now)
    } else if (role.name === 'leader') this.#leaderTick(role, now)
    else if (role.name === 'follower') this.#followerTick(role, now)
    else if (role.name === 'resigned') {
      if (now >= role.deadline) this.#becomeUnattached(this.#epoch, -1, null, now)
      else if (now >= role.resendAt) {
        role.resendAt = now + this.#timeouts.requestTimeoutMs
        for (const to of role.unacknowledged) this.#sendEnd(to, role.preferredCandidates)
      }
    } else if (role.name === 'unattached') {
      if (now >= role.deadline && this.#isVoter()) this.#becomeProspective(now)
    } else if (now >= role.deadline) {
      if (role.name === 'candidate') this.#becomeProspective(now)
      else this.#giveUpAsking(now)
    } else if (now >= role.resendAt) this.#askForVotes(now)
    return this.#take()
  }

  /** When the next `tick` has something to do; Infinity for a sole voter that leads. */
  nextTick(): number {
    const role = this.#role
    if (role.name === 'leader') {
      return this.#isSoleVoter() ? Infinity : Math.min(role.beginAt, role.quorumDeadline)
    }
    if (role.name === 'unattached') return this.#isVoter() ? role.deadline : Infinity
    if (role.name === 'follower') {
      return role.fetching ? role.deadline : Math.min(role.deadline, role.fetchAt)
    }
    return Math.min(role.deadline, role.resendAt)
  }

  /** A message from another node. */
  receive(from: number, message: RaftMessage, now: number): RaftOutput {
    switch (message.type) {
      case 'vote':
        this.#send(from, this.#vote(message, now))
        break
      case 'voteReply':
        this.#voteReply(from, message, now)
        break
      case 'beginQuorumEpoch':
      case 'endQuorumEpoch':
        this.#send(from, this.#epochMessage(message, now))
        break
      case 'epochReply':
        this.#learn(message.epoch, message.leaderId, now)
        if (this.#role.name === 'resigned' && message.errorCode === 'NONE') {
          this.#role.unacknowledged.delete(from)
        }
        break
      case 'fetch':
        this.#fetch(from, message, now)
        break
      case 'fetchReply':
        this.#fetchReply(from, message, now)
    }
    return this.#take()
  }

  /** The log is durable below this offset. A leader counts itself; a follower fetches on. */
  flushed(offset: number, now: number): RaftOutput {
    const role = this.#role
    if (role.name === 'leader') {
      role.flushed = Math.max(role.flushed, Math.min(offset, this.#log.end.offset))
      this.#advance(role)
    } else if (role.name === 'follower' && offset >= this.#log.end.offset) {
      role.fetching = false
      role.fetchAt = now
      this.#sendFetch(role, now)
    }
    return this.#take()
  }

  /** A snapshot of the leader's is in place of the log, synced: everything in it is committed. */
  restored(offset: number, now: number): RaftOutput {
    if (offset > this.#highWatermark) this.#commit(offset)
    return this.flushed(this.#log.end.offset, now)
  }

  /** The voter set changed: it is in force as soon as it is read, committed or not. */
  setVoters(voters: readonly Voter[]): void {
    this.#voters = voters
  }

  /** Before a shutdown: hands the lead over. */
  resign(now: number): RaftOutput {
    const role = this.#role
    if (role.name === 'leader') this.#resign(role, now)
    return this.#take()
  }

  /** A valid fetch's answer, when the driver has read the records for it. */
  fetchReplyFor(records: Buffer | null): FetchReply {
    return this.#fetchAnswer({ records })
  }

  // Elections.

  #vote(request: VoteRequest, now: number): VoteReply {
    const { epoch, preVote, lastEpoch, lastOffset, candidate, voter } = request
    const reply = (errorCode: VoteReply['errorCode'], granted = false): VoteReply => ({
      type: 'voteReply',
      errorCode,
      epoch: this.#epoch,
      leaderId: this.leaderId,
      granted,
      preVote,
    })
    if (!isValidVote(request)) return reply('INVALID_REQUEST')
    if (epoch < this.#epoch) return reply('FENCED_LEADER_EPOCH')
    if (epoch > this.#epoch) this.#becomeUnattached(epoch, -1, null, now)
    if (!sameKey(voter, this.#self)) return reply('INVALID_VOTER_KEY')
    const upToDate = !isAhead(this.#log.end, { offset: lastOffset, epoch: lastEpoch })
    const role = this.#role
    if (preVote) {
      const open = role.name !== 'leader' && !(role.name === 'follower' && role.hasFetched)
      return reply('NONE', open && upToDate)
    }
    if (role.name !== 'unattached' && role.name !== 'prospective') return reply('NONE')
    if (role.votedFor !== null) return reply('NONE', sameKey(role.votedFor, candidate))
    if (role.leaderId >= 0 || !upToDate) return reply('NONE')
    role.votedFor = candidate
    this.#persist()
    return reply('NONE', true)
  }

  #voteReply(from: number, reply: VoteReply, now: number): void {
    if (this.#learn(reply.epoch, reply.leaderId, now)) return
    const role = this.#role
    if (role.name !== 'prospective' && role.name !== 'candidate') return
    if (reply.epoch < this.#epoch || reply.preVote !== (role.name === 'prospective')) return
    if (reply.errorCode !== 'NONE' && reply.errorCode !== 'INVALID_VOTER_KEY') return
    if (!this.#voters.some(({ id }) => id === from)) return
    if (reply.granted) role.granted.add(from)
    else role.refused.add(from)
    this.#count(now)
  }

  #count(now: number): void {
    const role = this.#role
    assert(role.name === 'prospective' || role.name === 'candidate')
    const majority = this.#majority()
    if (role.granted.size >= majority) {
      if (role.name === 'prospective') this.#becomeCandidate(now)
      else this.#becomeLeader([...role.granted], now)
    } else if (role.name === 'prospective' && role.refused.size > this.#voters.length - majority) {
      this.#giveUpAsking(now)
    }
  }

  #askForVotes(now: number): void {
    const role = this.#role
    assert(role.name === 'prospective' || role.name === 'candidate')
    role.resendAt = now + this.#timeouts.requestTimeoutMs
    const { offset, epoch } = this.#log.end
    for (const voter of this.#voters) {
      if (role.granted.has(voter.id) || role.refused.has(voter.id)) continue
      this.#send(voter.id, {
        type: 'vote',
        candidate: this.#self,
        voter: { id: voter.id, directoryId: voter.directoryId },
        epoch: this.#epoch,
        lastOffset: offset,
        lastEpoch: epoch,
        preVote: role.name === 'prospective',
      })
    }
  }

  #becomeProspective(now: number): void {
    const role = this.#role
    const votedFor = 'votedFor' in role ? role.votedFor : null
    this.#role = newProspective(
      this.#self.id,
      role.name === 'candidate' || role.name === 'resigned' ? -1 : this.leaderId,
      role.name === 'candidate' ? this.#self : votedFor,
      now + this.#electionTimeout(),
    )
    this.#askForVotes(now)
    this.#count(now)
  }

  #becomeCandidate(now: number): void {
    this.#epoch++
    this.#role = newCandidate(this.#self.id, now + this.#electionTimeout())
    this.#persist()
    this.#askForVotes(now)
    this.#count(now)
  }

  #becomeLeader(grantedBy: readonly number[], now: number): void {
    const epochStart = this.#log.end.offset
    this.#role = newLeader(epochStart, now, now + quorumTimeoutMs(this.#timeouts))
    this.#persist()
    this.#output.beginEpoch = { epoch: this.#epoch, grantedBy }
    this.#leaderTick(this.#role, now)
  }

  #giveUpAsking(now: number): void {
    const role = this.#role
    assert(role.name === 'prospective')
    if (role.leaderId >= 0) this.#follow(role.leaderId, now)
    else this.#becomeUnattached(this.#epoch, -1, role.votedFor, now)
  }

  #becomeUnattached(epoch: number, leaderId: number, votedFor: ReplicaKey | null, now: number) {
    const role = this.#role
    const kept =
      epoch === this.#epoch && (role.name === 'candidate' || role.name === 'leader')
        ? this.#self
        : votedFor
    this.#epoch = epoch
    this.#role = newUnattached(leaderId, kept, now + this.#electionTimeout())
    this.#persist()
  }

  #follow(leaderId: number, now: number): void {
    const role = this.#role
    const votedFor = 'votedFor' in role ? role.votedFor : null
    const deadline = now + this.#timeouts.fetchTimeoutMs
    this.#role = newFollower(leaderId, votedFor, now, deadline)
    this.#persist()
    this.#followerTick(this.#role, now)
  }

  /** Takes note of what another node says of epoch and leader. True when this changed our role. */
  #learn(epoch: number, leaderId: number, now: number, isFromLeader = false): boolean {
    if (epoch < this.#epoch) return false
    const known = leaderId >= 0 && leaderId !== this.#self.id
    if (epoch > this.#epoch) {
      if (known) {
        this.#becomeUnattached(epoch, leaderId, null, now)
        this.#follow(leaderId, now)
      } else this.#becomeUnattached(epoch, -1, null, now)
      return true
    }
    if (!known) return false
    const role = this.#role
    if (role.name === 'leader' || role.name === 'resigned') {
      throw new Error(`Epoch ${epoch} was led by this node, and ${leaderId} claims it too`)
    }
    if (role.name === 'follower') {
      assert.equal(role.leaderId, leaderId, `two leaders in epoch ${epoch}`)
      return false
    }
    // Whoever asks for pre-votes has lost this leader; that others still name it is no sign of its life.
    if (role.name === 'prospective' && role.leaderId === leaderId && !isFromLeader) return false
    this.#follow(leaderId, now)
    return true
  }

  // Leading.

  #leaderTick(role: Leader, now: number): void {
    const others = this.#others()
    if (others.length === 0) return
    if (now >= role.quorumDeadline) return this.#resign(role, now)
    if (now < role.beginAt) return
    const quietAfter = this.#timeouts.fetchTimeoutMs / 2
    role.beginAt = now + quietAfter
    for (const { id } of others) {
      if ((role.progress.get(id)?.fetchedAt ?? -Infinity) > now - quietAfter) continue
      this.#send(id, { type: 'beginQuorumEpoch', leaderId: this.#self.id, epoch: this.#epoch })
    }
  }

  #resign(role: Leader, now: number): void {
    const others = this.#others()
    const preferredCandidates = successors(role, others)
    const deadline = now + this.#electionTimeout()
    this.#role = newResigned(preferredCandidates, deadline, now + this.#timeouts.requestTimeoutMs)
    for (const { id } of others) this.#sendEnd(id, preferredCandidates)
  }

  #sendEnd(to: number, preferredCandidates: readonly ReplicaKey[]): void {
    const { id: leaderId } = this.#self
    this.#send(to, { type: 'endQuorumEpoch', leaderId, epoch: this.#epoch, preferredCandidates })
  }

  #fetchAnswer(parts: Partial<FetchReply>): FetchReply {
    return {
      type: 'fetchReply',
      errorCode: 'NONE',
      epoch: this.#epoch,
      leaderId: this.leaderId,
      highWatermark: this.#highWatermark,
      diverging: null,
      snapshot: null,
      records: null,
      ...parts,
    }
  }

  #fetch(from: number, request: FetchRequest, now: number): void {
    const { fetchOffset, replica } = request
    const role = this.#role
    const problem = fetchProblem(request, this.#epoch, role.name === 'leader', this.#log)
    if (problem !== null) return this.#send(from, this.#fetchAnswer(problem))
    assert(role.name === 'leader')
    const before = role.progress.get(from)
    const caughtUp = fetchOffset >= this.#log.end.offset
    role.progress.set(from, {
      offset: fetchOffset,
      fetchedAt: now,
      caughtUpAt: caughtUp ? now : (before?.caughtUpAt ?? -1),
    })
    role.directoryIds.set(from, replica.directoryId)
    this.#renewQuorum(role, now)
    this.#advance(role)
    this.#output.reads.push({ to: from, offset: fetchOffset, highWatermark: request.highWatermark })
  }

  /** As long as a majority fetches, the leader leads. */
  #renewQuorum(role: Leader, now: number): void {
    const times = this.#voters
      .map(({ id }) => (id === this.#self.id ? now : (role.progress.get(id)?.fetchedAt ?? 0)))
      .sort((a, b) => b - a)
    const reached = times[this.#majority() - 1]!
    role.quorumDeadline = Math.max(role.quorumDeadline, reached + quorumTimeoutMs(this.#timeouts))
  }

  #advance(role: Leader): void {
    const committed = replicatedOffset(role, this.#voters, this.#self.id)
    // Only a record of the own epoch commits what is before it.
    if (committed > role.epochStart && committed > this.#highWatermark) this.#commit(committed)
  }

  #commit(offset: number): void {
    this.#highWatermark = offset
    this.#output.commit = offset
  }

  // Following.

  #epochMessage(message: BeginQuorumEpoch | EndQuorumEpoch, now: number): EpochReply {
    const stale = message.epoch < this.#epoch
    if (!stale)
      this.#learn(message.epoch, message.leaderId, now, message.type === 'beginQuorumEpoch')
    const role = this.#role
    if (!stale && message.type === 'endQuorumEpoch' && role.name === 'follower') {
      const rank = message.preferredCandidates.findIndex((key) => sameKey(key, this.#self))
      const delayMs = successionDelayMs(message, rank, this.#timeouts)
      if (rank >= 0) role.deadline = Math.min(role.deadline, now + delayMs)
      this.#followerTick(role, now)
    }
    const errorCode = stale ? 'FENCED_LEADER_EPOCH' : 'NONE'
    return { type: 'epochReply', errorCode, epoch: this.#epoch, leaderId: this.leaderId }
  }

  #followerTick(role: Follower, now: number): void {
    if (now >= role.deadline) {
      if (this.#isVoter()) return this.#becomeProspective(now)
      return this.#becomeUnattached(this.#epoch, -1, role.votedFor, now)
    }
    if (!role.fetching && now >= role.fetchAt) this.#sendFetch(role, now)
  }

  #sendFetch(role: Follower, now: number): void {
    const { offset, epoch } = this.#log.end
    role.fetching = true
    role.fetchAt = now + this.#timeouts.requestTimeoutMs
    this.#send(role.leaderId, {
      type: 'fetch',
      replica: this.#self,
      currentLeaderEpoch: this.#epoch,
      fetchOffset: offset,
      lastFetchedEpoch: epoch,
      highWatermark: this.#highWatermark,
    })
  }

  #fetchReply(from: number, reply: FetchReply, now: number): void {
    if (this.#learn(reply.epoch, reply.leaderId, now)) return
    const role = this.#role
    if (role.name !== 'follower' || role.leaderId !== from || reply.epoch !== this.#epoch) return
    role.fetching = false
    role.fetchAt = now + (reply.errorCode === 'NONE' ? 0 : this.#timeouts.retryBackoffMs)
    if (reply.errorCode !== 'NONE') return
    role.hasFetched = true
    role.deadline = now + this.#timeouts.fetchTimeoutMs
    if (reply.diverging !== null) this.#diverge(reply.diverging)
    else if (reply.snapshot !== null) {
      role.fetching = true
      this.#output.fetchSnapshot = { from, snapshot: reply.snapshot }
    } else {
      if (reply.records !== null) {
        role.fetching = true
        this.#output.append = reply.records
      }
      const known = Math.min(reply.highWatermark, this.#log.end.offset)
      if (known > this.#highWatermark) this.#commit(known)
    }
    this.#followerTick(role, now)
  }

  #diverge({ epoch, offset }: LogPosition): void {
    const own = this.#log.endOfEpoch(epoch)
    const keep = own.epoch === epoch ? Math.min(own.offset, offset) : own.offset
    if (keep < this.#highWatermark) {
      throw new Error(`The leader's log differs from committed records below ${keep}`)
    }
    this.#output.truncateTo = keep
    const role = this.#role
    // The driver says `flushed` when it has truncated, and the next fetch asks from there.
    if (role.name === 'follower') role.fetching = true
  }

  // What all have in common.

  #others(): Voter[] {
    return this.#voters.filter(({ id }) => id !== this.#self.id)
  }

  #isVoter(): boolean {
    return this.#voters.some((voter) => sameKey(voter, this.#self))
  }

  #isSoleVoter(): boolean {
    return this.#voters.length === 1 && this.#isVoter()
  }

  #majority(): number {
    return Math.floor(this.#voters.length / 2) + 1
  }

  #electionTimeout(): number {
    const least = this.#timeouts.electionTimeoutMs
    return least + this.#random.below(least)
  }

  /** What would be in `quorum-state` now. */
  election(): ElectionState {
    const role = this.#role
    const self = role.name === 'leader' || role.name === 'candidate' || role.name === 'resigned'
    const votedFor = self ? this.#self : role.votedFor
    return { epoch: this.#epoch, leaderId: this.leaderId, votedFor }
  }

  #persist(): void {
    const election = this.election()
    const text = JSON.stringify(election)
    if (text === this.#persisted) return
    this.#persisted = text
    this.#output.persist = election
  }

  #send(to: number, message: RaftMessage): void {
    this.#output.send.push({ to, message })
  }

  #take(): RaftOutput {
    const output = this.#output
    this.#output = emptyOutput()
    return output
  }
}
