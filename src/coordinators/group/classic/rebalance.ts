import type { Ticket } from '../../../machine/machine.ts'
import type { JoinGroupResponse } from '../../../../protocol/messages/join-group.ts'
import type { SyncGroupResponse } from '../../../../protocol/messages/sync-group.ts'
import type { ErrorName } from '../../../../protocol/errors.ts'
import { joinAlarm, syncAlarm } from '../alarms.ts'
import type { GroupMetadata } from '../facts.ts'
import type { GroupDraft } from './draft.ts'
import {
  canRebalance,
  haveAllJoined,
  metadataOf,
  NO_ASSIGNMENT,
  rebalanceTimeoutMs,
  selectProtocol,
} from './group.ts'
import type { ClassicGroup, Member } from './group.ts'

export function joinError(errorCode: ErrorName, memberId: string): JoinGroupResponse {
  return { errorCode, generationId: -1, protocolName: null, leader: '', memberId, members: [] }
}

export function syncError(errorCode: ErrorName): SyncGroupResponse {
  return { errorCode, assignment: NO_ASSIGNMENT }
}

/** Tells a member of the current generation; the leader of all members too. */
export function joinAnswer(group: ClassicGroup, memberId: string): JoinGroupResponse {
  return {
    errorCode: 'NONE',
    generationId: group.generation,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leader: group.leaderId ?? '',
    skipAssignment: false,
    memberId,
    members: group.leaderId === memberId ? membersForLeader(group) : [],
  }
}

export function membersForLeader(group: ClassicGroup): JoinGroupResponse['members'] {
  return Array.from(group.members.values(), (member) => ({
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    metadata: metadataOf(member, group.protocolName),
  }))
}

/** The group as its record has it. */
export function metadataRecord(
  group: ClassicGroup,
  assignmentOf: (member: Member) => Buffer,
): GroupMetadata {
  return {
    protocolType: group.protocolType ?? '',
    generation: group.generation,
    protocol: group.protocolName,
    leader: group.leaderId,
    currentStateTimestamp: group.stateSince ?? -1,
    members: Array.from(group.members.values(), (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeout: member.rebalanceTimeoutMs,
      sessionTimeout: member.sessionTimeoutMs,
      subscription: metadataOf(member, group.protocolName),
      assignment: assignmentOf(member),
    })),
  }
}

/** Something has changed that every member must know of. */
export function rebalance(draft: GroupDraft): void {
  if (canRebalance(draft.group)) prepareRebalance(draft)
  else completeIfAllJoined(draft)
}

/**
 * Calls all members back; an empty group waits for more of them first.
 * @param told to those that wait for an assignment
 */
export function prepareRebalance(
  draft: GroupDraft,
  told: ErrorName = 'REBALANCE_IN_PROGRESS',
): void {
  const { group, groupId, context } = draft
  if (group.state === 'CompletingRebalance') {
    for (const member of group.members.values()) {
      if (member.syncTicket === null) continue
      draft.reply(member.syncTicket, syncError(told))
      // Its session may have run out while it was waiting.
      draft.restartSession(member)
    }
  }
  draft.alarm(syncAlarm(groupId), null)
  const wasEmpty = group.state === 'Empty'
  const delayMs = context.settings.initialRebalanceDelayMs
  const remainingMs = Math.max(rebalanceTimeoutMs(group) - delayMs, 0)
  draft.add({
    type: 'RebalanceStarted',
    groupId,
    time: context.wallNow,
    initialDelay: wasEmpty ? { delayMs, remainingMs } : null,
  })
  if (wasEmpty) draft.alarm(joinAlarm(groupId), delayMs)
  else if (haveAllJoined(draft.group)) completeJoin(draft)
  else draft.alarm(joinAlarm(groupId), rebalanceTimeoutMs(group))
}

/** A member has joined or gone. The first rebalance of a group waits for its delay all the same. */
export function completeIfAllJoined(draft: GroupDraft): void {
  const { group } = draft
  if (group.state !== 'PreparingRebalance' || group.initialDelay !== null) return
  if (haveAllJoined(group)) completeJoin(draft)
}

/** The time to join is up. While members still come, the first rebalance waits on, up to their rebalance time-out. */
export function joinTimeIsUp(draft: GroupDraft): void {
  const { group, groupId, context } = draft
  if (group.state !== 'PreparingRebalance') return
  const delay = group.initialDelay
  if (delay === null || !delay.memberAdded || delay.remainingMs === 0) return completeJoin(draft)
  const delayMs = Math.min(context.settings.initialRebalanceDelayMs, delay.remainingMs)
  const remainingMs = Math.max(delay.remainingMs - delay.delayMs, 0)
  draft.add({ type: 'InitialDelayExtended', groupId, delayMs, remainingMs })
  draft.alarm(joinAlarm(groupId), delayMs)
}

/**
 * Ends the wait for joins: dynamic members that have not come are out, and the next generation begins with the others.
 */
function completeJoin(draft: GroupDraft): void {
  const { groupId, context } = draft
  draft.alarm(joinAlarm(groupId), null)
  const missing = Array.from(draft.group.members.values()).filter(
    (member) => member.joinTicket === null && member.groupInstanceId === null,
  )
  if (missing.length > 0) {
    const memberIds = missing.map(({ memberId }) => memberId)
    draft.add({ type: 'MembersRemoved', groupId, memberIds })
    for (const memberId of memberIds) draft.endSession(memberId)
  }
  if (draft.group.members.size === 0) return storeEmptyGeneration(draft)
  if (!electJoinedLeader(draft)) {
    // Only static members are left, and none has come: their sessions decide.
    draft.alarm(joinAlarm(groupId), rebalanceTimeoutMs(draft.group))
    return
  }
  const waiting = Array.from(draft.group.members.values(), ({ memberId, joinTicket }) => ({
    memberId,
    joinTicket,
  }))
  const protocolName = selectProtocol(draft.group)
  draft.add({ type: 'GenerationStarted', groupId, time: context.wallNow, protocolName })
  for (const { memberId, joinTicket } of waiting) {
    if (joinTicket !== null) draft.reply(joinTicket, joinAnswer(draft.group, memberId))
    draft.restartSession(draft.group.members.get(memberId)!)
  }
  draft.alarm(syncAlarm(groupId), rebalanceTimeoutMs(draft.group))
}

function storeEmptyGeneration(draft: GroupDraft): void {
  const { group, groupId, context } = draft
  const value = {
    ...metadataRecord(group, () => NO_ASSIGNMENT),
    generation: group.generation + 1,
    protocol: null,
    currentStateTimestamp: context.wallNow,
  }
  draft.add({ type: 'GroupStored', groupId, value })
}

/** @returns false when nobody has joined */
function electJoinedLeader(draft: GroupDraft): boolean {
  const { group, groupId } = draft
  const leader = group.leaderId === null ? undefined : group.members.get(group.leaderId)
  if (leader !== undefined && leader.joinTicket !== null) return true
  for (const { memberId, joinTicket } of group.members.values()) {
    if (joinTicket === null) continue
    draft.add({ type: 'LeaderElected', groupId, memberId })
    return true
  }
  return false
}

/** The time to ask for assignments is up: members that have not are out. */
export function syncTimeIsUp(draft: GroupDraft): void {
  const { group, groupId } = draft
  if (group.state !== 'CompletingRebalance' && group.state !== 'Stable') return
  if (group.pendingSyncs.size === 0) return
  const memberIds = [...group.pendingSyncs]
  draft.add({ type: 'MembersRemoved', groupId, memberIds })
  for (const memberId of memberIds) draft.endSession(memberId)
  prepareRebalance(draft)
}

/** A member was not heard of in time. Those whose request waits here are alive; but a new member may wait only so long. */
export function sessionTimeIsUp(draft: GroupDraft, memberId: string): void {
  const { group, groupId } = draft
  if (group.pendingMembers.has(memberId)) {
    draft.add({ type: 'MembersRemoved', groupId, memberIds: [memberId] })
  } else {
    const member = group.members.get(memberId)
    if (member === undefined) return
    const waits = member.joinTicket !== null || member.syncTicket !== null
    if (waits && !member.isNew) return
    removeMember(draft, member)
    if (canRebalance(group)) return prepareRebalance(draft)
  }
  if (draft.group.state === 'PreparingRebalance' && haveAllJoined(draft.group)) completeJoin(draft)
}

/** Takes a member out; its waiting requests are told that it isn't known any more. */
export function removeMember(draft: GroupDraft, member: Member): void {
  const { groupId } = draft
  refuseWaiting(draft, member, 'UNKNOWN_MEMBER_ID', '')
  draft.add({ type: 'MembersRemoved', groupId, memberIds: [member.memberId] })
}

export function refuseWaiting(
  draft: GroupDraft,
  member: Member,
  errorCode: ErrorName,
  memberId: string,
): void {
  const refuse = (ticket: Ticket | null, reply: JoinGroupResponse | SyncGroupResponse): void => {
    if (ticket !== null) draft.reply(ticket, reply)
  }
  refuse(member.joinTicket, joinError(errorCode, memberId))
  refuse(member.syncTicket, syncError(errorCode))
}
