import { api, array, errorCode, int32, string, uuid, saturatedInt64, wideInt64 } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * A group stores how far it has read.
 *
 * v6 has the leader epoch of the last record read (KIP-320), v7 static members (KIP-345). v9 serves the consumer protocol
 * too and may answer GROUP_ID_NOT_FOUND and STALE_MEMBER_EPOCH (KIP-848). v10 names topics by id.
 */
export const OffsetCommit = api({
  key: 8,
  name: 'OffsetCommit',
  versions: [2, 10],
  flexible: 8,
  request: {
    groupId: string,
    /** -1 outside a generation: a client that assigns its partitions itself, or an administrator. */
    generationIdOrMemberEpoch: int32.default(-1),
    memberId: string,
    groupInstanceId: string.nullable(7).default(null).since(7),
    /** -1 for the broker's own setting, which is all there is from v5 on. */
    retentionTimeMs: saturatedInt64.default(-1).until(4),
    topics: array({
      name: string.until(9),
      topicId: uuid.since(10),
      partitions: array({
        partitionIndex: int32,
        committedOffset: wideInt64,
        committedLeaderEpoch: int32.default(-1).since(6),
        committedMetadata: string.nullable(),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32.since(3),
    topics: array({
      name: string.until(9),
      topicId: uuid.since(10),
      partitions: array({ partitionIndex: int32, errorCode }),
    }),
  },
})
export type OffsetCommitRequest = RequestOf<typeof OffsetCommit>
export type OffsetCommitResponse = ResponseOf<typeof OffsetCommit>
