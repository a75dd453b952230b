import { api, array, bool, errorCode, int32, string, uuid, wideInt64 } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * What groups have committed; null in place of topics asks for all (from v2 on).
 *
 * One group up to v7, several from v8 on (KIP-709). v5 has leader epochs (KIP-320), v7 may insist on offsets without a
 * pending transaction (KIP-447), v9 serves the consumer protocol too (KIP-848), v10 names topics by id.
 */
export const OffsetFetch = api({
  key: 9,
  name: 'OffsetFetch',
  versions: [1, 10],
  flexible: 6,
  request: {
    groupId: string.until(7),
    topics: array({ name: string, partitionIndexes: array(int32) })
      .nullable(2, 7)
      .until(7),
    groups: array({
      groupId: string,
      memberId: string.nullable(9).default(null).since(9),
      memberEpoch: int32.default(-1).since(9),
      topics: array({
        name: string.until(9),
        topicId: uuid.since(10),
        partitionIndexes: array(int32),
      }).nullable(),
    }).since(8),
    /** Answer UNSTABLE_OFFSET_COMMIT while a transaction that commits offsets is open. */
    requireStable: bool.default(false).since(7),
  },
  response: {
    throttleTimeMs: int32.since(3),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        committedOffset: wideInt64,
        committedLeaderEpoch: int32.default(-1).since(5),
        metadata: string.nullable(),
        errorCode,
      }),
    }).until(7),
    errorCode: errorCode.default('NONE').since(2).until(7),
    groups: array({
      groupId: string,
      topics: array({
        name: string.until(9),
        topicId: uuid.since(10),
        partitions: array({
          partitionIndex: int32,
          /** -1 for none, with an error or without. */
          committedOffset: wideInt64,
          committedLeaderEpoch: int32.default(-1),
          metadata: string.nullable(),
          errorCode,
        }),
      }),
      errorCode: errorCode.default('NONE'),
    }).since(8),
  },
})
export type OffsetFetchRequest = RequestOf<typeof OffsetFetch>
export type OffsetFetchResponse = ResponseOf<typeof OffsetFetch>
