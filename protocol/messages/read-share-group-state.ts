import { api, array, errorCode, int16, int32, int64, int8, string, uuid } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** The leader of share-partitions loads their state from a share coordinator, which fences older leaders (KIP-932). */
export const ReadShareGroupState = api({
  key: 84,
  name: 'ReadShareGroupState',
  versions: [0, 0],
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
        /** -1: left open so far. */
        startOffset: int64,
        stateBatches: array({
          firstOffset: int64,
          /** Inclusive. */
          lastOffset: int64,
          /** 0 available, 2 acknowledged, 4 archived. */
          deliveryState: int8,
          deliveryCount: int16,
        }),
      }),
    }),
  },
})

export type ReadShareGroupStateRequest = RequestOf<typeof ReadShareGroupState>
export type ReadShareGroupStateResponse = ResponseOf<typeof ReadShareGroupState>
