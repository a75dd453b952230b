import type { ListGroupsResponse } from '../../../protocol/messages/list-groups.ts'
import type { Group } from './group.ts'

/** Which groups are listed. In lower case; none at all: every one. */
export interface GroupFilter {
  readonly states: ReadonlySet<string>
  readonly types: ReadonlySet<string>
}

/** What a list tells of a group; null where the filter leaves it out. */
export function listed(
  { groupId, protocolType, state, type }: Group,
  { states, types }: GroupFilter,
): ListGroupsResponse['groups'][number] | null {
  if (states.size > 0 && !states.has(state.toLowerCase())) return null
  if (types.size > 0 && !types.has(type)) return null
  return { groupId, protocolType: protocolType ?? '', groupState: state, groupType: type }
}
