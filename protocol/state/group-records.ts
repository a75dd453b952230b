import { coordinatorRecords } from './coordinator-records.ts'
import type { CoordinatorRecord, CoordinatorRecordToWrite } from './coordinator-records.ts'
import * as classic from './group/classic.ts'
import * as consumer from './group/consumer.ts'
import * as share from './group/share.ts'
import * as streams from './group/streams.ts'

/** All messages of the topic, by Kafka's names. */
export const groupMessages = { ...classic, ...consumer, ...share, ...streams }

const pair = <Key, Value>(key: Key, value: Value): { key: Key; value: Value } => ({ key, value })

/** The records of `__consumer_offsets`: committed offsets, and the state of all four kinds of groups. */
export const groupRecords = coordinatorRecords({
  LegacyOffsetCommit: pair(classic.LegacyOffsetCommitKey, classic.LegacyOffsetCommitValue),
  OffsetCommit: pair(classic.OffsetCommitKey, classic.OffsetCommitValue),
  GroupMetadata: pair(classic.GroupMetadataKey, classic.GroupMetadataValue),
  ConsumerGroupMetadata: pair(
    consumer.ConsumerGroupMetadataKey,
    consumer.ConsumerGroupMetadataValue,
  ),
  ConsumerGroupPartitionMetadata: pair(
    consumer.ConsumerGroupPartitionMetadataKey,
    consumer.ConsumerGroupPartitionMetadataValue,
  ),
  ConsumerGroupMemberMetadata: pair(
    consumer.ConsumerGroupMemberMetadataKey,
    consumer.ConsumerGroupMemberMetadataValue,
  ),
  ConsumerGroupTargetAssignmentMetadata: pair(
    consumer.ConsumerGroupTargetAssignmentMetadataKey,
    consumer.ConsumerGroupTargetAssignmentMetadataValue,
  ),
  ConsumerGroupTargetAssignmentMember: pair(
    consumer.ConsumerGroupTargetAssignmentMemberKey,
    consumer.ConsumerGroupTargetAssignmentMemberValue,
  ),
  ConsumerGroupCurrentMemberAssignment: pair(
    consumer.ConsumerGroupCurrentMemberAssignmentKey,
    consumer.ConsumerGroupCurrentMemberAssignmentValue,
  ),
  ConsumerGroupRegularExpression: pair(
    consumer.ConsumerGroupRegularExpressionKey,
    consumer.ConsumerGroupRegularExpressionValue,
  ),
  ShareGroupMemberMetadata: pair(
    share.ShareGroupMemberMetadataKey,
    share.ShareGroupMemberMetadataValue,
  ),
  ShareGroupMetadata: pair(share.ShareGroupMetadataKey, share.ShareGroupMetadataValue),
  ShareGroupTargetAssignmentMetadata: pair(
    share.ShareGroupTargetAssignmentMetadataKey,
    share.ShareGroupTargetAssignmentMetadataValue,
  ),
  ShareGroupTargetAssignmentMember: pair(
    share.ShareGroupTargetAssignmentMemberKey,
    share.ShareGroupTargetAssignmentMemberValue,
  ),
  ShareGroupCurrentMemberAssignment: pair(
    share.ShareGroupCurrentMemberAssignmentKey,
    share.ShareGroupCurrentMemberAssignmentValue,
  ),
  ShareGroupStatePartitionMetadata: pair(
    share.ShareGroupStatePartitionMetadataKey,
    share.ShareGroupStatePartitionMetadataValue,
  ),
  StreamsGroupMetadata: pair(streams.StreamsGroupMetadataKey, streams.StreamsGroupMetadataValue),
  StreamsGroupMemberMetadata: pair(
    streams.StreamsGroupMemberMetadataKey,
    streams.StreamsGroupMemberMetadataValue,
  ),
  StreamsGroupTargetAssignmentMetadata: pair(
    streams.StreamsGroupTargetAssignmentMetadataKey,
    streams.StreamsGroupTargetAssignmentMetadataValue,
  ),
  StreamsGroupTargetAssignmentMember: pair(
    streams.StreamsGroupTargetAssignmentMemberKey,
    streams.StreamsGroupTargetAssignmentMemberValue,
  ),
  StreamsGroupCurrentMemberAssignment: pair(
    streams.StreamsGroupCurrentMemberAssignmentKey,
    streams.StreamsGroupCurrentMemberAssignmentValue,
  ),
  StreamsGroupTopology: pair(streams.StreamsGroupTopologyKey, streams.StreamsGroupTopologyValue),
})

export type GroupRecord = CoordinatorRecord<typeof groupRecords.kinds>
export type GroupRecordToWrite = CoordinatorRecordToWrite<typeof groupRecords.kinds>
