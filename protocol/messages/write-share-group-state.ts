import { api, array, errorCode, int16, int32, int64, int8, string, uuid } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** The leader of share-partitions saves what changed in their state at a share coordinator (KIP-932). */
export const WriteShareGroupState = api({
  key: 85,
  name: 'WriteShareGroupState',
  versions: [0, 1],
  flexible: 0,
  request: {
    groupId: string,
    topics: array({
      topicId: uuid,
      partitions: array({
        partition: int32,
        stateEpoch: int32,
        leaderEpoch: int32,
        /** -1: unchanged. */
        startOffset: int64,
        /** How many offsets from `startOffset` on are done with (KIP-1226); -1 when unknown. */
        deliveryCompleteCount: int32.default(-1).since(1),
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
  response: {
    results: array({
      topicId: uuid,
      partitions: array({
        partition: int32,
        errorCode,
        errorMessage: string.nullable().default(null),
      }),
    }),
  },
})

export type WriteShareGroupStateRequest = RequestOf<typeof WriteShareGroupState>
export type WriteShareGroupStateResponse = ResponseOf<typeof WriteShareGroupState>
