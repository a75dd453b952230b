import type { Follower, Unattached } from './roles.ts'
import { isKeyOf, samePosition, successionDelayMs } from './rules.ts'
import { ContradictionError, type RaftState } from './raft-state.ts'
import { ANYBODY } from './types.ts'
import type {
  BeginQuorumEpoch,
  EndQuorumEpoch,
  EpochReply,
  FetchReply,
  FetchRequest,
  LogPosition,
  ReplicaKey,
} from './types.ts'

/** As Apache Kafka's raft client asks for. */
const MAX_WAIT_MS = 500

/** As which a node reads the log that acknowledges nothing by that. */
const NOBODY = -1

/** A leader begins or ends its epoch. */
export function epochMessage(
  state: RaftState,
  message: BeginQuorumEpoch | EndQuorumEpoch,
  now: number,
): EpochReply {
  const isStale = message.epoch < state.epoch
  const begins = message.type === 'beginQuorumEpoch'
  if (!isStale) state.learn(message.epoch, message.leaderId, now, begins)
  const { role } = state
  if (!isStale && message.type === 'endQuorumEpoch' && role.name === 'follower') {
    const rank = message.preferredCandidates.findIndex((key) => isKeyOf(state.self, key))
    const delayMs = successionDelayMs(message, rank, state.timeouts)
    if (rank >= 0) role.deadline = Math.min(role.deadline, now + delayMs)
  }
  const errorCode = isStale ? 'FENCED_LEADER_EPOCH' : 'NONE'
  return { type: 'epochReply', errorCode, epoch: state.epoch, leaderId: state.leaderId }
}

export function followerTick(state: RaftState, role: Follower, now: number): void {
  if (now >= role.deadline) {
    if (state.hasVote) state.becomeProspective(now, role.isGone ? role.leaderId : null)
    else state.becomeUnattached(state.epoch, -1, now)
  } else if (now >= fetchAt(state, role)) sendFetch(state, role, now)
}

/** When to fetch. The offset that is asked for acknowledges what is below it, so all of that must be durable. */
export function fetchAt(state: RaftState, { fetching }: Follower): number {
  if (state.synced < state.log.end.offset) return Infinity
  if (fetching.name === 'sent') return fetching.resendAt
  return fetching.name === 'idle' ? fetching.at : Infinity
}

function sendFetch(state: RaftState, role: Follower, now: number): void {
  const isDetour = role.isSilent && state.discovers
  // The leader itself has its turn again next time.
  if (isDetour) role.isSilent = false
  const requestId = fetchFrom(state, isDetour ? ANYBODY : role.leaderId)
  role.fetching = { name: 'sent', requestId, resendAt: now + state.timeouts.requestTimeoutMs }
}

function fetchFrom(state: RaftState, to: number): number {
  const { offset, epoch } = state.log.end
  const requestId = state.nextRequestId()
  state.send(to, {
    type: 'fetch',
    requestId,
    replica: readerOf(state),
    currentLeaderEpoch: state.epoch,
    fetchOffset: offset,
    lastFetchedEpoch: epoch,
    highWatermark: state.highWatermark,
    maxWaitMs: MAX_WAIT_MS,
  })
  return requestId
}

/** As whom this node reads what the leader has: a newcomer must not count as the voter that it may become. */
function readerOf({ self: { id, directoryId }, newcomer }: RaftState): ReplicaKey {
  return { id: newcomer === null ? id : NOBODY, directoryId }
}

/** Asks anybody who leads: whatever is fetched from, the answer says it. */
export function find(state: RaftState, role: Unattached, now: number): void {
  if (!state.discovers || now < role.findAt) return
  role.findAt = now + state.timeouts.requestTimeoutMs
  fetchFrom(state, ANYBODY)
}

/** A fetch has no answer. */
export function notFetched(
  state: RaftState,
  to: number,
  { requestId }: FetchRequest,
  now: number,
): void {
  const { role } = state
  if (role.name === 'unattached') role.findAt = now + state.timeouts.retryBackoffMs
  if (role.name !== 'follower' || role.fetching.name !== 'sent') return
  if (role.fetching.requestId !== requestId) return
  role.isSilent = to !== ANYBODY
  fetchAgain(state, role, now)
}

/** Only the answer to the fetch that is under way counts: another one is about a log that may have changed since. */
export function fetchReply(state: RaftState, from: number, reply: FetchReply, now: number): void {
  if (state.learn(reply.epoch, reply.leaderId, now)) return
  const { role } = state
  // Who was asked knows no leader either.
  if (role.name === 'unattached') role.findAt = now + state.timeouts.retryBackoffMs
  if (role.name !== 'follower') return
  if (role.fetching.name !== 'sent' || role.fetching.requestId !== reply.requestId) return
  if (from === ANYBODY) return fetchAgain(state, role, now)
  if (role.leaderId !== from || reply.epoch !== state.epoch) return
  if (reply.errorCode !== 'NONE') return fetchAgain(state, role, now)
  const { log, output } = state
  const truncateTo = reply.diverging === null ? null : commonEnd(state, reply.diverging)
  if (reply.snapshot !== null) checkSnapshot(state, reply.snapshot)
  role.hasFetched = true
  role.isSilent = role.isGone = false
  state.committed = Math.max(state.committed, reply.highWatermark)
  role.deadline = now + state.timeouts.fetchTimeoutMs
  if (truncateTo !== null) {
    role.fetching = { name: 'writing' }
    output.truncateTo = truncateTo
  } else if (reply.snapshot !== null) {
    role.fetching = { name: 'restoring', snapshot: reply.snapshot }
    output.fetchSnapshot = { from, snapshot: reply.snapshot, replica: readerOf(state) }
  } else {
    role.fetching = reply.records === null ? { name: 'idle', at: now } : { name: 'writing' }
    if (reply.records === null && state.newcomer !== null && hasAllOf(state, reply)) {
      state.newcomer.caughtUpIn = state.epoch
    }
    output.append = reply.records === null ? null : { from, records: reply.records }
    const known = Math.min(reply.highWatermark, log.end.offset)
    if (known > state.highWatermark) state.commit(known)
  }
}

/**
 * A leader that has answered, and whose process has ended: its voters need not wait until they miss it. No epoch is raised for
 * that: they ask for pre-votes, and grant them.
 */
export function leaderGone(state: RaftState, leaderId: number, now: number): void {
  const { role } = state
  if (role.name !== 'follower' || role.leaderId !== leaderId) return
  if (!role.hasFetched || role.isGone) return
  role.isGone = true
  role.deadline = Math.min(role.deadline, now + state.jitter())
}

/** Where this log and the leader's part, as far as the leader's word shows; the next fetch may show more. */
function commonEnd(state: RaftState, { epoch, offset }: LogPosition): number {
  const own = state.log.endOfEpoch(epoch)
  const end = own.epoch === epoch ? Math.min(own.offset, offset) : own.offset
  if (end >= state.highWatermark) return end
  throw new ContradictionError(
    `Its log differs from offset ${end} on, and ${state.highWatermark} records are committed`,
  )
}

/**
 * Whoever has more committed than a snapshot holds is not in need of it. One that ends just there is offered where the leader
 * can't tell from the epoch that what is before is the same.
 */
function checkSnapshot(state: RaftState, { offset }: LogPosition): void {
  if (offset >= state.highWatermark) return
  throw new ContradictionError(
    `It offers a snapshot of ${offset} records, and ${state.highWatermark} are committed here`,
  )
}

/**
 * Whether nothing that is committed is missing here. That an answer has no records does not say that: a leader without memory
 * for what it should read answers so, too. What its epoch begins with comes after all that is committed in others.
 */
function hasAllOf({ log, epoch }: RaftState, { highWatermark }: FetchReply): boolean {
  return log.end.epoch === epoch && log.end.offset >= highWatermark
}

/** What the last fetch asked for came to nothing. */
function fetchAgain(state: RaftState, role: Follower, now: number): void {
  role.fetching = { name: 'idle', at: now + state.timeouts.retryBackoffMs }
}

/**
 * What the leader has is missing there, or is of no use here: it is asked again, each time later, though long before a follower
 * that fetches would miss its leader.
 */
export function fetchLater(state: RaftState, role: Follower, now: number): void {
  const { retryBackoffMs, fetchTimeoutMs } = state.timeouts
  const delayMs = Math.min(retryBackoffMs * 2 ** role.failures, fetchTimeoutMs / 4)
  role.failures++
  role.fetching = { name: 'idle', at: now + Math.max(retryBackoffMs, delayMs) }
}

/** Whether a follower still waits for this snapshot of its leader's. */
export function isRestoring(
  state: RaftState,
  snapshot: LogPosition,
): state is RaftState & { readonly role: Follower } {
  const { role } = state
  return (
    role.name === 'follower' &&
    role.fetching.name === 'restoring' &&
    samePosition(role.fetching.snapshot, snapshot)
  )
}
