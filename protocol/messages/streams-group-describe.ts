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
import { topologyDescription } from './streams-group-topology-description-update.ts'

const keyValue = { key: string, value: string }
const topicInfo = {
  name: string,
  /** 0 where the number is left open; always so for changelog topics. */
  partitions: int32,
  /** 0 for the cluster's default. */
  replicationFactor: int16,
  topicConfigs: array(keyValue),
}
const taskOffset = { subtopologyId: string, partition: int32, offset: int64 }
const taskIds = { subtopologyId: string, partitions: array(int32) }
const assignment = {
  activeTasks: array(taskIds),
  standbyTasks: array(taskIds),
  warmupTasks: array(taskIds),
}

/**
 * Kafka Streams groups with their topology and members (KIP-1071). v1 has the description of the topology (KIP-1331) and
 * the assignor (KIP-1357).
 */
export const StreamsGroupDescribe = api({
  key: 89,
  name: 'StreamsGroupDescribe',
  versions: [0, 1],
  flexible: 0,
  request: {
    groupIds: array(string),
    includeAuthorizedOperations: bool,
    includeTopologyDescription: bool.default(false).since(1),
  },
  response: {
    throttleTimeMs,
    groups: array({
      errorCode,
      errorMessage: string.nullable().default(null),
      groupId: string,
      groupState: string,
      groupEpoch: int32,
      assignmentEpoch: int32,
      /** Null with an error. */
      topology: struct({
        epoch: int32,
        /** With numbers of partitions and patterns resolved; null while topics are missing or wrongly partitioned. */
        subtopologies: array({
          subtopologyId: string,
          sourceTopics: array(string),
          repartitionSinkTopics: array(string),
          stateChangelogTopics: array(topicInfo),
          repartitionSourceTopics: array(topicInfo),
        })
          .nullable()
          .default(null),
      })
        .nullable()
        .default(null),
      members: array({
        memberId: string,
        memberEpoch: int32,
        instanceId: string.nullable().default(null),
        rackId: string.nullable().default(null),
        clientId: string,
        clientHost: string,
        topologyEpoch: int32,
        processId: string,
        userEndpoint: struct({ host: string, port: uint16 }).nullable().default(null),
        clientTags: array(keyValue),
        taskOffsets: array(taskOffset),
        taskEndOffsets: array(taskOffset),
        /** What it owns. */
        assignment: struct(assignment),
        /** What it shall own. */
        targetAssignment: struct(assignment),
        /** It still speaks the classic protocol. */
        isClassic: bool,
      }),
      /** One bit for each AclOperation. */
      authorizedOperations: int32.default(-2147483648),
      /** Not null only with status 3. */
      topologyDescription: struct(topologyDescription).nullable(1).default(null).since(1),
      /** 0 not asked for, 1 none is stored, 2 it could not be got, 3 it is here. */
      topologyDescriptionStatus: int8.default(0).since(1),
      /** The one of the next assignment; null with an error. */
      assignorName: string.nullable(1).default(null).since(1),
    }),
  },
})

export type StreamsGroupDescribeRequest = RequestOf<typeof StreamsGroupDescribe>
export type StreamsGroupDescribeResponse = ResponseOf<typeof StreamsGroupDescribe>
