import { api, array, errorCode, int32, string } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * The groups that this broker coordinates, of every type.
 *
 * v4 can ask for states (KIP-518), v5 for types (KIP-848); an empty filter lets all pass.
 */
export const ListGroups = api({
  key: 16,
  name: 'ListGroups',
  versions: [0, 5],
  flexible: 3,
  request: { statesFilter: array(string).since(4), typesFilter: array(string).since(5) },
  response: {
    throttleTimeMs: int32.since(1),
    errorCode,
    groups: array({
      groupId: string,
      protocolType: string,
      groupState: string.since(4),
      groupType: string.since(5),
    }),
  },
})
export type ListGroupsRequest = RequestOf<typeof ListGroups>
export type ListGroupsResponse = ResponseOf<typeof ListGroups>
