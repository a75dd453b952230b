import { api, bool, errorCode, int16, int64, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * A producer commits or aborts its transaction.
 *
 * v2 may answer PRODUCER_FENCED, v4 TRANSACTION_ABORTABLE. From v5 on each transaction has an epoch of its own, which is
 * returned (KIP-890).
 */
export const EndTxn = api({
  key: 26,
  name: 'EndTxn',
  versions: [0, 5],
  flexible: 3,
  request: {
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    /** False aborts. */
    committed: bool,
  },
  response: {
    throttleTimeMs,
    errorCode,
    /** For the next transaction: a new id when the epochs of the old one ran out. */
    producerId: int64.default(-1).since(5),
    producerEpoch: int16.default(-1).since(5),
  },
})
export type EndTxnRequest = RequestOf<typeof EndTxn>
export type EndTxnResponse = ResponseOf<typeof EndTxn>
