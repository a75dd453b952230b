import { api, array, bool, errorCode, int8, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Changes single settings of resources and leaves the others as they are (KIP-339). */
export const IncrementalAlterConfigs = api({
  key: 44,
  name: 'IncrementalAlterConfigs',
  versions: [0, 1],
  flexible: 1,
  listeners: ['broker', 'controller'],
  request: {
    resources: array({
      /** 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group. */
      resourceType: int8,
      /** A broker's is its id; '' stands for the default of all brokers. */
      resourceName: string,
      configs: array({
        name: string,
        /** 0 set, 1 delete, 2 append to a list, 3 subtract from a list. */
        configOperation: int8,
        /** Null only with delete. */
        value: string.nullable(),
      }),
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

export type IncrementalAlterConfigsRequest = RequestOf<typeof IncrementalAlterConfigs>
export type IncrementalAlterConfigsResponse = ResponseOf<typeof IncrementalAlterConfigs>
