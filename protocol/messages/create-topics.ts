import {
  api,
  array,
  bool,
  errorCode,
  int16,
  int32,
  int8,
  string,
  throttleTimeMs,
  uuid,
} from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * Creates topics.
 *
 * From v4 on -1 leaves the number of partitions or the replication factor to the broker (KIP-464). v5 returns what was
 * created with its configuration (KIP-525), v6 may answer THROTTLING_QUOTA_EXCEEDED (KIP-599), v7 returns the topic's id.
 */
export const CreateTopics = api({
  key: 19,
  name: 'CreateTopics',
  versions: [2, 7],
  flexible: 5,
  listeners: ['broker', 'controller'],
  request: {
    topics: array({
      name: string,
      /** -1 with assignments, or for the broker's default. */
      numPartitions: int32,
      /** -1 with assignments, or for the broker's default. */
      replicationFactor: int16,
      assignments: array({ partitionIndex: int32, brokerIds: array(int32) }),
      configs: array({ name: string, value: string.nullable() }),
    }),
    timeoutMs: int32.default(60_000),
    validateOnly: bool.default(false),
  },
  response: {
    throttleTimeMs,
    topics: array({
      name: string,
      topicId: uuid.since(7),
      errorCode,
      errorMessage: string.nullable(),
      /** Why `configs` is null, when the client may not read them. */
      topicConfigErrorCode: errorCode.since(5).tagged(0),
      numPartitions: int32.default(-1).since(5),
      replicationFactor: int16.default(-1).since(5),
      configs: array({
        name: string,
        value: string.nullable(),
        readOnly: bool,
        configSource: int8.default(-1),
        isSensitive: bool,
      })
        .nullable(5)
        .since(5),
    }),
  },
})
export type CreateTopicsRequest = RequestOf<typeof CreateTopics>
export type CreateTopicsResponse = ResponseOf<typeof CreateTopics>
