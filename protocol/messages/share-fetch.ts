import {
  api,
  array,
  bool,
  errorCode,
  int16,
  int32,
  int64,
  int8,
  records,
  string,
  struct,
  throttleTimeMs,
  uuid,
} from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * A share consumer acquires records, and acknowledges earlier ones on the way (KIP-932). v2 has modes of acquiring
 * (KIP-1206) and renews the lock of records that take longer (KIP-1222).
 */
export const ShareFetch = api({
  key: 78,
  name: 'ShareFetch',
  versions: [1, 2],
  flexible: 1,
  request: {
    groupId: string.nullable().default(null),
    memberId: string.nullable(),
    /** 0 opens the share session, -1 closes it, else one more than in the request before. */
    shareSessionEpoch: int32,
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: int32.default(0x7fffffff),
    /** Exceeded where a batch would be cut, unless `shareAcquireMode` says otherwise. */
    maxRecords: int32,
    /** The wanted number of records in each batch of `acquiredRecords`. */
    batchSize: int32,
    /** 0 whole batches, 1 never more than `maxRecords`. */
    shareAcquireMode: int8.default(0).since(2),
    /** The acknowledgements renew locks; then nothing is fetched. */
    isRenewAck: bool.default(false).since(2),
    /** What changed since the session's request before. */
    topics: array({
      topicId: uuid,
      partitions: array({
        partitionIndex: int32,
        acknowledgementBatches: array({
          firstOffset: int64,
          /** Inclusive. */
          lastOffset: int64,
          /** One for all or one for each offset: 0 gap, 1 accept, 2 release, 3 reject, 4 renew (v2). */
          acknowledgeTypes: array(int8),
        }),
      }),
    }),
    forgottenTopicsData: array({ topicId: uuid, partitions: array(int32) }),
  },
  response: {
    throttleTimeMs,
    errorCode,
    errorMessage: string.nullable().default(null),
    /** How long the acquired records are the member's. */
    acquisitionLockTimeoutMs: int32,
    responses: array({
      topicId: uuid,
      partitions: array({
        partitionIndex: int32,
        /** Of the fetch. */
        errorCode,
        errorMessage: string.nullable().default(null),
        acknowledgeErrorCode: errorCode,
        acknowledgeErrorMessage: string.nullable().default(null),
        /** Counts with NOT_LEADER_OR_FOLLOWER; -1 when unknown. */
        currentLeader: struct({ leaderId: int32, leaderEpoch: int32 }),
        /** Whole batches: more than what was acquired. */
        records,
        acquiredRecords: array({
          firstOffset: int64,
          /** Inclusive. */
          lastOffset: int64,
          deliveryCount: int16,
        }),
      }),
    }),
    /** Where the current leaders are. */
    nodeEndpoints: array({
      nodeId: int32,
      host: string,
      port: int32,
      rack: string.nullable().default(null),
    }),
  },
})

export type ShareFetchRequest = RequestOf<typeof ShareFetch>
export type ShareFetchResponse = ResponseOf<typeof ShareFetch>
