import { api, array, errorCode, int32, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** The moves of replicas that are under way (KIP-455). */
export const ListPartitionReassignments = api({
  key: 46,
  name: 'ListPartitionReassignments',
  versions: [0, 0],
  flexible: 0,
  listeners: ['broker', 'controller'],
  request: {
    timeoutMs: int32.default(60000),
    /** Null for all. */
    topics: array({ name: string, partitionIndexes: array(int32) })
      .nullable()
      .default(null),
  },
  response: {
    throttleTimeMs,
    errorCode,
    errorMessage: string.nullable(),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        replicas: array(int32),
        addingReplicas: array(int32),
        removingReplicas: array(int32),
      }),
    }),
  },
})

export type ListPartitionReassignmentsRequest = RequestOf<typeof ListPartitionReassignments>
export type ListPartitionReassignmentsResponse = ResponseOf<typeof ListPartitionReassignments>
