import { api, array, errorCode, int8, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Removes the access rules that pass filters. v1 has pattern types (KIP-290), v3 rules on users (KIP-373). */
export const DeleteAcls = api({
  key: 31,
  name: 'DeleteAcls',
  versions: [1, 3],
  flexible: 2,
  listeners: ['broker', 'controller'],
  request: {
    filters: array({
      resourceTypeFilter: int8,
      /** Null for any; so with the principal and the host. */
      resourceNameFilter: string.nullable(),
      /** 1 any, 2 all that match the name, 3 literal, 4 prefixed. */
      patternTypeFilter: int8.default(3),
      principalFilter: string.nullable(),
      hostFilter: string.nullable(),
      operation: int8,
      permissionType: int8,
    }),
  },
  response: {
    throttleTimeMs,
    /** In the order of the filters. */
    filterResults: array({
      errorCode,
      errorMessage: string.nullable(),
      matchingAcls: array({
        errorCode,
        errorMessage: string.nullable(),
        resourceType: int8,
        resourceName: string,
        patternType: int8.default(3),
        principal: string,
        host: string,
        operation: int8,
        permissionType: int8,
      }),
    }),
  },
})
export type DeleteAclsRequest = RequestOf<typeof DeleteAcls>
export type DeleteAclsResponse = ResponseOf<typeof DeleteAcls>
