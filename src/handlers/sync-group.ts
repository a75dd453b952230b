import type { ErrorName } from '../../protocol/errors.ts'
import { SyncGroup } from '../../protocol/messages/sync-group.ts'
import type { SyncGroupRequest, SyncGroupResponse } from '../../protocol/messages/sync-group.ts'
import { one } from './access.ts'
import { coordinated } from './coordinated.ts'
import { handle } from './handler.ts'

const FIRST_VERSION_WITH_PROTOCOL = 5
const NOTHING = Buffer.alloc(0)

/** SyncGroup: answered when the leader's assignment has come and is stored. */
export const syncGroup = handle(SyncGroup, {
  access: one(
    'GROUP',
    'READ',
    ({ groupId }) => groupId,
    (_request, { errorCode }) => refuse(errorCode),
  ),
}).by((request, { services: { groups }, version }) => {
  const error = requestError(request, version)
  if (error !== 'NONE') return refuse(error)
  const assignments = request.assignments.map(({ memberId, assignment }) => ({
    memberId,
    // It stays with the group; the request's bytes don't.
    assignment: Buffer.from(assignment),
  }))
  return coordinated(
    groups.ask<'Sync'>(request.groupId, { type: 'Sync', request: { ...request, assignments } }),
    refuse,
  )
})

/** [KIP-559] From v5 on both have to be named. */
function requestError(
  { groupId, protocolType, protocolName }: SyncGroupRequest,
  version: number,
): ErrorName {
  const isUnnamed = protocolType === null || protocolName === null
  if (version >= FIRST_VERSION_WITH_PROTOCOL && isUnnamed) return 'INCONSISTENT_GROUP_PROTOCOL'
  return groupId === '' ? 'INVALID_GROUP_ID' : 'NONE'
}

function refuse(errorCode: ErrorName): SyncGroupResponse {
  return { errorCode, assignment: NOTHING }
}
