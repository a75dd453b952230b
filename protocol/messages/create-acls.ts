import { api, array, errorCode, int8, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Adds access rules. v1 has pattern types (KIP-290), v3 rules on users (KIP-373). */
export const CreateAcls = api({
  key: 30,
  name: 'CreateAcls',
  versions: [1, 3],
  flexible: 2,
  listeners: ['broker', 'controller'],
  request: {
    creations: array({
      resourceType: int8,
      resourceName: string,
      /** 3 literal, 4 prefixed. */
      resourcePatternType: int8.default(3),
      principal: string,
      host: string,
      operation: int8,
      permissionType: int8,
    }),
  },
  response: {
    throttleTimeMs,
    /** In the order of the creations. */
    results: array({ errorCode, errorMessage: string.nullable() }),
  },
})
export type CreateAclsRequest = RequestOf<typeof CreateAcls>
export type CreateAclsResponse = ResponseOf<typeof CreateAcls>
