import { api, array, errorCode, int32, int64, string, throttleTimeMs, uuid } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Sets where an empty share group stands in partitions (KIP-932). */
export const AlterShareGroupOffsets = api({
  key: 91,
  name: 'AlterShareGroupOffsets',
  versions: [0, 0],
  flexible: 0,
  request: {
    groupId: string,
    topics: array({
      topicName: string,
      partitions: array({ partitionIndex: int32, startOffset: int64 }),
    }),
  },
  response: {
    throttleTimeMs,
    errorCode,
    errorMessage: string.nullable().default(null),
    responses: array({
      topicName: string,
      topicId: uuid,
      partitions: array({
        partitionIndex: int32,
        errorCode,
        errorMessage: string.nullable().default(null),
      }),
    }),
  },
})

export type AlterShareGroupOffsetsRequest = RequestOf<typeof AlterShareGroupOffsets>
export type AlterShareGroupOffsetsResponse = ResponseOf<typeof AlterShareGroupOffsets>
