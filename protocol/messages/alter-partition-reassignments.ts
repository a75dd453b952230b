import { api, array, bool, errorCode, int32, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Moves partitions to other replicas, or cancels a move under way (KIP-455). */
export const AlterPartitionReassignments = api({
  key: 45,
  name: 'AlterPartitionReassignments',
  versions: [0, 1],
  flexible: 0,
  listeners: ['broker', 'controller'],
  request: {
    timeoutMs: int32.default(60000),
    /** Whether there may be more or fewer replicas than before (KIP-860). */
    allowReplicationFactorChange: bool.default(true).since(1),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        /** The wanted replicas, the preferred leader first; null cancels the move under way. */
        replicas: array(int32).nullable().default(null),
      }),
    }),
  },
  response: {
    throttleTimeMs,
    allowReplicationFactorChange: bool.default(true).since(1),
    errorCode,
    errorMessage: string.nullable(),
    responses: array({
      name: string,
      partitions: array({ partitionIndex: int32, errorCode, errorMessage: string.nullable() }),
    }),
  },
})

export type AlterPartitionReassignmentsRequest = RequestOf<typeof AlterPartitionReassignments>
export type AlterPartitionReassignmentsResponse = ResponseOf<typeof AlterPartitionReassignments>
