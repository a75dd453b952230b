import { api, array, errorCode, int32, string, struct, throttleTimeMs, uuid } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

const topicPartitions = { topicId: uuid, partitions: array(int32) }

/**
 * A member of a KIP-848 group joins, stays, acknowledges and leaves: all with this. Fields that are null (or -1) are
 * unchanged since its last heartbeat. v1 can subscribe by a pattern, and the client makes up its member id (KIP-1082).
 */
export const ConsumerGroupHeartbeat = api({
  key: 68,
  name: 'ConsumerGroupHeartbeat',
  versions: [0, 1],
  flexible: 0,
  request: {
    groupId: string,
    /** In v0 '' when joining: the coordinator then makes one up. */
    memberId: string,
    /** 0 joins, -1 leaves, -2 leaves for a while (static members, KIP-345). */
    memberEpoch: int32,
    instanceId: string.nullable().default(null),
    rackId: string.nullable().default(null),
    /** How long the member may take to give up partitions. */
    rebalanceTimeoutMs: int32.default(-1),
    subscribedTopicNames: array(string).nullable().default(null),
    /** In RE2's syntax. */
    subscribedTopicRegex: string.nullable(1).default(null).since(1),
    serverAssignor: string.nullable().default(null),
    /** What the member owns. */
    topicPartitions: array(topicPartitions).nullable().default(null),
  },
  response: {
    throttleTimeMs,
    errorCode,
    errorMessage: string.nullable().default(null),
    memberId: string.nullable().default(null),
    memberEpoch: int32,
    heartbeatIntervalMs: int32,
    /** All that the member may own now; null when unchanged. */
    assignment: struct({ topicPartitions: array(topicPartitions) })
      .nullable()
      .default(null),
  },
})

export type ConsumerGroupHeartbeatRequest = RequestOf<typeof ConsumerGroupHeartbeat>
export type ConsumerGroupHeartbeatResponse = ResponseOf<typeof ConsumerGroupHeartbeat>
