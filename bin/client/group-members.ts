import { ConsumerGroupDescribe } from '../../protocol/messages/consumer-group-describe.ts'
import { DescribeGroups } from '../../protocol/messages/describe-groups.ts'
import { ShareGroupDescribe } from '../../protocol/messages/share-group-describe.ts'
import { StreamsGroupDescribe } from '../../protocol/messages/streams-group-describe.ts'
import { decodeAssignment } from '../../protocol/state/consumer-protocol.ts'
import type { Client } from './client.ts'
import { throwUnlessNone } from './errors.ts'
import type { ListedGroup } from './group-list.ts'
import type { TopicPartition } from './topics.ts'

export interface DescribedMember {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** Partitions; a Streams member's tasks are not partitions of one topic, and left out. */
  readonly assignment: readonly TopicPartition[]
}

export interface DescribedGroup {
  readonly state: string
  readonly assignor: string
  /** Null for classic groups, whose generation the protocol doesn't tell. */
  readonly epoch: number | null
  readonly members: readonly DescribedMember[]
}

/** A group's state and members, in the way its type needs. Throws ClientError. */
export function describeGroup(client: Client, group: ListedGroup): Promise<DescribedGroup> {
  const describe = {
    classic: describeClassic,
    consumer: describeConsumer,
    share: describeShare,
    streams: describeStreams,
  }[group.type]
  return client.retry(() => (describe ?? describeClassic)(client, group.groupId))
}

async function describeClassic(client: Client, groupId: string): Promise<DescribedGroup> {
  const { groups } = await client.requestCoordinator(groupId, DescribeGroups, { groups: [groupId] })
  const group = groups[0]!
  throwUnlessNone(group.errorCode, `Group ${groupId}`, group.errorMessage)
  return {
    state: group.groupState,
    assignor: group.protocolData,
    epoch: null,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      assignment:
        group.protocolType === 'consumer' && member.memberAssignment.length > 0
          ? flatten(
              decodeAssignment(member.memberAssignment).assignedPartitions.map(
                ({ topic, partitions }) => ({ topicName: topic, partitions }),
              ),
            )
          : [],
    })),
  }
}

async function describeConsumer(client: Client, groupId: string): Promise<DescribedGroup> {
  const { groups } = await client.requestCoordinator(groupId, ConsumerGroupDescribe, {
    groupIds: [groupId],
    includeAuthorizedOperations: false,
  })
  const group = groups[0]!
  throwUnlessNone(group.errorCode, `Group ${groupId}`, group.errorMessage)
  return {
    state: group.groupState,
    assignor: group.assignorName,
    epoch: group.groupEpoch,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      assignment: flatten(member.assignment.topicPartitions),
    })),
  }
}

async function describeShare(client: Client, groupId: string): Promise<DescribedGroup> {
  const { groups } = await client.requestCoordinator(groupId, ShareGroupDescribe, {
    groupIds: [groupId],
    includeAuthorizedOperations: false,
  })
  const group = groups[0]!
  throwUnlessNone(group.errorCode, `Group ${groupId}`, group.errorMessage)
  return {
    state: group.groupState,
    assignor: group.assignorName,
    epoch: group.groupEpoch,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      instanceId: null,
      clientId: member.clientId,
      clientHost: member.clientHost,
      assignment: flatten(member.assignment.topicPartitions),
    })),
  }
}

async function describeStreams(client: Client, groupId: string): Promise<DescribedGroup> {
  const { groups } = await client.requestCoordinator(groupId, StreamsGroupDescribe, {
    groupIds: [groupId],
    includeAuthorizedOperations: false,
  })
  const group = groups[0]!
  throwUnlessNone(group.errorCode, `Group ${groupId}`, group.errorMessage)
  return {
    state: group.groupState,
    assignor: 'streams',
    epoch: group.groupEpoch,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      assignment: [],
    })),
  }
}

function flatten(
  topics: readonly { topicName: string; partitions: readonly number[] }[],
): TopicPartition[] {
  return topics.flatMap(({ topicName, partitions }) =>
    partitions.map((partition) => ({ topic: topicName, partition })),
  )
}
