import { DeleteGroups } from '../../../protocol/messages/delete-groups.ts'
import { DescribeGroups } from '../../../protocol/messages/describe-groups.ts'
import { FindCoordinator } from '../../../protocol/messages/find-coordinator.ts'
import { Heartbeat } from '../../../protocol/messages/heartbeat.ts'
import { JoinGroup } from '../../../protocol/messages/join-group.ts'
import { LeaveGroup } from '../../../protocol/messages/leave-group.ts'
import { ListGroups } from '../../../protocol/messages/list-groups.ts'
import { OffsetCommit } from '../../../protocol/messages/offset-commit.ts'
import { OffsetDelete } from '../../../protocol/messages/offset-delete.ts'
import { OffsetFetch } from '../../../protocol/messages/offset-fetch.ts'
import { SyncGroup } from '../../../protocol/messages/sync-group.ts'
import { asks } from './request.ts'
import type { MatrixRequest, Subject } from './request.ts'

const member = { generationId: 7, memberId: 'nobody', groupInstanceId: null }
const partitions = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: null }]
const both = ({ topic, missing }: Subject) => [topic, missing]

export const aboutGroups: readonly MatrixRequest[] = [
  ...[0, 1].map((keyType) =>
    asks(
      FindCoordinator,
      4,
      ({ group, transaction, prefix }) => ({
        keyType,
        coordinatorKeys: [keyType === 0 ? group : transaction, `${prefix}unknown`],
      }),
      { of: keyType === 0 ? 'of groups' : 'of transactional ids' },
    ),
  ),
  ...[0, 1].map((keyType) =>
    asks(
      FindCoordinator,
      3,
      ({ group, transaction }) => ({ keyType, key: keyType === 0 ? group : transaction }),
      { of: keyType === 0 ? 'of a group' : 'of a transactional id' },
    ),
  ),
  asks(Heartbeat, 4, ({ group }) => ({ groupId: group, ...member })),
  // Too short a session for any group: nobody becomes a member.
  ...[1, 6, 9].map((version) =>
    asks(JoinGroup, version, ({ group }) => ({
      groupId: group,
      sessionTimeoutMs: 1,
      rebalanceTimeoutMs: 10_000,
      memberId: '',
      groupInstanceId: null,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
    })),
  ),
  asks(SyncGroup, 5, ({ group }) => ({
    groupId: group,
    ...member,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [],
  })),
  asks(LeaveGroup, 5, ({ group }) => ({
    groupId: group,
    members: [{ memberId: 'nobody', groupInstanceId: null, reason: null }],
  })),
  asks(DescribeGroups, 5, ({ group, prefix }) => ({
    groups: [group, `${prefix}unknown`],
    includeAuthorizedOperations: true,
  })),
  asks(ListGroups, 5, () => ({ statesFilter: [], typesFilter: [] })),
  asks(OffsetCommit, 9, (own) => ({
    groupId: own.group,
    generationIdOrMemberEpoch: -1,
    memberId: '',
    groupInstanceId: null,
    topics: both(own).map((name) => ({ name, partitions })),
  })),
  asks(OffsetCommit, 10, ({ group, topicId }) => ({
    groupId: group,
    generationIdOrMemberEpoch: -1,
    memberId: '',
    groupInstanceId: null,
    topics: [{ topicId, partitions }],
  })),
  asks(OffsetFetch, 7, (own) => ({
    groupId: own.group,
    topics: both(own).map((name) => ({ name, partitionIndexes: [0] })),
  })),
  asks(
    OffsetFetch,
    9,
    (own) => ({
      groups: [own.group, `${own.prefix}unknown`].map((groupId) => ({
        groupId,
        topics: both(own).map((name) => ({ name, partitionIndexes: [0] })),
      })),
    }),
    { of: 'by name' },
  ),
  asks(OffsetFetch, 9, ({ group }) => ({ groups: [{ groupId: group, topics: null }] }), {
    of: 'of all',
  }),
  asks(
    OffsetFetch,
    10,
    ({ group, topicId }) => ({
      groups: [{ groupId: group, topics: [{ topicId, partitionIndexes: [0] }] }],
    }),
    { of: 'by id' },
  ),
  asks(OffsetDelete, 0, (own) => ({
    groupId: own.group,
    topics: both(own).map((name) => ({ name, partitions: [{ partitionIndex: 9 }] })),
  })),
  asks(DeleteGroups, 2, ({ prefix }) => ({ groupsNames: [`${prefix}unknown`] }), {
    of: 'that is not there',
  }),
]

/** After all else. */
export const deletingGroups: readonly MatrixRequest[] = [
  asks(DeleteGroups, 2, ({ group }) => ({ groupsNames: [group] })),
]
