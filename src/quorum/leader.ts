import type { Leader, Progress, Resigned } from './roles.ts'
import { keyText } from './roles.ts'
import { fetchProblem, quorumTimeoutMs, replicatedOffset, successors } from './rules.ts'
import type { RaftState } from './raft-state.ts'
import type { FetchReply, FetchRequest, ReplicaKey, Voter } from './types.ts'

/** As in Apache Kafka, an observer that has not fetched for this long is one no more. */
const OBSERVER_TIMEOUT_MS = 300_000
/** Whoever reaches the listener can call itself an observer; more than this are not kept in mind. */
const MAX_KNOWN_REPLICAS = 10_000

/** Makes itself known to who does not fetch, and gives up without a majority that does. */
export function leaderTick(state: RaftState, role: Leader, now: number): void {
  const { others } = state
  if (others.length === 0) return
  if (now >= role.quorumDeadline) return resign(state, role, now)
  if (now < role.beginAt) return
  const quietAfter = state.timeouts.fetchTimeoutMs / 2
  role.beginAt = now + quietAfter
  for (const voter of others) {
    if (fetchedAt(role, voter) > now - quietAfter) continue
    state.send(voter.id, { type: 'beginQuorumEpoch', leaderId: state.self.id, epoch: state.epoch })
  }
}

const fetchedAt = ({ progress }: Leader, voter: Voter): number =>
  progress.get(keyText(voter))?.fetchedAt ?? -Infinity

/** Those who fetch no more, and the first of too many. */
function forgetObservers(state: RaftState, { progress }: Leader, now: number): void {
  for (const [key, seen] of progress) {
    const isRecent = seen.fetchedAt > now - OBSERVER_TIMEOUT_MS
    if (isRecent && progress.size <= MAX_KNOWN_REPLICAS) return
    if (state.voterOf(seen.replica) === undefined) progress.delete(key)
  }
}

/** The lead is handed over; who should have it next is told first. */
export function resign(state: RaftState, role: Leader, now: number): void {
  state.becomeResigned(successors(role, state.others), now)
}

/** Tells those who have not heard that this node leads no longer. */
export function resignedTick(state: RaftState, role: Resigned, now: number): void {
  // Nobody takes this node for the leader of that epoch any more, or elects it there again.
  if (now >= role.deadline) return state.endEpoch(now)
  if (now < role.resendAt) return
  role.resendAt = now + state.timeouts.requestTimeoutMs
  for (const to of role.unacknowledged) sendEnd(state, to, role.preferredCandidates)
}

function sendEnd(state: RaftState, to: number, preferredCandidates: readonly ReplicaKey[]): void {
  const { id: leaderId } = state.self
  state.send(to, { type: 'endQuorumEpoch', leaderId, epoch: state.epoch, preferredCandidates })
}

export function fetchAnswer(
  state: RaftState,
  requestId: number,
  parts: Partial<FetchReply>,
): FetchReply {
  return {
    type: 'fetchReply',
    requestId,
    errorCode: 'NONE',
    epoch: state.epoch,
    leaderId: state.leaderId,
    highWatermark: state.highWatermark,
    diverging: null,
    snapshot: null,
    records: null,
    ...parts,
  }
}

/** A follower asks for more, and by that acknowledges what is below the offset it asks for. */
export function fetch(state: RaftState, request: FetchRequest, now: number): void {
  const { fetchOffset, replica, requestId, highWatermark, maxWaitMs } = request
  const { role, log, epoch } = state
  const problem = fetchProblem(request, epoch, role.name === 'leader', log)
  if (problem !== null || role.name !== 'leader') {
    return state.answer(fetchAnswer(state, requestId, problem ?? {}))
  }
  const caughtUp = fetchOffset >= log.end.offset
  note(state, role, replica, now, (before) => ({
    replica,
    offset: fetchOffset,
    fetchedAt: now,
    caughtUpAt: caughtUp ? now : (before?.caughtUpAt ?? -1),
  }))
  advance(state, role)
  const offset = fetchOffset
  const isVoter = state.voterOf(replica) !== undefined
  state.output.reads.push({ requestId, epoch, offset, isVoter, highWatermark, maxWaitMs })
}

/** A follower reads this node's snapshot: it is there, and still has what it had. */
export function fetchingSnapshot(
  state: RaftState,
  role: Leader,
  replica: ReplicaKey,
  now: number,
): void {
  note(state, role, replica, now, (before) => ({
    replica,
    offset: before?.offset ?? -1,
    fetchedAt: now,
    caughtUpAt: before?.caughtUpAt ?? -1,
  }))
}

function note(
  state: RaftState,
  role: Leader,
  replica: ReplicaKey,
  now: number,
  progressFrom: (before: Progress | undefined) => Progress,
): void {
  // A client that reads the log is no replica.
  if (replica.id < 0) return
  const key = keyText(state.voterOf(replica) ?? replica)
  const progress = progressFrom(role.progress.get(key))
  role.progress.delete(key)
  role.progress.set(key, progress)
  forgetObservers(state, role, now)
  renewQuorum(state, role, now)
}

/** Those that were known by their ids are known by their disks from now on; what they have stays the same. */
export function renameVoters(state: RaftState, { progress }: Leader): void {
  for (const [key, seen] of [...progress]) {
    const name = keyText(state.voterOf(seen.replica) ?? seen.replica)
    if (name === key) continue
    progress.delete(key)
    progress.set(name, seen)
  }
}

/** As long as a majority fetches, the leader leads. */
function renewQuorum(state: RaftState, role: Leader, now: number): void {
  const times = state.voters
    .map((voter) => (voter.id === state.self.id ? now : fetchedAt(role, voter)))
    .sort((a, b) => b - a)
  const reached = times[state.majority - 1]!
  role.quorumDeadline = Math.max(role.quorumDeadline, reached + quorumTimeoutMs(state.timeouts))
}

/** Commits what a majority has. */
export function advance(state: RaftState, role: Leader): void {
  const committed = replicatedOffset(role, state.voters, state.self.id, state.synced)
  // Only a record of the own epoch commits what is before it.
  if (committed > role.epochStart && committed > state.highWatermark) state.commit(committed)
}
