import { api, array, errorCode, int32, int64, string, throttleTimeMs, uuid } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Where share groups stand in their partitions (KIP-932). v1 tells their lag (KIP-1226). */
export const DescribeShareGroupOffsets = api({
  key: 90,
  name: 'DescribeShareGroupOffsets',
  versions: [0, 1],
  flexible: 0,
  request: {
    groups: array({
      groupId: string,
      /** Null for all. */
      topics: array({ topicName: string, partitions: array(int32) }).nullable(),
    }),
  },
  response: {
    throttleTimeMs,
    groups: array({
      groupId: string,
      topics: array({
        topicName: string,
        topicId: uuid,
        partitions: array({
          partitionIndex: int32,
          startOffset: int64,
          leaderEpoch: int32,
          /** Records not yet done with; -1 when unknown. */
          lag: int64.default(-1).since(1),
          errorCode,
          errorMessage: string.nullable().default(null),
        }),
      }),
      errorCode,
      errorMessage: string.nullable().default(null),
    }),
  },
})

export type DescribeShareGroupOffsetsRequest = RequestOf<typeof DescribeShareGroupOffsets>
export type DescribeShareGroupOffsetsResponse = ResponseOf<typeof DescribeShareGroupOffsets>
