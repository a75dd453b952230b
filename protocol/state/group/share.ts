import { array, bigInt64, int32, int64, int8, message, string, uuid } from '../../schema.ts'

// KIP-932: share groups, as the group coordinator keeps them (delivery state is in __share_group_state).

export const ShareGroupMemberMetadataKey = message({
  key: 10,
  name: 'ShareGroupMemberMetadataKey',
  versions: [0, 0],
  fields: { groupId: string, memberId: string },
})

export const ShareGroupMemberMetadataValue = message({
  key: 10,
  name: 'ShareGroupMemberMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    rackId: string.nullable(),
    clientId: string,
    clientHost: string,
    subscribedTopicNames: array(string),
  },
})

export const ShareGroupMetadataKey = message({
  key: 11,
  name: 'ShareGroupMetadataKey',
  versions: [0, 0],
  fields: { groupId: string },
})

export const ShareGroupMetadataValue = message({
  key: 11,
  name: 'ShareGroupMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    epoch: int32,
    /** As in consumer groups: a 64-bit hash over the subscribed topics. */
    metadataHash: bigInt64,
  },
})

export const ShareGroupTargetAssignmentMetadataKey = message({
  key: 12,
  name: 'ShareGroupTargetAssignmentMetadataKey',
  versions: [0, 0],
  fields: { groupId: string },
})

export const ShareGroupTargetAssignmentMetadataValue = message({
  key: 12,
  name: 'ShareGroupTargetAssignmentMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    assignmentEpoch: int32,
    /** ms since 1970 */
    assignmentTimestamp: int64.tagged(0),
  },
})

export const ShareGroupTargetAssignmentMemberKey = message({
  key: 13,
  name: 'ShareGroupTargetAssignmentMemberKey',
  versions: [0, 0],
  fields: { groupId: string, memberId: string },
})

export const ShareGroupTargetAssignmentMemberValue = message({
  key: 13,
  name: 'ShareGroupTargetAssignmentMemberValue',
  versions: [0, 0],
  flexible: 0,
  fields: { topicPartitions: array({ topicId: uuid, partitions: array(int32) }) },
})

export const ShareGroupCurrentMemberAssignmentKey = message({
  key: 14,
  name: 'ShareGroupCurrentMemberAssignmentKey',
  versions: [0, 0],
  fields: { groupId: string, memberId: string },
})

export const ShareGroupCurrentMemberAssignmentValue = message({
  key: 14,
  name: 'ShareGroupCurrentMemberAssignmentValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    memberEpoch: int32,
    previousMemberEpoch: int32,
    state: int8,
    assignedPartitions: array({ topicId: uuid, partitions: array(int32) }),
  },
})

export const ShareGroupStatePartitionMetadataKey = message({
  key: 15,
  name: 'ShareGroupStatePartitionMetadataKey',
  versions: [0, 0],
  fields: { groupId: string },
})

const initialization = { topicId: uuid, topicName: string, partitions: array(int32) }

/** How far the share coordinator's state of each topic is set up or taken down. */
export const ShareGroupStatePartitionMetadataValue = message({
  key: 15,
  name: 'ShareGroupStatePartitionMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    initializingTopics: array(initialization),
    initializedTopics: array(initialization),
    deletingTopics: array({ topicId: uuid, topicName: string }),
  },
})
