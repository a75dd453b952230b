import type { Ticket } from '../../../machine/machine.ts'
import type { CommandOf } from '../commands.ts'
import { sessionAlarm } from '../alarms.ts'
import type { GroupDraft } from './draft.ts'
import {
  awaitingJoinCount,
  emptyGroup,
  memberError,
  sameProtocols,
  selectProtocol,
  supportsProtocols,
} from './group.ts'
import type { ClassicGroup } from './group.ts'
import {
  completeIfAllJoined,
  joinAnswer,
  joinError,
  membersForLeader,
  metadataRecord,
  prepareRebalance,
  rebalance,
  refuseWaiting,
} from './rebalance.ts'

type Join = CommandOf<'Join'>

const FIRST_VERSION_WITH_ID_REQUIRED = 4
const FIRST_VERSION_WITH_SKIP_ASSIGNMENT = 9
/** How long a new member may wait in its first JoinGroup: it can't heartbeat, and nobody sees when it gives up. */
const NEW_MEMBER_TIMEOUT_MS = 5 * 60_000
/** Of a group, at one time. */
const MAX_PENDING_MEMBERS = 10_000

/** Decides a JoinGroup. */
export function join(draft: GroupDraft, command: Join, ticket: Ticket): void {
  const { groupId, memberId, groupInstanceId, protocolType, protocols } = command.request
  const isNew = memberId === ''
  if (!draft.exists && !isNew) {
    return draft.reply(ticket, joinError('UNKNOWN_MEMBER_ID', memberId))
  }
  const group = draft.exists ? draft.group : emptyGroup(groupId, draft.context.wallNow)
  if (!hasRoom(group, memberId, draft.context.settings.maxGroupSize)) {
    // An id that was given out, or a member above a lowered limit, is given up.
    if (group.members.has(memberId) || group.pendingMembers.has(memberId)) {
      draft.add({ type: 'MembersRemoved', groupId, memberIds: [memberId] })
      draft.endSession(memberId)
    }
    return draft.reply(ticket, joinError('GROUP_MAX_SIZE_REACHED', ''))
  }
  if (!supportsProtocols(group, protocolType, protocols)) {
    return draft.reply(ticket, joinError('INCONSISTENT_GROUP_PROTOCOL', memberId))
  }
  if (!draft.exists) {
    // Members live in memory only; the group itself shall be there after a restart.
    draft.add({ type: 'GroupStored', groupId, value: metadataRecord(group, noMembers) })
  }
  if (!isNew) return joinAgain(draft, command, ticket)
  const newMemberId = `${groupInstanceId ?? command.clientId}-${command.uuid}`
  const staticMemberId = groupInstanceId && draft.group.staticMembers.get(groupInstanceId)
  if (staticMemberId)
    return replaceStaticMember(draft, command, ticket, staticMemberId, newMemberId)
  if (groupInstanceId === null && command.version >= FIRST_VERSION_WITH_ID_REQUIRED) {
    // [KIP-394] So that a client that gives up and asks again doesn't become one member more each time.
    makeRoomForPending(draft)
    draft.add({ type: 'MemberIdGiven', groupId, memberId: newMemberId })
    draft.alarm(sessionAlarm(groupId, newMemberId), command.request.sessionTimeoutMs)
    return draft.reply(ticket, joinError('MEMBER_ID_REQUIRED', newMemberId))
  }
  addMember(draft, command, ticket, newMemberId)
}

/**
 * Ids that nobody comes back with cost memory until their session is over, which may be half an hour: one of them is
 * forgotten early. Should its client come after all, it gets another one.
 */
function makeRoomForPending(draft: GroupDraft): void {
  const { group, groupId } = draft
  if (group.pendingMembers.size < MAX_PENDING_MEMBERS) return
  for (const memberId of group.pendingMembers.keys()) {
    draft.add({ type: 'MembersRemoved', groupId, memberIds: [memberId] })
    draft.endSession(memberId)
    return
  }
}

function noMembers(): never {
  throw new TypeError('A new group has no members')
}

/** A lowered limit lets the first ones that join again stay. */
function hasRoom(group: ClassicGroup, memberId: string, maxGroupSize: number): boolean {
  const member = group.members.get(memberId)
  switch (group.state) {
    case 'Empty':
      return true
    case 'PreparingRebalance':
      return (member?.joinTicket ?? null) !== null || awaitingJoinCount(group) < maxGroupSize
    case 'CompletingRebalance':
    case 'Stable':
      return member !== undefined || group.members.size < maxGroupSize
  }
}

function addMember(draft: GroupDraft, command: Join, ticket: Ticket, memberId: string): void {
  const { groupId, groupInstanceId, protocolType, protocols } = command.request
  const { rebalanceTimeoutMs, sessionTimeoutMs } = timeouts(command)
  draft.add({
    type: 'MemberJoined',
    groupId,
    memberId,
    groupInstanceId,
    clientId: command.clientId,
    clientHost: command.clientHost,
    rebalanceTimeoutMs,
    sessionTimeoutMs,
    protocolType,
    protocols,
    ticket,
  })
  draft.alarm(sessionAlarm(groupId, memberId), NEW_MEMBER_TIMEOUT_MS)
  rebalance(draft)
}

/** Version 0 has no rebalance time-out, and -1 is none either. */
function timeouts({ request }: Join): { rebalanceTimeoutMs: number; sessionTimeoutMs: number } {
  const { sessionTimeoutMs, rebalanceTimeoutMs } = request
  return {
    sessionTimeoutMs,
    rebalanceTimeoutMs: rebalanceTimeoutMs < 0 ? sessionTimeoutMs : rebalanceTimeoutMs,
  }
}

/** A member that has an id already joins. */
function joinAgain(draft: GroupDraft, command: Join, ticket: Ticket): void {
  const { group } = draft
  const { memberId, groupInstanceId, protocols } = command.request
  if (groupInstanceId === null && group.pendingMembers.has(memberId)) {
    return addMember(draft, command, ticket, memberId)
  }
  const error = memberError(group, memberId, groupInstanceId)
  if (error !== 'NONE') return draft.reply(ticket, joinError(error, memberId))
  const member = group.members.get(memberId)!
  const isUnchanged = sameProtocols(member, protocols)
  // The leader asks again when something has changed that only it can see (partitions of a topic): that's for all.
  const isForNext =
    group.state === 'PreparingRebalance' ||
    !isUnchanged ||
    (group.state === 'Stable' && group.leaderId === memberId)
  // It may not have got the answer that it joins the current generation with.
  if (!isForNext) return draft.reply(ticket, joinAnswer(group, memberId))
  if (member.joinTicket !== null) {
    // Its client has given that request up, most likely. If not, it asks again with the same id.
    draft.reply(member.joinTicket, joinError('REBALANCE_IN_PROGRESS', memberId))
  }
  rejoin(draft, command, memberId, ticket)
  rebalance(draft)
}

function rejoin(draft: GroupDraft, command: Join, memberId: string, ticket: Ticket | null): void {
  const { groupId, protocols } = command.request
  draft.add({
    type: 'MemberRejoined',
    groupId,
    memberId,
    ...timeouts(command),
    protocols,
    ticket,
  })
}

/**
 * [KIP-345] A static member has restarted and doesn't know its id. It takes its former self's place, which is fenced; in
 * a stable group that goes on with the same protocol nobody else needs to know.
 */
function replaceStaticMember(
  draft: GroupDraft,
  command: Join,
  ticket: Ticket,
  oldMemberId: string,
  memberId: string,
): void {
  const { groupId } = draft
  const oldLeader = draft.group.leaderId
  refuseWaiting(draft, draft.group.members.get(oldMemberId)!, 'FENCED_INSTANCE_ID', oldMemberId)
  draft.add({ type: 'StaticMemberReplaced', groupId, oldMemberId, memberId })
  draft.endSession(oldMemberId)
  rejoin(draft, command, memberId, ticket)
  draft.restartSession(draft.group.members.get(memberId)!)
  const { group } = draft
  if (group.state === 'PreparingRebalance') return completeIfAllJoined(draft)
  // The leader may be assigning partitions to the old id right now.
  if (group.state === 'CompletingRebalance') return prepareRebalance(draft)
  if (selectProtocol(group) !== group.protocolName) return rebalance(draft)
  const value = metadataRecord(group, ({ assignment }) => assignment)
  draft.add({ type: 'GroupStored', groupId, value })
  const isLeader = group.leaderId === memberId
  const canSkip = command.version >= FIRST_VERSION_WITH_SKIP_ASSIGNMENT
  draft.reply(ticket, {
    ...joinAnswer(draft.group, memberId),
    // [KIP-814] Before it can be told to skip the assignment, a leader must not take itself for one.
    ...(canSkip
      ? { skipAssignment: isLeader, members: isLeader ? membersForLeader(draft.group) : [] }
      : { leader: oldLeader ?? '', members: [] }),
  })
}
