import { api, array, errorCode, string, throttleTimeMs, uuid } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Has an empty share group forget topics (KIP-932). */
export const DeleteShareGroupOffsets = api({
  key: 92,
  name: 'DeleteShareGroupOffsets',
  versions: [0, 0],
  flexible: 0,
  request: { groupId: string, topics: array({ topicName: string }) },
  response: {
    throttleTimeMs,
    errorCode,
    errorMessage: string.nullable().default(null),
    responses: array({
      topicName: string,
      topicId: uuid,
      errorCode,
      errorMessage: string.nullable().default(null),
    }),
  },
})

export type DeleteShareGroupOffsetsRequest = RequestOf<typeof DeleteShareGroupOffsets>
export type DeleteShareGroupOffsetsResponse = ResponseOf<typeof DeleteShareGroupOffsets>
