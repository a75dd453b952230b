import {
  api,
  array,
  errorCode,
  int16,
  int32,
  int64,
  records,
  string,
  struct,
  throttleTimeMs,
  uuid,
} from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * A producer appends record batches to partitions; with acks=0 there is no response at all.
 *
 * Versions 0-2 don't exist any more but are advertised, as librdkafka looks for them (KAFKA-18659). From v7 on batches may
 * be compressed with zstd (KIP-110). From v12 on a transactional produce adds its partitions to the transaction by itself
 * (KIP-890). v13 names topics by id (KIP-516).
 */
export const Produce = api({
  key: 0,
  name: 'Produce',
  versions: [3, 13],
  flexible: 9,
  request: {
    transactionalId: string.nullable().default(null),
    /** Who must have the batch before the answer: 0 nobody (no answer), 1 the leader, -1 all in-sync replicas. */
    acks: int16,
    timeoutMs: int32,
    topicData: array({
      name: string.until(12),
      topicId: uuid.since(13),
      partitionData: array({ index: int32, records: records.nullable() }),
    }),
  },
  response: {
    responses: array({
      name: string.until(12),
      topicId: uuid.since(13),
      partitionResponses: array({
        index: int32,
        errorCode,
        baseOffset: int64,
        /** The broker's clock for topics with LogAppendTime, else -1. */
        logAppendTimeMs: int64.default(-1),
        logStartOffset: int64.default(-1).since(5),
        /** KIP-467: the records for which the batch was refused, by their place in it. */
        recordErrors: array({
          batchIndex: int32,
          batchIndexErrorMessage: string.nullable().default(null),
        }).since(8),
        errorMessage: string.nullable().default(null).since(8),
        /** KIP-951: where to go instead, with NOT_LEADER_OR_FOLLOWER. */
        currentLeader: struct({ leaderId: int32.default(-1), leaderEpoch: int32.default(-1) })
          .since(10)
          .tagged(0),
      }),
    }),
    throttleTimeMs,
    /** KIP-951: addresses of the current leaders above. */
    nodeEndpoints: array({
      nodeId: int32,
      host: string,
      port: int32,
      rack: string.nullable().default(null),
    })
      .since(10)
      .tagged(0),
  },
})
export type ProduceRequest = RequestOf<typeof Produce>
export type ProduceResponse = ResponseOf<typeof Produce>
