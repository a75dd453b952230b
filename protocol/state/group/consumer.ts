import {
  array,
  bigInt64,
  bytes,
  int32,
  int64,
  int8,
  message,
  string,
  struct,
  uuid,
} from '../../schema.ts'

// KIP-848: groups whose partitions the coordinator assigns.

export const ConsumerGroupMetadataKey = message({
  key: 3,
  name: 'ConsumerGroupMetadataKey',
  versions: [0, 0],
  fields: { groupId: string },
})

export const ConsumerGroupMetadataValue = message({
  key: 3,
  name: 'ConsumerGroupMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    epoch: int32,
    /** A 64-bit hash over the subscribed topics: another one means that the assignment has to be made anew. */
    metadataHash: bigInt64.tagged(0),
  },
})

/** Not written since the metadata hash took its place; its tombstones are. */
export const ConsumerGroupPartitionMetadataKey = message({
  key: 4,
  name: 'ConsumerGroupPartitionMetadataKey',
  versions: [0, 0],
  fields: { groupId: string },
})

export const ConsumerGroupPartitionMetadataValue = message({
  key: 4,
  name: 'ConsumerGroupPartitionMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    topics: array({
      topicId: uuid,
      topicName: string,
      numPartitions: int32,
      /** Empty where no racks are known. */
      partitionMetadata: array({ partition: int32, racks: array(string) }),
    }),
  },
})

export const ConsumerGroupMemberMetadataKey = message({
  key: 5,
  name: 'ConsumerGroupMemberMetadataKey',
  versions: [0, 0],
  fields: { groupId: string, memberId: string },
})

/** What a member said of itself. */
export const ConsumerGroupMemberMetadataValue = message({
  key: 5,
  name: 'ConsumerGroupMemberMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    instanceId: string.nullable(),
    rackId: string.nullable(),
    clientId: string,
    clientHost: string,
    subscribedTopicNames: array(string),
    subscribedTopicRegex: string.nullable(),
    rebalanceTimeoutMs: int32.default(-1),
    serverAssignor: string.nullable(),
    /** Null, and then really written as null, for a member that speaks the consumer protocol. */
    classicMemberMetadata: struct({
      sessionTimeoutMs: int32,
      supportedProtocols: array({ name: string, metadata: bytes }),
    })
      .nullable()
      .tagged(0),
  },
})

export const ConsumerGroupTargetAssignmentMetadataKey = message({
  key: 6,
  name: 'ConsumerGroupTargetAssignmentMetadataKey',
  versions: [0, 0],
  fields: { groupId: string },
})

export const ConsumerGroupTargetAssignmentMetadataValue = message({
  key: 6,
  name: 'ConsumerGroupTargetAssignmentMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    assignmentEpoch: int32,
    /** When the assignment was ready, ms since 1970. */
    assignmentTimestamp: int64.tagged(0),
  },
})

export const ConsumerGroupTargetAssignmentMemberKey = message({
  key: 7,
  name: 'ConsumerGroupTargetAssignmentMemberKey',
  versions: [0, 0],
  fields: { groupId: string, memberId: string },
})

export const ConsumerGroupTargetAssignmentMemberValue = message({
  key: 7,
  name: 'ConsumerGroupTargetAssignmentMemberValue',
  versions: [0, 0],
  flexible: 0,
  fields: { topicPartitions: array({ topicId: uuid, partitions: array(int32) }) },
})

export const ConsumerGroupCurrentMemberAssignmentKey = message({
  key: 8,
  name: 'ConsumerGroupCurrentMemberAssignmentKey',
  versions: [0, 0],
  fields: { groupId: string, memberId: string },
})

const ownedPartitions = {
  topicId: uuid,
  partitions: array(int32),
  /** The epochs in which the partitions were assigned, in the same order; empty or null when not kept. */
  assignmentEpochs: array(int32).nullable().tagged(0),
}

export const ConsumerGroupCurrentMemberAssignmentValue = message({
  key: 8,
  name: 'ConsumerGroupCurrentMemberAssignmentValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    memberEpoch: int32,
    /** A member that didn't get the answer to its last heartbeat comes again with this one. */
    previousMemberEpoch: int32,
    /** 0 stable, 1 unrevoked partitions, 2 unreleased partitions, 127 unknown. */
    state: int8,
    assignedPartitions: array(ownedPartitions),
    partitionsPendingRevocation: array(ownedPartitions),
  },
})

export const ConsumerGroupRegularExpressionKey = message({
  key: 16,
  name: 'ConsumerGroupRegularExpressionKey',
  versions: [0, 0],
  fields: { groupId: string, regularExpression: string },
})

/** The topics that a regular expression matched. */
export const ConsumerGroupRegularExpressionValue = message({
  key: 16,
  name: 'ConsumerGroupRegularExpressionValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    topics: array(string),
    /** The metadata offset that it was evaluated at. */
    version: int64,
    /** When, ms since 1970. */
    timestamp: int64,
  },
})
