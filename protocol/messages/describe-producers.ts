import { api, array, bigInt64, errorCode, int32, int64, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** The producers that have state at a partition's leader, to find transactions that hang (KIP-664). */
export const DescribeProducers = api({
  key: 61,
  name: 'DescribeProducers',
  versions: [0, 0],
  flexible: 0,
  request: { topics: array({ name: string, partitionIndexes: array(int32) }) },
  response: {
    throttleTimeMs,
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        errorCode,
        errorMessage: string.nullable().default(null),
        activeProducers: array({
          producerId: int64,
          producerEpoch: int32,
          lastSequence: int32.default(-1),
          /** Of its last batch, as the producer set it, ms. */
          lastTimestamp: bigInt64.default(-1n),
          coordinatorEpoch: int32,
          /** Where its open transaction begins; -1 without one. */
          currentTxnStartOffset: int64.default(-1),
        }),
      }),
    }),
  },
})

export type DescribeProducersRequest = RequestOf<typeof DescribeProducers>
export type DescribeProducersResponse = ResponseOf<typeof DescribeProducers>
