import { api, array, errorCode, int32, string, throttleTimeMs, uuid } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * Deletes topics: by name up to v5, by name or id from v6 on (KIP-516).
 *
 * v3 may answer TOPIC_DELETION_DISABLED, v5 THROTTLING_QUOTA_EXCEEDED (KIP-599).
 */
export const DeleteTopics = api({
  key: 20,
  name: 'DeleteTopics',
  versions: [1, 6],
  flexible: 4,
  listeners: ['broker', 'controller'],
  request: {
    topics: array({ name: string.nullable().default(null), topicId: uuid }).since(6),
    topicNames: array(string).until(5),
    timeoutMs: int32,
  },
  response: {
    throttleTimeMs,
    responses: array({
      name: string.nullable(6),
      topicId: uuid.since(6),
      errorCode,
      errorMessage: string.nullable(5).default(null).since(5),
    }),
  },
})
export type DeleteTopicsRequest = RequestOf<typeof DeleteTopics>
export type DeleteTopicsResponse = ResponseOf<typeof DeleteTopics>
