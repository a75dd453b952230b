import type { Leader, Resigned } from './roles.ts'
import { fetchProblem, quorumTimeoutMs, replicatedOffset, successors } from './rules.ts'
import type { RaftState } from './raft-state.ts'
import type { FetchReply, FetchRequest, ReplicaKey } from './types.ts'

/** Makes itself known to who does not fetch, and gives up without a majority that does. */
export function leaderTick(state: RaftState, role: Leader, now: number): void {
  const { others } = state
  if (others.length === 0) return
  if (now >= role.quorumDeadline) return resign(state, role, now)
  if (now < role.beginAt) return
  const quietAfter = state.timeouts.fetchTimeoutMs / 2
  role.beginAt = now + quietAfter
  for (const { id } of others) {
    if ((role.progress.get(id)?.fetchedAt ?? -Infinity) > now - quietAfter) continue
    state.send(id, { type: 'beginQuorumEpoch', leaderId: state.self.id, epoch: state.epoch })
  }
}

/** The lead is handed over; who should have it next is told first. */
export function resign(state: RaftState, role: Leader, now: number): void {
  state.becomeResigned(successors(role, state.others), now)
}

/** Tells those who have not heard that this node leads no longer. */
export function resignedTick(state: RaftState, role: Resigned, now: number): void {
  if (now >= role.deadline) return state.becomeUnattached(state.epoch, -1, now)
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
export function fetch(state: RaftState, from: number, request: FetchRequest, now: number): void {
  const { fetchOffset, replica, requestId, highWatermark } = request
  const { role, log, epoch } = state
  const problem = fetchProblem(request, epoch, role.name === 'leader', log)
  if (problem !== null || role.name !== 'leader') {
    return state.send(from, fetchAnswer(state, requestId, problem ?? {}))
  }
  const before = role.progress.get(from)
  const caughtUp = fetchOffset >= log.end.offset
  role.progress.set(from, {
    offset: fetchOffset,
    fetchedAt: now,
    caughtUpAt: caughtUp ? now : (before?.caughtUpAt ?? -1),
  })
  role.directoryIds.set(from, replica.directoryId)
  renewQuorum(state, role, now)
  advance(state, role)
  state.output.reads.push({ to: from, requestId, epoch, offset: fetchOffset, highWatermark })
}

/** As long as a majority fetches, the leader leads. */
function renewQuorum(state: RaftState, role: Leader, now: number): void {
  const times = state.voters
    .map(({ id }) => (id === state.self.id ? now : (role.progress.get(id)?.fetchedAt ?? 0)))
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
