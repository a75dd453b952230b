import type { DescribedGroup } from '../commands.ts'
import type { CommittedOffset } from '../facts.ts'
import type { GroupRules } from '../group.ts'
import { CONSUMER_PROTOCOL_TYPE, memberError, metadataOf } from './group.ts'
import type { ClassicGroup } from './group.ts'

/** What classic groups say to those who ask groups of any type. */
export const classicRules: GroupRules<ClassicGroup> = {
  commitError(group, { type, generation, memberId, groupInstanceId }) {
    if (generation < 0 && group.state === 'Empty') return 'NONE'
    // Producers did not always say for which member they commit.
    const isTransactional = type === 'CommitTransactionOffsets'
    if (generation < 0 && memberId === '' && groupInstanceId === null) {
      return isTransactional ? 'NONE' : 'UNKNOWN_MEMBER_ID'
    }
    const error = memberError(group, memberId, groupInstanceId)
    if (error !== 'NONE') return error
    if (generation !== group.generation) return 'ILLEGAL_GENERATION'
    // The member knows of the new generation but not yet what is its own in it.
    const isEarly = group.state === 'CompletingRebalance' && !isTransactional
    return isEarly ? 'REBALANCE_IN_PROGRESS' : 'NONE'
  },

  /** [KIP-496] Of consumers it is known what they read: other offsets may go. */
  offsetDeletionError: (group) =>
    group.state === 'Empty' || group.protocolType === CONSUMER_PROTOCOL_TYPE
      ? 'NONE'
      : 'NON_EMPTY_GROUP',

  deletionError: (group) => (group.state === 'Empty' ? 'NONE' : 'NON_EMPTY_GROUP'),

  /** Yes when the subscriptions of a consumer group can't be read. */
  isSubscribed: (group, topic) =>
    group.subscribedTopics?.has(topic) ?? group.protocolType === CONSUMER_PROTOCOL_TYPE,

  /**
   * For an empty group the retention counts from when it became empty, for a simple group and for topics that a stable
   * consumer group doesn't read any more from the commit. While a group rebalances nothing expires.
   */
  retentionStart(group) {
    if (group.protocolType === null) return fromCommit
    if (group.state === 'Empty') {
      return (committed) => group.stateSince ?? committed.commitTimestamp
    }
    const readsKnownTopics =
      group.protocolType === CONSUMER_PROTOCOL_TYPE && group.subscribedTopics !== null
    return group.state === 'Stable' && readsKnownTopics ? fromCommit : null
  },

  isAbandoned: (group) => group.state === 'Empty' && group.pendingMembers.size === 0,
}

function fromCommit({ commitTimestamp }: CommittedOffset): number {
  return commitTimestamp
}

/** What DescribeGroups tells, which knows of classic groups alone. */
export function describe(group: ClassicGroup): DescribedGroup {
  const isStable = group.state === 'Stable'
  return {
    groupId: group.groupId,
    groupState: group.state,
    protocolType: group.protocolType ?? '',
    protocolData: isStable ? (group.protocolName ?? '') : '',
    members: Array.from(group.members.values(), (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: metadataOf(member, isStable ? group.protocolName : null),
      memberAssignment: member.assignment,
    })),
  }
}
