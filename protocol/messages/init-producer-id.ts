import {
  api,
  bool,
  errorCode,
  int16,
  int32,
  int64,
  saturatedInt64,
  string,
  throttleTimeMs,
} from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * A producer gets its id and epoch; a transactional one fences its predecessors.
 *
 * v3 lets a producer go on with the id it has (KIP-360), v4 may answer PRODUCER_FENCED, v5 TRANSACTION_ABORTABLE
 * (KIP-890). v6 is for two-phase commit (KIP-939) and not final in Kafka 4.3.
 */
export const InitProducerId = api({
  key: 22,
  name: 'InitProducerId',
  versions: [0, 6],
  flexible: 2,
  unstable: true,
  request: {
    /** Null for an idempotent producer. */
    transactionalId: string.nullable(),
    transactionTimeoutMs: int32,
    producerId: saturatedInt64.default(-1).since(3),
    producerEpoch: int16.default(-1).since(3),
    enable2Pc: bool.default(false).since(6),
    keepPreparedTxn: bool.default(false).since(6),
  },
  response: {
    throttleTimeMs,
    errorCode,
    producerId: int64.default(-1),
    producerEpoch: int16,
    ongoingTxnProducerId: int64.default(-1).since(6),
    ongoingTxnProducerEpoch: int16.default(-1).since(6),
  },
})
export type InitProducerIdRequest = RequestOf<typeof InitProducerId>
export type InitProducerIdResponse = ResponseOf<typeof InitProducerId>
