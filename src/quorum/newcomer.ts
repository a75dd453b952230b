import { ZERO_UUID } from '../../protocol/schema.ts'
import type { RaftState } from './raft-state.ts'
import type { RaftRequest, VoteReply, VoteRequest } from './types.ts'

/** When to ask again who has not answered, or had records. */
const ASK_AGAIN_MS = 100

/**
 * What a voter of a static quorum that remembers nothing of elections (a new one, or one whose disk was replaced) has heard
 * from the others in this life of its process.
 *
 * It may have voted, and acknowledged records, before it forgot that. All whom it can have voted for, and all whose records it can
 * have acknowledged, are among the others, and remember their epochs. So it votes in no epoch that one of them knows of, and
 * its fetches count for nothing, until each of the others has answered, and either nobody has records, or all that a leader has,
 * whose epoch is none before theirs, is here. That is the recovery of Viewstamped Replication, for which here all
 * others are asked: an election that isn't decided may be known to its candidate alone.
 */
export class Newcomer {
  /** Whether it has no records, of each that has answered. */
  readonly isEmpty = new Map<number, boolean>()
  readonly askAt = new Map<number, number>()
  /** The epoch in which this node had all that the leader had. */
  caughtUpIn = -1
}

/** Asks the others, and has this node vote when it may. */
export function newcomerTick(state: RaftState, newcomer: Newcomer, now: number): void {
  for (const { id, directoryId } of unsure(state, newcomer)) {
    if (now < (newcomer.askAt.get(id) ?? 0)) continue
    newcomer.askAt.set(id, now + state.timeouts.requestTimeoutMs)
    state.send(id, {
      type: 'vote',
      // It asks whether an empty log could win.
      candidate: { id: state.self.id, directoryId: ZERO_UUID },
      voter: { id, directoryId },
      epoch: state.epoch,
      lastOffset: 0,
      lastEpoch: 0,
      preVote: true,
    })
  }
  const { others, role, log } = state
  if (!others.every(({ id }) => newcomer.isEmpty.has(id))) return
  if (role.name === 'follower') {
    if (newcomer.caughtUpIn === state.epoch) state.endNewcomer()
    return
  }
  const isNew = log.end.offset === 0 && others.every(({ id }) => newcomer.isEmpty.get(id))
  if (!isNew) return
  state.endNewcomer()
  // It may have voted in this one.
  const epoch = state.epoch === 0 ? 0 : state.epoch + 1
  state.becomeUnattached(epoch, -1, now)
}

/** When to ask the next; Infinity when all others have said that they have no records. */
export function newcomerAskAt(state: RaftState, newcomer: Newcomer): number {
  return Math.min(...unsure(state, newcomer).map(({ id }) => newcomer.askAt.get(id) ?? 0), Infinity)
}

/** Those that have not answered, and those that had records: by now their disks may be empty, too. */
const unsure = ({ others }: RaftState, { isEmpty }: Newcomer) =>
  others.filter(({ id }) => isEmpty.get(id) !== true)

/** Who names no disk has no vote to win. */
export function isOfNewcomer(request: RaftRequest): request is VoteRequest {
  return request.type === 'vote' && request.preVote && request.candidate.directoryId === ZERO_UUID
}

/** A newcomer elects nobody; another one is told whether there are records here. */
export function newcomerGrants({ log }: RaftState, request: VoteRequest): boolean {
  return isOfNewcomer(request) && request.lastOffset === 0 && log.end.offset === 0
}

/** One of the others has said whether an empty log could win. */
export function newcomerReply(
  state: RaftState,
  newcomer: Newcomer,
  from: number,
  { errorCode, epoch, leaderId, granted, preVote }: VoteReply,
  now: number,
): void {
  if (!preVote || !state.others.some(({ id }) => id === from)) return
  const isNews = epoch > state.epoch
  state.learn(epoch, leaderId, now)
  if (errorCode === 'NONE') newcomer.isEmpty.set(from, granted)
  // In the epoch that is known now it is asked at once.
  const isLate = errorCode === 'FENCED_LEADER_EPOCH' && isNews
  newcomer.askAt.set(from, isLate ? now : now + ASK_AGAIN_MS)
}
