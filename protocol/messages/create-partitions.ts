import { api, array, bool, errorCode, int32, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Gives topics more partitions (KIP-195). v3 may answer THROTTLING_QUOTA_EXCEEDED (KIP-599). */
export const CreatePartitions = api({
  key: 37,
  name: 'CreatePartitions',
  versions: [0, 3],
  flexible: 2,
  listeners: ['broker', 'controller'],
  request: {
    topics: array({
      name: string,
      /** How many there shall be, the old ones included. */
      count: int32,
      /** One for each new partition; null leaves it to the broker. */
      assignments: array({ brokerIds: array(int32) }).nullable(),
    }),
    timeoutMs: int32,
    validateOnly: bool,
  },
  response: {
    throttleTimeMs,
    results: array({
      name: string,
      errorCode,
      errorMessage: string.nullable().default(null),
    }),
  },
})
export type CreatePartitionsRequest = RequestOf<typeof CreatePartitions>
export type CreatePartitionsResponse = ResponseOf<typeof CreatePartitions>
