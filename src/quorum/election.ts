import type { Candidate, Prospective, Role } from './roles.ts'
import { isAhead, isKeyOf, isValidVote } from './rules.ts'
import { newcomerGrants, newcomerReply } from './newcomer.ts'
import type { RaftState } from './raft-state.ts'
import type { VoteReply, VoteRequest } from './types.ts'

/** When to ask again who would not vote, where the leader is gone. */
const AGAIN_MS = 100
/** Whoever was granted a pre-vote has mostly been elected after this time. */
const YIELD_MS = 100

/** Another node asks for this node's vote, or whether it would have it (KIP-996). */
export function vote(state: RaftState, request: VoteRequest, now: number): VoteReply {
  const { epoch, preVote, lastEpoch, lastOffset, candidate, voter } = request
  const reply = (errorCode: VoteReply['errorCode'], granted = false): VoteReply => ({
    type: 'voteReply',
    errorCode,
    epoch: state.epoch,
    leaderId: state.leaderId,
    granted,
    preVote,
  })
  if (!isValidVote(request)) return reply('INVALID_REQUEST')
  if (epoch < state.epoch) return reply('FENCED_LEADER_EPOCH')
  if (epoch > state.epoch) state.becomeUnattached(epoch, -1, now)
  if (!isKeyOf(state.self, voter)) return reply('INVALID_VOTER_KEY')
  if (state.newcomer !== null) return reply('NONE', newcomerGrants(state, request))
  const upToDate = !isAhead(state.log.end, { offset: lastOffset, epoch: lastEpoch })
  const { role } = state
  if (preVote) {
    const isGranted = upToDate && !disturbs(role)
    if (isGranted) yieldTo(state, role, now)
    return reply('NONE', isGranted)
  }
  if (role.name !== 'unattached' && role.name !== 'prospective') return reply('NONE')
  // A candidate that asks again after a restart may have less than it had.
  if (role.votedFor !== null) {
    return reply('NONE', upToDate && isKeyOf(candidate, role.votedFor))
  }
  if (role.leaderId >= 0 || !upToDate) return reply('NONE')
  role.votedFor = candidate
  return reply('NONE', true)
}

/** Whether an election would be a disturbance: this node leads, or hears of its leader. */
const disturbs = (role: Role): boolean =>
  role.name === 'leader' || (role.name === 'follower' && role.hasFetched && !role.isGone)

/**
 * Who is about to stand since the leader is gone lets another one go first, once: two candidates of three voters, one of which is gone,
 * both fail. That is beyond KIP-996, as is the pre-vote that is granted before this node misses its leader.
 */
function yieldTo(state: RaftState, role: Role, now: number): void {
  const isAbout =
    (role.name === 'follower' && role.isGone) ||
    (role.name === 'candidate' && role.goneLeaderId !== null)
  if (!isAbout || role.hasYielded) return
  role.hasYielded = true
  role.deadline = Math.max(role.deadline, now + YIELD_MS + state.jitter())
}

export function voteReply(state: RaftState, from: number, reply: VoteReply, now: number): void {
  const { newcomer } = state
  if (newcomer !== null) return newcomerReply(state, newcomer, from, reply, now)
  if (state.learn(reply.epoch, reply.leaderId, now)) return
  const { role } = state
  if (role.name !== 'prospective' && role.name !== 'candidate') return
  if (reply.epoch < state.epoch || reply.preVote !== (role.name === 'prospective')) return
  if (reply.errorCode !== 'NONE' && reply.errorCode !== 'INVALID_VOTER_KEY') return
  if (!state.voters.some(({ id }) => id === from)) return
  // The tick that follows gives up what a node stands for that votes no longer.
  if (!state.hasVote) return
  if (reply.granted) role.granted.add(from)
  // That voter may not have missed the leader yet.
  else if (role.name === 'prospective' && role.goneLeaderId !== null)
    role.askAt.set(from, now + AGAIN_MS)
  else {
    role.refused.add(from)
    if (role.name === 'candidate') standSooner(state, role, now)
  }
  count(state, role, now)
}

/** A candidate that can't win any more without the vote of the one that is gone stands again soon, which is beyond KIP-996, too. */
function standSooner(state: RaftState, role: Candidate, now: number): void {
  const { voters, majority } = state
  const { goneLeaderId, granted, refused } = role
  if (goneLeaderId === null) return
  const left = voters.filter(
    ({ id }) => granted.has(id) || (id !== goneLeaderId && !refused.has(id)),
  )
  // By then another one that was elected has told so.
  const soon = now + YIELD_MS + state.jitter()
  if (left.length < majority) role.deadline = Math.min(role.deadline, soon)
}

/** Asks who has not answered yet, until the deadline. */
export function electionTick(state: RaftState, role: Prospective | Candidate, now: number): void {
  // That it has been removed may have been read meanwhile.
  if (!state.hasVote) giveUpAsking(state, role, now)
  else if (now >= role.deadline) {
    if (role.name === 'candidate') state.becomeProspective(now, role.goneLeaderId)
    else giveUpAsking(state, role, now)
  } else {
    askForVotes(state, role, now)
    count(state, role, now)
  }
}

/** When to ask the next of those who have not answered; Infinity when all have. */
export function askAt(state: RaftState, role: Prospective | Candidate): number {
  return Math.min(...unanswered(state, role).map(({ id }) => role.askAt.get(id) ?? 0), Infinity)
}

/** A voter has not got the question, or has not answered it: it is asked again after a pause. */
export function notAnswered(
  state: RaftState,
  voterId: number,
  request: VoteRequest,
  now: number,
): void {
  const { role, epoch } = state
  state.newcomer?.askAt.set(voterId, now + AGAIN_MS)
  if (role.name !== 'prospective' && role.name !== 'candidate') return
  if (request.epoch !== epoch || request.preVote !== (role.name === 'prospective')) return
  role.askAt.set(voterId, now + state.timeouts.retryBackoffMs)
}

const unanswered = ({ voters }: RaftState, { granted, refused }: Prospective | Candidate) =>
  voters.filter(({ id }) => !granted.has(id) && !refused.has(id))

function count(state: RaftState, role: Prospective | Candidate, now: number): void {
  const { majority, voters } = state
  const granted = voters.map(({ id }) => id).filter((id) => role.granted.has(id))
  if (granted.length >= majority) {
    if (role.name === 'prospective') state.becomeCandidate(now, role.goneLeaderId)
    else state.becomeLeader(granted, now)
  } else if (role.name === 'prospective' && role.refused.size > voters.length - majority) {
    giveUpAsking(state, role, now)
  }
}

function askForVotes(state: RaftState, role: Prospective | Candidate, now: number): void {
  const { offset, epoch } = state.log.end
  for (const voter of unanswered(state, role)) {
    if (now < (role.askAt.get(voter.id) ?? 0)) continue
    role.askAt.set(voter.id, now + state.timeouts.requestTimeoutMs)
    state.send(voter.id, {
      type: 'vote',
      candidate: state.self,
      voter: { id: voter.id, directoryId: voter.directoryId },
      epoch: state.epoch,
      lastOffset: offset,
      lastEpoch: epoch,
      preVote: role.name === 'prospective',
    })
  }
}

function giveUpAsking(state: RaftState, role: Prospective | Candidate, now: number): void {
  if (role.name === 'prospective' && role.leaderId >= 0) state.follow(role.leaderId, now)
  else state.becomeUnattached(state.epoch, -1, now)
}
