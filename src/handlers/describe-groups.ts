import type { ErrorName } from '../../protocol/errors.ts'
import { DescribeGroups } from '../../protocol/messages/describe-groups.ts'
import type { DescribeGroupsResponse } from '../../protocol/messages/describe-groups.ts'
import { each } from './access.ts'
import { authorizedOperations } from './authorized-operations.ts'
import { coordinated } from './coordinated.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'
import { inTurns } from './turns.ts'

/** Each may have thousands of members. */
const TURN_GROUPS = 10

const FIRST_VERSION_WITH_NOT_FOUND = 6

/** Without its metadata and its assignment. */
const MEMBER_BYTES = 300

type Described = DescribeGroupsResponse['groups'][number]

/** DescribeGroups: classic groups. One that isn't there is `Dead`, and from v6 on an error too (KIP-1043). */
export const describeGroups = handle(DescribeGroups, {
  access: each('GROUP', 'DESCRIBE', {
    items: 'groups',
    nameOf: (groupId) => groupId,
    answers: 'groups',
    refuse: (groupId, { errorCode }) => nothing(groupId, errorCode, ''),
  }),
}).by(async (request, context) => {
  const groups = await inTurns(
    context.services,
    request.groups,
    async (groupId) => {
      const group = await describe(groupId, context)
      if (group.errorCode !== 'NONE') return group
      const isAsked = request.includeAuthorizedOperations
      const operations = authorizedOperations(isAsked, context, 'GROUP', groupId)
      return { ...group, authorizedOperations: operations }
    },
    TURN_GROUPS,
  )
  return { groups }
})

function describe(groupId: string, context: RequestContext): Promise<Described> {
  const { services, version } = context
  const description = services.groups.ask<'Describe'>(groupId, { type: 'Describe', groupId })
  return coordinated<Described>(
    description.then((group) => {
      if (group === null) return notFound(groupId, version)
      context.spend(costOf(group.members))
      return { errorCode: 'NONE', ...group }
    }),
    (errorCode) => nothing(groupId, errorCode, ''),
  )
}

/** What members take in an answer, about. */
function costOf(members: Described['members']): number {
  let bytes = 0
  for (const { memberMetadata, memberAssignment } of members) {
    bytes += MEMBER_BYTES + memberMetadata.length + memberAssignment.length
  }
  return bytes
}

function notFound(groupId: string, version: number): Described {
  if (version < FIRST_VERSION_WITH_NOT_FOUND) return nothing(groupId, 'NONE', 'Dead')
  const errorMessage = `Group ${groupId} not found.`
  return { ...nothing(groupId, 'GROUP_ID_NOT_FOUND', 'Dead'), errorMessage }
}

function nothing(groupId: string, errorCode: ErrorName, groupState: string): Described {
  return { errorCode, groupId, groupState, protocolType: '', protocolData: '', members: [] }
}
