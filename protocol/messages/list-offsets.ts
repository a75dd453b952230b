import { api, array, bigInt64, errorCode, int32, int64, int8, string } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * Finds offsets by timestamp: the first record at or after a time, or one of the named ends of the log.
 *
 * v2 knows isolation levels, v4 fences by leader epoch (KIP-320), v5 may answer OFFSET_NOT_AVAILABLE, and v10 has a
 * deadline for lookups in remote storage (KIP-1075). The names for ends come with versions: see `timestamp`.
 */
export const ListOffsets = api({
  key: 2,
  name: 'ListOffsets',
  versions: [1, 11],
  flexible: 6,
  request: {
    /** A follower's broker id, -1 for a consumer, -2 for a debugging tool. */
    replicaId: int32,
    isolationLevel: int8.since(2),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        currentLeaderEpoch: int32.default(-1).since(4),
        /**
         * Milliseconds, or -1 the end, -2 the start, -3 the record with the largest timestamp (v7, KIP-734), -4 the start
         * of the local log (v8, KIP-405), -5 the last tiered offset (v9, KIP-1005), -6 the first one still to be tiered
         * (v11, KIP-1023).
         */
        timestamp: bigInt64,
      }),
    }),
    timeoutMs: int32.since(10),
  },
  response: {
    throttleTimeMs: int32.since(2),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        errorCode,
        /** The found record's, in milliseconds; -1 for the ends and when nothing was found. */
        timestamp: bigInt64.default(-1n),
        offset: int64.default(-1),
        leaderEpoch: int32.default(-1).since(4),
      }),
    }),
  },
})
export type ListOffsetsRequest = RequestOf<typeof ListOffsets>
export type ListOffsetsResponse = ResponseOf<typeof ListOffsets>
