import { api, errorCode, int16, int64, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * A group's offsets join a transaction: the partition of `__consumer_offsets` that holds them does (KIP-98).
 *
 * v2 may answer PRODUCER_FENCED, v4 TRANSACTION_ABORTABLE (KIP-890).
 */
export const AddOffsetsToTxn = api({
  key: 25,
  name: 'AddOffsetsToTxn',
  versions: [0, 4],
  flexible: 3,
  request: { transactionalId: string, producerId: int64, producerEpoch: int16, groupId: string },
  response: { throttleTimeMs, errorCode },
})
export type AddOffsetsToTxnRequest = RequestOf<typeof AddOffsetsToTxn>
export type AddOffsetsToTxnResponse = ResponseOf<typeof AddOffsetsToTxn>
