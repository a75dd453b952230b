import { ListGroups } from '../../protocol/messages/list-groups.ts'
import type { ListGroupsResponse } from '../../protocol/messages/list-groups.ts'
import { coordinated } from './coordinated.ts'
import { handle } from './handler.ts'

/** ListGroups: the groups that this broker coordinates. While some are loaded clients have to ask again. */
export const listGroups = handle(ListGroups).by((request, { services: { groups } }) => {
  const statesFilter = new Set(request.statesFilter.map((state) => state.trim().toLowerCase()))
  const typesFilter = new Set(request.typesFilter.map((type) => type.toLowerCase()))
  const lists = groups.askAll<'List'>({ type: 'List', statesFilter, typesFilter })
  return coordinated<ListGroupsResponse>(
    lists.then((replies) => ({ errorCode: 'NONE', groups: replies.flat() })),
    (errorCode) => ({ errorCode, groups: [] }),
  )
})
