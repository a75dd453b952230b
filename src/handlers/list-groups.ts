import { ListGroups } from '../../protocol/messages/list-groups.ts'
import type { ListGroupsRequest, ListGroupsResponse } from '../../protocol/messages/list-groups.ts'
import { listed } from '../coordinators/group/listing.ts'
import type { GroupFilter } from '../coordinators/group/listing.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'
import { custom } from './access.ts'
import type { RequestContext } from './context.ts'
import { coordinated } from './coordinated.ts'
import { handle } from './handler.ts'
import { inTurnsOfStored } from './turns.ts'

/** What a group takes in an answer, about. */
const GROUP_BYTES = 100

/** ListGroups: the groups that this broker coordinates. While some are loaded clients have to ask again. */
export const listGroups = handle(ListGroups, {
  access: custom(['DESCRIBE', 'CLUSTER'], ['DESCRIBE', 'GROUP']),
}).by((request, context) =>
  coordinated<ListGroupsResponse>(list(filterOf(request), context), (errorCode) => ({
    errorCode,
    groups: [],
  })),
)

async function list(filter: GroupFilter, context: RequestContext): Promise<ListGroupsResponse> {
  const { services } = context
  const lists = await services.groups.askAll<'List'>({ type: 'List' })
  const mayAll = context.could('DESCRIBE', 'CLUSTER', CLUSTER_NAME)
  const groups = await inTurnsOfStored(services, lists.flat(), (group) => {
    const told = listed(group, filter)
    if (told === null) return null
    if (!mayAll && !context.could('DESCRIBE', 'GROUP', told.groupId)) return null
    context.spend(GROUP_BYTES + told.groupId.length)
    return told
  })
  return { errorCode: 'NONE', groups }
}

function filterOf({ statesFilter, typesFilter }: ListGroupsRequest): GroupFilter {
  return {
    states: new Set(statesFilter.map((state) => state.trim().toLowerCase())),
    types: new Set(typesFilter.map((type) => type.toLowerCase())),
  }
}
