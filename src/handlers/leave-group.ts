import { LeaveGroup } from '../../protocol/messages/leave-group.ts'
import type { LeaveGroupResponse } from '../../protocol/messages/leave-group.ts'
import { one } from './access.ts'
import { coordinated } from './coordinated.ts'
import { handle } from './handler.ts'

const FIRST_VERSION_WITH_MEMBERS = 3

/** LeaveGroup: one member up to v2, whose error is the whole answer's; several from v3 on. */
export const leaveGroup = handle(LeaveGroup, {
  access: one(
    'GROUP',
    'READ',
    ({ groupId }) => groupId,
    (_request, { errorCode }) => refuse(errorCode),
  ),
}).by(async (request, { services: { groups }, version }) => {
  const { groupId, memberId } = request
  if (groupId === '') return refuse('INVALID_GROUP_ID')
  const isBatched = version >= FIRST_VERSION_WITH_MEMBERS
  const members = isBatched ? request.members : [{ memberId, groupInstanceId: null, reason: null }]
  const response = await coordinated(
    groups.ask<'Leave'>(groupId, { type: 'Leave', groupId, members }),
    refuse,
  )
  if (isBatched || response.errorCode !== 'NONE') return response
  return refuse(response.members?.[0]?.errorCode ?? 'NONE')
})

function refuse(errorCode: LeaveGroupResponse['errorCode']): LeaveGroupResponse {
  return { errorCode, members: [] }
}
