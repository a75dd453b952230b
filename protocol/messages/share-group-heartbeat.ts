import { api, array, errorCode, int32, string, struct, throttleTimeMs, uuid } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** A member of a share group joins, stays and leaves (KIP-932). Null fields are unchanged since its last heartbeat. */
export const ShareGroupHeartbeat = api({
  key: 76,
  name: 'ShareGroupHeartbeat',
  versions: [1, 1],
  flexible: 1,
  request: {
    groupId: string,
    /** Made up by the client. */
    memberId: string,
    /** 0 joins, -1 leaves. */
    memberEpoch: int32,
    rackId: string.nullable().default(null),
    subscribedTopicNames: array(string).nullable().default(null),
  },
  response: {
    throttleTimeMs,
    errorCode,
    errorMessage: string.nullable().default(null),
    memberId: string.nullable().default(null),
    memberEpoch: int32,
    heartbeatIntervalMs: int32,
    /** Null when unchanged. */
    assignment: struct({ topicPartitions: array({ topicId: uuid, partitions: array(int32) }) })
      .nullable()
      .default(null),
  },
})

export type ShareGroupHeartbeatRequest = RequestOf<typeof ShareGroupHeartbeat>
export type ShareGroupHeartbeatResponse = ResponseOf<typeof ShareGroupHeartbeat>
