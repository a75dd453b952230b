import { api, array, errorCode, int8, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Names of resources that have settings. v0 lists client metrics only (KIP-714), v1 any types (KIP-1142). */
export const ListConfigResources = api({
  key: 74,
  name: 'ListConfigResources',
  versions: [0, 1],
  flexible: 0,
  request: {
    /** As in DescribeConfigs; empty asks for all that can be listed. */
    resourceTypes: array(int8).since(1),
  },
  response: {
    throttleTimeMs,
    errorCode,
    configResources: array({
      resourceName: string,
      /** 16: client metrics, all that v0 knows. */
      resourceType: int8.default(16).since(1),
    }),
  },
})

export type ListConfigResourcesRequest = RequestOf<typeof ListConfigResources>
export type ListConfigResourcesResponse = ResponseOf<typeof ListConfigResources>
