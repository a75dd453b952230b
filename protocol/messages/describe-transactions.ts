import { api, array, errorCode, int16, int32, int64, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** The state of transactional ids at their coordinator (KIP-664). */
export const DescribeTransactions = api({
  key: 65,
  name: 'DescribeTransactions',
  versions: [0, 0],
  flexible: 0,
  request: {
    /** Empty asks for none. */
    transactionalIds: array(string),
  },
  response: {
    throttleTimeMs,
    transactionStates: array({
      errorCode,
      transactionalId: string,
      transactionState: string,
      transactionTimeoutMs: int32,
      transactionStartTimeMs: int64,
      producerId: int64,
      producerEpoch: int16,
      /** The partitions in the transaction; once it is ending, those whose marker is still to be written. */
      topics: array({ topic: string, partitions: array(int32) }),
    }),
  },
})

export type DescribeTransactionsRequest = RequestOf<typeof DescribeTransactions>
export type DescribeTransactionsResponse = ResponseOf<typeof DescribeTransactions>
