import { api, array, errorCode, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Deletes groups that have no members, with their offsets (KIP-229). Each must be at its coordinator. v3 can say why not. */
export const DeleteGroups = api({
  key: 42,
  name: 'DeleteGroups',
  versions: [0, 3],
  flexible: 2,
  request: { groupsNames: array(string) },
  response: {
    throttleTimeMs,
    results: array({
      groupId: string,
      errorCode,
      errorMessage: string.nullable(3).default(null).since(3),
    }),
  },
})

export type DeleteGroupsRequest = RequestOf<typeof DeleteGroups>
export type DeleteGroupsResponse = ResponseOf<typeof DeleteGroups>
