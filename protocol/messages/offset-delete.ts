import { api, array, errorCode, int32, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Deletes a group's committed offsets of partitions that none of its members reads (KIP-496). Never flexible. */
export const OffsetDelete = api({
  key: 47,
  name: 'OffsetDelete',
  versions: [0, 0],
  request: {
    groupId: string,
    topics: array({ name: string, partitions: array({ partitionIndex: int32 }) }),
  },
  response: {
    /** Of the whole request; then there are no topics. */
    errorCode,
    throttleTimeMs,
    topics: array({ name: string, partitions: array({ partitionIndex: int32, errorCode }) }),
  },
})

export type OffsetDeleteRequest = RequestOf<typeof OffsetDelete>
export type OffsetDeleteResponse = ResponseOf<typeof OffsetDelete>
