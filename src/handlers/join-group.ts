import type { ErrorName } from '../../protocol/errors.ts'
import { JoinGroup } from '../../protocol/messages/join-group.ts'
import type { JoinGroupRequest, JoinGroupResponse } from '../../protocol/messages/join-group.ts'
import { one } from './access.ts'
import { coordinated } from './coordinated.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'

const FIRST_VERSION_WITH_NULL_PROTOCOL = 7

/** JoinGroup: answered when the other members have joined too, or the time to is up. */
export const joinGroup = handle(JoinGroup, {
  access: one(
    'GROUP',
    'READ',
    ({ groupId }) => groupId,
    ({ memberId }, { errorCode }, { version }) => refused(memberId, errorCode, version),
  ),
}).by(async (request, context) => {
  const { services, version, clientId, connection } = context
  const refuse = (errorCode: ErrorName): JoinGroupResponse =>
    refused(request.memberId, errorCode, version)
  const error = requestError(request, context)
  const response =
    error !== 'NONE'
      ? refuse(error)
      : await coordinated(
          services.groups.ask<'Join'>(request.groupId, {
            type: 'Join',
            request: { ...request, protocols: request.protocols.map(keep) },
            version,
            clientId,
            clientHost: `/${connection.host}`,
            uuid: services.groups.newUuid(),
          }),
          refuse,
        )
  if (version >= FIRST_VERSION_WITH_NULL_PROTOCOL) return response
  return { ...response, protocolName: response.protocolName ?? '' }
})

function refused(memberId: string, errorCode: ErrorName, version: number): JoinGroupResponse {
  const protocolName = version >= FIRST_VERSION_WITH_NULL_PROTOCOL ? null : ''
  return { errorCode, generationId: -1, protocolName, leader: '', memberId, members: [] }
}

function requestError(
  { groupId, sessionTimeoutMs }: JoinGroupRequest,
  { services: { config } }: RequestContext,
): ErrorName {
  if (groupId === '') return 'INVALID_GROUP_ID'
  const isInBounds =
    sessionTimeoutMs >= config.get('group.min.session.timeout.ms') &&
    sessionTimeoutMs <= config.get('group.max.session.timeout.ms')
  return isInBounds ? 'NONE' : 'INVALID_SESSION_TIMEOUT'
}

/** Metadata stays with the group; the request's bytes don't. */
function keep({ name, metadata }: JoinGroupRequest['protocols'][number]): {
  name: string
  metadata: Buffer
} {
  return { name, metadata: Buffer.from(metadata) }
}
