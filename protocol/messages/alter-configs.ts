import { api, array, bool, errorCode, int8, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * Replaces all settings of a resource: what is not named goes back to its default. Clients prefer IncrementalAlterConfigs
 * (KIP-339).
 */
export const AlterConfigs = api({
  key: 33,
  name: 'AlterConfigs',
  versions: [0, 2],
  flexible: 2,
  listeners: ['broker', 'controller'],
  request: {
    resources: array({
      resourceType: int8,
      resourceName: string,
      configs: array({ name: string, value: string.nullable() }),
    }),
    validateOnly: bool,
  },
  response: {
    throttleTimeMs,
    responses: array({
      errorCode,
      errorMessage: string.nullable(),
      resourceType: int8,
      resourceName: string,
    }),
  },
})
export type AlterConfigsRequest = RequestOf<typeof AlterConfigs>
export type AlterConfigsResponse = ResponseOf<typeof AlterConfigs>
