import { api, array, errorCode, int32, int64, string, uuid } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** As ReadShareGroupState, without the batches: what a group coordinator needs to answer for offsets (KIP-932). */
export const ReadShareGroupStateSummary = api({
  key: 87,
  name: 'ReadShareGroupStateSummary',
  versions: [0, 1],
  flexible: 0,
  request: {
    groupId: string,
    topics: array({
      topicId: uuid,
      partitions: array({ partition: int32, leaderEpoch: int32 }),
    }),
  },
  response: {
    results: array({
      topicId: uuid,
      partitions: array({
        partition: int32,
        errorCode,
        errorMessage: string.nullable().default(null),
        stateEpoch: int32,
        leaderEpoch: int32,
        startOffset: int64,
        /** How many offsets from `startOffset` on are done with (KIP-1226); -1 when unknown. */
        deliveryCompleteCount: int32.default(-1).since(1),
      }),
    }),
  },
})

export type ReadShareGroupStateSummaryRequest = RequestOf<typeof ReadShareGroupStateSummary>
export type ReadShareGroupStateSummaryResponse = ResponseOf<typeof ReadShareGroupStateSummary>
