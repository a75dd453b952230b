import { api, array, errorCode, int8, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Access rules that pass a filter, by resource. v1 has pattern types (KIP-290), v3 rules on users (KIP-373). */
export const DescribeAcls = api({
  key: 29,
  name: 'DescribeAcls',
  versions: [1, 3],
  flexible: 2,
  listeners: ['broker', 'controller'],
  request: {
    resourceTypeFilter: int8,
    /** Null for any; so with the principal and the host. */
    resourceNameFilter: string.nullable(),
    /** 1 any, 2 all that match the name, 3 literal, 4 prefixed. */
    patternTypeFilter: int8.default(3),
    principalFilter: string.nullable(),
    hostFilter: string.nullable(),
    operation: int8,
    permissionType: int8,
  },
  response: {
    throttleTimeMs,
    errorCode,
    errorMessage: string.nullable(),
    resources: array({
      resourceType: int8,
      resourceName: string,
      patternType: int8.default(3),
      acls: array({ principal: string, host: string, operation: int8, permissionType: int8 }),
    }),
  },
})
export type DescribeAclsRequest = RequestOf<typeof DescribeAcls>
export type DescribeAclsResponse = ResponseOf<typeof DescribeAcls>
