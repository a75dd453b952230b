import { api, array, bool, errorCode, int16, int32, int64, int8, string } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** A transaction's coordinator has its end written into the partitions. v2 names the transaction version (KIP-1228). */
export const WriteTxnMarkers = api({
  key: 27,
  name: 'WriteTxnMarkers',
  versions: [1, 2],
  flexible: 1,
  request: {
    markers: array({
      producerId: int64,
      producerEpoch: int16,
      /** True for commit, false for abort. */
      transactionResult: bool,
      topics: array({ name: string, partitionIndexes: array(int32) }),
      /** The leader epoch of the coordinator's partition of `__transaction_state`. */
      coordinatorEpoch: int32,
      /** 2 where each transaction has an epoch of its own (KIP-890), below that not. */
      transactionVersion: int8.default(0).since(2),
    }),
  },
  response: {
    markers: array({
      producerId: int64,
      topics: array({
        name: string,
        partitions: array({ partitionIndex: int32, errorCode }),
      }),
    }),
  },
})
export type WriteTxnMarkersRequest = RequestOf<typeof WriteTxnMarkers>
export type WriteTxnMarkersResponse = ResponseOf<typeof WriteTxnMarkers>
