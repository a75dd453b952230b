import { api, array, errorCode, int32, int64, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * Where a leader epoch ended, so that a follower or consumer finds where its log parts from the leader's (KIP-101,
 * KIP-320).
 */
export const OffsetForLeaderEpoch = api({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  versions: [2, 4],
  flexible: 4,
  request: {
    /** A follower's broker id, -1 for a consumer, -2 for a debugging tool, which may see past the high watermark. */
    replicaId: int32.default(-2).since(3),
    topics: array({
      topic: string,
      partitions: array({
        partition: int32,
        /** The epoch in which the asker believes the leader to be; -1 to skip the fencing. */
        currentLeaderEpoch: int32.default(-1),
        leaderEpoch: int32,
      }),
    }),
  },
  response: {
    throttleTimeMs,
    topics: array({
      topic: string,
      partitions: array({
        errorCode,
        partition: int32,
        /** The largest epoch known that is not above the one asked for; -1 for none. */
        leaderEpoch: int32.default(-1),
        /** The offset after that epoch's last record; -1 for none. */
        endOffset: int64.default(-1),
      }),
    }),
  },
})
export type OffsetForLeaderEpochRequest = RequestOf<typeof OffsetForLeaderEpoch>
export type OffsetForLeaderEpochResponse = ResponseOf<typeof OffsetForLeaderEpoch>
