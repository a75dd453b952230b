import {
  api,
  array,
  bool,
  errorCode,
  int32,
  int64,
  int8,
  string,
  struct,
  throttleTimeMs,
  uuid,
} from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** A share consumer says what became of the records it acquired (KIP-932). v2 can renew their lock (KIP-1222). */
export const ShareAcknowledge = api({
  key: 79,
  name: 'ShareAcknowledge',
  versions: [1, 2],
  flexible: 1,
  request: {
    groupId: string.nullable().default(null),
    memberId: string.nullable(),
    /** One more than in the session's request before; -1 closes the share session. */
    shareSessionEpoch: int32,
    /** Some of the acknowledgements renew locks. */
    isRenewAck: bool.default(false).since(2),
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
  },
  response: {
    throttleTimeMs,
    errorCode,
    errorMessage: string.nullable().default(null),
    /** How long the renewed records are the member's. */
    acquisitionLockTimeoutMs: int32.since(2),
    responses: array({
      topicId: uuid,
      partitions: array({
        partitionIndex: int32,
        errorCode,
        errorMessage: string.nullable().default(null),
        /** Counts with NOT_LEADER_OR_FOLLOWER; -1 when unknown. */
        currentLeader: struct({ leaderId: int32, leaderEpoch: int32 }),
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

export type ShareAcknowledgeRequest = RequestOf<typeof ShareAcknowledge>
export type ShareAcknowledgeResponse = ResponseOf<typeof ShareAcknowledge>
