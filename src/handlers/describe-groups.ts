import type { ErrorName } from '../../protocol/errors.ts'
import { DescribeGroups } from '../../protocol/messages/describe-groups.ts'
import type { DescribeGroupsResponse } from '../../protocol/messages/describe-groups.ts'
import { ALL_OPERATIONS, OPERATIONS_NOT_ASKED } from './authorized-operations.ts'
import { coordinated } from './coordinated.ts'
import { handle } from './handler.ts'
import type { RequestContext } from './handler.ts'

const FIRST_VERSION_WITH_NOT_FOUND = 6

type Described = DescribeGroupsResponse['groups'][number]

/** DescribeGroups: classic groups. One that isn't there is `Dead`, and from v6 on an error too (KIP-1043). */
export const describeGroups = handle(DescribeGroups).by(async (request, context) => {
  const authorizedOperations = request.includeAuthorizedOperations
    ? ALL_OPERATIONS.group
    : OPERATIONS_NOT_ASKED
  const described = await Promise.all(request.groups.map((groupId) => describe(groupId, context)))
  return {
    groups: described.map((group) =>
      group.errorCode === 'NONE' ? { ...group, authorizedOperations } : group,
    ),
  }
})

function describe(groupId: string, { groups, version }: RequestContext): Promise<Described> {
  const description = groups.ask<'Describe'>(groupId, { type: 'Describe', groupId })
  return coordinated<Described>(
    description.then((group) =>
      group === null ? notFound(groupId, version) : { errorCode: 'NONE', ...group },
    ),
    (errorCode) => nothing(groupId, errorCode, ''),
  )
}

function notFound(groupId: string, version: number): Described {
  if (version < FIRST_VERSION_WITH_NOT_FOUND) return nothing(groupId, 'NONE', 'Dead')
  const errorMessage = `Group ${groupId} not found.`
  return { ...nothing(groupId, 'GROUP_ID_NOT_FOUND', 'Dead'), errorMessage }
}

function nothing(groupId: string, errorCode: ErrorName, groupState: string): Described {
  return { errorCode, groupId, groupState, protocolType: '', protocolData: '', members: [] }
}
