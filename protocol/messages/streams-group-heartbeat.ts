import {
  api,
  array,
  bool,
  errorCode,
  int16,
  int32,
  int64,
  int8,
  string,
  struct,
  throttleTimeMs,
  uint16,
} from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

const keyValue = { key: string, value: string }
const topicInfo = {
  name: string,
  /** 0 where the number is left open; always so for changelog topics. */
  partitions: int32,
  /** 0 for the cluster's default. */
  replicationFactor: int16,
  topicConfigs: array(keyValue),
}
const endpoint = { host: string, port: uint16 }
const taskOffset = { subtopologyId: string, partition: int32, offset: int64 }
const taskIds = { subtopologyId: string, partitions: array(int32) }
const topicPartition = { topic: string, partitions: array(int32) }

/**
 * A member of a Kafka Streams group joins, stays and leaves, and gets its tasks (KIP-1071). Fields that are null (or -1)
 * are unchanged since its last heartbeat, or the answer to it.
 *
 * v1 lets the broker ask for the topology's description (KIP-1331) and say that client tags are missing.
 */
export const StreamsGroupHeartbeat = api({
  key: 88,
  name: 'StreamsGroupHeartbeat',
  versions: [0, 1],
  flexible: 0,
  request: {
    groupId: string,
    /** Made up by the client. */
    memberId: string,
    /** 0 joins, -1 leaves, -2 leaves for a while (static members). */
    memberEpoch: int32,
    /** The last one that the member was told. */
    endpointInformationEpoch: int32,
    instanceId: string.nullable().default(null),
    rackId: string.nullable().default(null),
    /** How long the member may take to give up tasks. */
    rebalanceTimeoutMs: int32.default(-1),
    /** Given when joining, and then not empty. */
    topology: struct({
      /** Which of the application's topologies: all members must have the group's. */
      epoch: int32,
      subtopologies: array({
        subtopologyId: string,
        sourceTopics: array(string),
        sourceTopicRegex: array(string),
        stateChangelogTopics: array(topicInfo),
        repartitionSinkTopics: array(string),
        repartitionSourceTopics: array(topicInfo),
        /** Topics that must have equally many partitions, as positions in the three lists of the same names above. */
        copartitionGroups: array({
          sourceTopics: array(int16),
          sourceTopicRegex: array(int16),
          repartitionSourceTopics: array(int16),
        }),
      }),
    })
      .nullable()
      .default(null),
    activeTasks: array(taskIds).nullable().default(null),
    standbyTasks: array(taskIds).nullable().default(null),
    warmupTasks: array(taskIds).nullable().default(null),
    /** The same for all members in one process. */
    processId: string.nullable().default(null),
    /** Where the application answers interactive queries. */
    userEndpoint: struct(endpoint).nullable().default(null),
    clientTags: array(keyValue).nullable().default(null),
    /** How far the tasks' changelogs are restored, and their ends. */
    taskOffsets: array(taskOffset).nullable().default(null),
    taskEndOffsets: array(taskOffset).nullable().default(null),
    /** Asks for the end of the whole application. */
    shutdownApplication: bool.default(false),
  },
  response: {
    throttleTimeMs,
    errorCode,
    errorMessage: string.nullable().default(null),
    memberId: string,
    memberEpoch: int32,
    heartbeatIntervalMs: int32,
    /** The same as `acceptableRecoveryLag`, in 32 bits. */
    acceptableRecoveryLagLegacy: int32.until(0),
    taskOffsetIntervalMs: int32,
    /** Within how many offsets of the end a warm-up task counts as caught up; -1: the broker doesn't say. */
    acceptableRecoveryLag: int64.default(-1).since(1),
    status: array({
      /**
       * 0 stale topology, 1 missing source topics, 2 wrongly partitioned topics, 3 missing internal topics,
       * 4 the application shall shut down, 5 the assignment is late, 6 client tags are missing (from v1 on).
       */
      statusCode: int8,
      statusDetail: string,
    }).nullable(),
    activeTasks: array(taskIds).nullable().default(null),
    standbyTasks: array(taskIds).nullable().default(null),
    warmupTasks: array(taskIds).nullable().default(null),
    /** The member is to send StreamsGroupTopologyDescriptionUpdate. */
    topologyDescriptionRequired: bool.default(false).since(1),
    endpointInformationEpoch: int32,
    /** Who answers interactive queries for which partitions; one entry a member. */
    partitionsByUserEndpoint: array({
      userEndpoint: struct(endpoint),
      activePartitions: array(topicPartition),
      standbyPartitions: array(topicPartition),
    })
      .nullable()
      .default(null),
  },
})

export type StreamsGroupHeartbeatRequest = RequestOf<typeof StreamsGroupHeartbeat>
export type StreamsGroupHeartbeatResponse = ResponseOf<typeof StreamsGroupHeartbeat>
