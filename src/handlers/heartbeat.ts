import { Heartbeat } from '../../protocol/messages/heartbeat.ts'
import { one } from './access.ts'
import { coordinated } from './coordinated.ts'
import { handle } from './handler.ts'

/** Heartbeat of a classic group. */
export const heartbeat = handle(Heartbeat, {
  access: one(
    'GROUP',
    'READ',
    ({ groupId }) => groupId,
    (_request, { errorCode }) => ({ errorCode }),
  ),
}).by(async (request, { services: { groups } }) => {
  if (request.groupId === '') return { errorCode: 'INVALID_GROUP_ID' }
  const errorCode = await coordinated(
    groups.ask<'Heartbeat'>(request.groupId, { type: 'Heartbeat', request }),
    // While the groups are loaded nobody's session runs, so the member may go on.
    (error) => (error === 'COORDINATOR_LOAD_IN_PROGRESS' ? 'NONE' : error),
  )
  return { errorCode }
})
