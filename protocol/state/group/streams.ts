import {
  array,
  bigInt64,
  int16,
  int32,
  int64,
  int8,
  message,
  string,
  struct,
  uint16,
} from '../../schema.ts'

// KIP-1071: groups of Kafka Streams, whose tasks the coordinator assigns.

export const StreamsGroupMetadataKey = message({
  key: 17,
  name: 'StreamsGroupMetadataKey',
  versions: [0, 0],
  fields: { groupId: string },
})

export const StreamsGroupMetadataValue = message({
  key: 17,
  name: 'StreamsGroupMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    epoch: int32,
    /** As in consumer groups: a 64-bit hash over the topics. */
    metadataHash: bigInt64,
    /** The last topology whose topics were found to exist as it needs them. */
    validatedTopologyEpoch: int32.default(-1).tagged(0),
    /** The group settings that the last assignment was made with. */
    lastAssignmentConfigs: array({ key: string, value: string }).nullable().tagged(1),
    /** KIP-1331: the topology whose description the plug-in holds; -1 none, -2 not known for sure. */
    storedDescriptionTopologyEpoch: int32.default(-1).tagged(2),
    /** The topology whose description the plug-in refused for good; -1 none. */
    failedDescriptionTopologyEpoch: int32.default(-1).tagged(3),
  },
})

export const StreamsGroupMemberMetadataKey = message({
  key: 19,
  name: 'StreamsGroupMemberMetadataKey',
  versions: [0, 0],
  fields: { groupId: string, memberId: string },
})

export const StreamsGroupMemberMetadataValue = message({
  key: 19,
  name: 'StreamsGroupMemberMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    instanceId: string.nullable(),
    rackId: string.nullable(),
    clientId: string,
    clientHost: string,
    rebalanceTimeoutMs: int32.default(-1),
    topologyEpoch: int32,
    /** One process may run several members. */
    processId: string,
    /** Where the application answers interactive queries. */
    userEndpoint: struct({ host: string, port: uint16 }).nullable().default(null),
    clientTags: array({ key: string, value: string }),
  },
})

export const StreamsGroupTargetAssignmentMetadataKey = message({
  key: 20,
  name: 'StreamsGroupTargetAssignmentMetadataKey',
  versions: [0, 0],
  fields: { groupId: string },
})

export const StreamsGroupTargetAssignmentMetadataValue = message({
  key: 20,
  name: 'StreamsGroupTargetAssignmentMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    assignmentEpoch: int32,
    /** ms since 1970 */
    assignmentTimestamp: int64.tagged(0),
  },
})

export const StreamsGroupTargetAssignmentMemberKey = message({
  key: 21,
  name: 'StreamsGroupTargetAssignmentMemberKey',
  versions: [0, 0],
  fields: { groupId: string, memberId: string },
})

const targetTasks = { subtopologyId: string, partitions: array(int32) }

export const StreamsGroupTargetAssignmentMemberValue = message({
  key: 21,
  name: 'StreamsGroupTargetAssignmentMemberValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    activeTasks: array(targetTasks),
    standbyTasks: array(targetTasks),
    warmupTasks: array(targetTasks),
  },
})

export const StreamsGroupCurrentMemberAssignmentKey = message({
  key: 22,
  name: 'StreamsGroupCurrentMemberAssignmentKey',
  versions: [0, 0],
  fields: { groupId: string, memberId: string },
})

const ownedTasks = {
  subtopologyId: string,
  partitions: array(int32),
  /** In the order of `partitions`; for active tasks only. */
  assignmentEpochs: array(int32).nullable().tagged(0),
}

export const StreamsGroupCurrentMemberAssignmentValue = message({
  key: 22,
  name: 'StreamsGroupCurrentMemberAssignmentValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    memberEpoch: int32,
    previousMemberEpoch: int32,
    state: int8,
    activeTasks: array(ownedTasks),
    standbyTasks: array(ownedTasks),
    warmupTasks: array(ownedTasks),
    activeTasksPendingRevocation: array(ownedTasks),
    standbyTasksPendingRevocation: array(ownedTasks),
    warmupTasksPendingRevocation: array(ownedTasks),
  },
})

export const StreamsGroupTopologyKey = message({
  key: 23,
  name: 'StreamsGroupTopologyKey',
  versions: [0, 0],
  fields: { groupId: string },
})

const topic = {
  name: string,
  /** 0: as many as the topology needs. */
  partitions: int32,
  /** 0: the broker's default. */
  replicationFactor: int16,
  topicConfigs: array({ key: string, value: string }),
}

export const StreamsGroupTopologyValue = message({
  key: 23,
  name: 'StreamsGroupTopologyValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    epoch: int32,
    subtopologies: array({
      subtopologyId: string,
      sourceTopics: array(string),
      sourceTopicRegex: array(string),
      stateChangelogTopics: array(topic),
      repartitionSinkTopics: array(string),
      repartitionSourceTopics: array(topic),
      /** Sets of topics that need the same partitions; indexes into the arrays of the subtopology. */
      copartitionGroups: array({
        sourceTopics: array(int16),
        sourceTopicRegex: array(int16),
        repartitionSourceTopics: array(int16),
      }),
    }),
  },
})
