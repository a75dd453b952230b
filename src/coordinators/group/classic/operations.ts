import type { ErrorName } from '../../../../protocol/errors.ts'
import type { LeaveGroupResponse } from '../../../../protocol/messages/leave-group.ts'
import type { Ticket } from '../../../machine/machine.ts'
import { syncAlarm } from '../alarms.ts'
import type { CommandOf } from '../commands.ts'
import type { GroupDraft } from './draft.ts'
import { memberError, NO_ASSIGNMENT } from './group.ts'
import type { ClassicGroup } from './group.ts'
import {
  completeIfAllJoined,
  metadataRecord,
  prepareRebalance,
  rebalance,
  removeMember,
  syncError,
} from './rebalance.ts'

/** Decides a SyncGroup: members wait for their leader's, which brings the assignments and makes the group stable. */
export function sync(draft: GroupDraft, { request }: CommandOf<'Sync'>, ticket: Ticket): void {
  const { groupId, memberId } = request
  const refuse = (error: ErrorName): void => draft.reply(ticket, syncError(error))
  if (!draft.exists || draft.group.state === 'Empty') return refuse('UNKNOWN_MEMBER_ID')
  const { group } = draft
  const error = memberError(group, memberId, request.groupInstanceId)
  if (error !== 'NONE') return refuse(error)
  if (request.generationId !== group.generation) return refuse('ILLEGAL_GENERATION')
  if (
    differ(request.protocolType, group.protocolType) ||
    differ(request.protocolName, group.protocolName)
  ) {
    return refuse('INCONSISTENT_GROUP_PROTOCOL')
  }
  if (group.state === 'PreparingRebalance') return refuse('REBALANCE_IN_PROGRESS')
  const isWaiting = group.state === 'CompletingRebalance'
  if (isWaiting || group.pendingSyncs.has(memberId)) {
    const waiting = group.members.get(memberId)!.syncTicket
    if (waiting !== null) draft.reply(waiting, syncError('REBALANCE_IN_PROGRESS'))
    draft.add({ type: 'SyncReceived', groupId, memberId, ticket: isWaiting ? ticket : null })
    if (draft.group.pendingSyncs.size === 0) draft.alarm(syncAlarm(groupId), null)
  }
  if (!isWaiting) return draft.reply(ticket, syncAnswer(group, memberId))
  if (group.leaderId === memberId) storeAssignments(draft, request.assignments)
}

/**
 * The assignments can't be stored: those who bring them and all who wait for them are told, as by Kafka, and the group
 * begins anew.
 */
export function syncRefused(draft: GroupDraft, ticket: Ticket, error: ErrorName): void {
  draft.reply(ticket, syncError(error))
  prepareRebalance(draft, error)
}

function differ(asked: string | null, actual: string | null): boolean {
  return asked !== null && actual !== null && asked !== actual
}

function syncAnswer(
  group: ClassicGroup,
  memberId: string,
): ReturnType<typeof syncError> & { protocolType: string | null; protocolName: string | null } {
  return {
    errorCode: 'NONE',
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    assignment: group.members.get(memberId)!.assignment,
  }
}

function storeAssignments(
  draft: GroupDraft,
  assignments: CommandOf<'Sync'>['request']['assignments'],
): void {
  const { group, groupId } = draft
  const byMember = new Map(assignments.map(({ memberId, assignment }) => [memberId, assignment]))
  const value = metadataRecord(group, ({ memberId }) => byMember.get(memberId) ?? NO_ASSIGNMENT)
  draft.add({ type: 'GroupStored', groupId, value })
  for (const member of group.members.values()) {
    if (member.syncTicket === null) continue
    draft.reply(member.syncTicket, syncAnswer(draft.group, member.memberId))
    draft.restartSession(member)
  }
}

/** Decides a Heartbeat. */
export function heartbeat(draft: GroupDraft, { request }: CommandOf<'Heartbeat'>): ErrorName {
  if (!draft.exists) return 'UNKNOWN_MEMBER_ID'
  const { group } = draft
  const error = memberError(group, request.memberId, request.groupInstanceId)
  if (error !== 'NONE') return error
  if (request.generationId !== group.generation) return 'ILLEGAL_GENERATION'
  draft.restartSession(group.members.get(request.memberId)!)
  return group.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE'
}

/** Decides a LeaveGroup: of members themselves, or of static members by an administrator, who knows their instance ids. */
export function leave(draft: GroupDraft, command: CommandOf<'Leave'>): LeaveGroupResponse {
  const results = command.members.map(({ memberId, groupInstanceId }) => ({
    memberId,
    groupInstanceId,
    errorCode: draft.exists
      ? removeOne(draft, memberId, groupInstanceId)
      : ('UNKNOWN_MEMBER_ID' as const),
  }))
  if (results.some(({ errorCode }) => errorCode === 'NONE')) {
    const { state } = draft.group
    if (state === 'PreparingRebalance') completeIfAllJoined(draft)
    else if (state !== 'Empty') rebalance(draft)
  }
  return { errorCode: 'NONE', members: results }
}

function removeOne(draft: GroupDraft, memberId: string, groupInstanceId: string | null): ErrorName {
  const { group, groupId } = draft
  if (memberId !== '' && group.pendingMembers.has(memberId)) {
    draft.add({ type: 'MembersRemoved', groupId, memberIds: [memberId] })
    draft.endSession(memberId)
    return 'NONE'
  }
  const named = memberId === '' ? group.staticMembers.get(groupInstanceId ?? '') : memberId
  if (named === undefined) return 'UNKNOWN_MEMBER_ID'
  const error = memberError(group, named, groupInstanceId)
  if (error !== 'NONE') return error
  draft.endSession(named)
  removeMember(draft, group.members.get(named)!)
  return 'NONE'
}
