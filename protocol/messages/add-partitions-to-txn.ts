import {
  api,
  array,
  bool,
  errorCode,
  int16,
  int32,
  int64,
  string,
  throttleTimeMs,
} from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

const topics = array({ name: string, partitions: array(int32) })

const topicResults = array({
  name: string,
  resultsByPartition: array({ partitionIndex: int32, partitionErrorCode: errorCode }),
})

/**
 * Partitions join a transaction (KIP-98).
 *
 * Up to v3 producers ask, for one transaction. From v4 on brokers ask, for several, and may only want to know whether the
 * partitions are in (KIP-890). v2 may answer PRODUCER_FENCED, v5 TRANSACTION_ABORTABLE.
 */
export const AddPartitionsToTxn = api({
  key: 24,
  name: 'AddPartitionsToTxn',
  versions: [0, 5],
  flexible: 3,
  request: {
    transactions: array({
      transactionalId: string,
      producerId: int64,
      producerEpoch: int16,
      verifyOnly: bool.default(false),
      topics,
    }).since(4),
    v3AndBelowTransactionalId: string.until(3),
    v3AndBelowProducerId: int64.until(3),
    v3AndBelowProducerEpoch: int16.until(3),
    v3AndBelowTopics: topics.until(3),
  },
  response: {
    throttleTimeMs,
    errorCode: errorCode.since(4),
    resultsByTransaction: array({ transactionalId: string, topicResults }).since(4),
    resultsByTopicV3AndBelow: topicResults.until(3),
  },
})
export type AddPartitionsToTxnRequest = RequestOf<typeof AddPartitionsToTxn>
export type AddPartitionsToTxnResponse = ResponseOf<typeof AddPartitionsToTxn>
