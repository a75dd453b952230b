import {
  api,
  array,
  errorCode,
  int16,
  int32,
  int64,
  string,
  throttleTimeMs,
  uuid,
} from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * Offsets that count once their transaction commits.
 *
 * v2 has the leader epoch of the last record read (KIP-320), v3 the member, who is fenced with its generation (KIP-447).
 * v4 may answer TRANSACTION_ABORTABLE. From v5 on the offsets join the transaction by themselves (KIP-890).
 * v6 has topic ids in place of names (KIP-1319).
 */
export const TxnOffsetCommit = api({
  key: 28,
  name: 'TxnOffsetCommit',
  versions: [0, 6],
  flexible: 3,
  request: {
    transactionalId: string,
    groupId: string,
    producerId: int64,
    producerEpoch: int16,
    /** -1 with an empty member id: no fencing. */
    generationIdOrMemberEpoch: int32.default(-1).since(3),
    memberId: string.default('').since(3),
    groupInstanceId: string.nullable(3).default(null).since(3),
    topics: array({
      name: string.until(5),
      topicId: uuid.since(6),
      partitions: array({
        partitionIndex: int32,
        committedOffset: int64,
        committedLeaderEpoch: int32.default(-1).since(2),
        committedMetadata: string.nullable(),
      }),
    }),
  },
  response: {
    throttleTimeMs,
    topics: array({
      name: string.until(5),
      topicId: uuid.since(6),
      partitions: array({ partitionIndex: int32, errorCode }),
    }),
  },
})
export type TxnOffsetCommitRequest = RequestOf<typeof TxnOffsetCommit>
export type TxnOffsetCommitResponse = ResponseOf<typeof TxnOffsetCommit>
