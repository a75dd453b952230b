import { Metadata } from '../../protocol/messages/metadata.ts'
import { OffsetCommit } from '../../protocol/messages/offset-commit.ts'
import { OffsetFetch } from '../../protocol/messages/offset-fetch.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { Client } from './client.ts'
import { throwUnlessNone } from './errors.ts'
import { groupBy } from './group-by.ts'
import type { TopicPartition } from './topics.ts'

export interface CommittedOffset extends TopicPartition {
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
}

/** What a group has committed, of all topics; nothing for a group that isn't there. Throws ClientError. */
export function fetchOffsets(client: Client, groupId: string): Promise<CommittedOffset[]> {
  return client.retry(async () => {
    const answer = await client.requestCoordinator(groupId, OffsetFetch, {
      groupId,
      topics: null,
      groups: [{ groupId, topics: null }],
      requireStable: true,
    })
    // Up to v7 there is one group, and its fields stand in the answer itself.
    const group = answer.groups[0] ?? answer
    throwUnlessNone(group.errorCode, `The offsets of group ${groupId}`)
    const names = await topicNames(
      client,
      answer.groups.flatMap(({ topics }) => topics.map(({ topicId }) => topicId)),
    )
    return group.topics.flatMap((topic) =>
      topic.partitions.flatMap((partition) => {
        const name = topic.name || names.get((topic as { topicId?: string }).topicId ?? '')
        throwUnlessNone(partition.errorCode, `The offset of ${name}-${partition.partitionIndex}`)
        if (name === undefined || partition.committedOffset < 0) return []
        return {
          topic: name,
          partition: partition.partitionIndex,
          // Beyond 2^53 it is no offset of any record, and may be shown as a near one.
          offset: Number(partition.committedOffset),
          leaderEpoch: partition.committedLeaderEpoch,
          metadata: partition.metadata ?? '',
        }
      }),
    )
  })
}

/** The names of topics by id; those that were deleted are left out. */
async function topicNames(client: Client, ids: readonly string[]): Promise<Map<string, string>> {
  const asked = [...new Set(ids)].filter((id) => id !== ZERO_UUID)
  if (asked.length === 0) return new Map()
  const { topics } = await client.request(Metadata, {
    topics: asked.map((topicId) => ({ topicId, name: null })),
    allowAutoTopicCreation: false,
  })
  return new Map(topics.flatMap(({ topicId, name }) => (name === null ? [] : [[topicId, name]])))
}

/**
 * Commits offsets for a group whose members are none: like a consumer that assigns its partitions itself, or an
 * administrator. Throws BrokerError, for an active group too.
 * @param topics with their ids, which newer brokers go by
 */
export async function commitOffsets(
  client: Client,
  groupId: string,
  topics: readonly { readonly name: string; readonly topicId: string }[],
  offsets: Iterable<TopicPartition & { readonly offset: number }>,
): Promise<void> {
  const byTopic = [...groupBy(offsets, ({ topic }) => topic)]
  if (byTopic.length === 0) return
  await client.retry(async () => {
    const answer = await client.requestCoordinator(groupId, OffsetCommit, {
      groupId,
      memberId: '',
      topics: byTopic.map(([name, partitions]) => ({
        name,
        topicId: topics.find((topic) => topic.name === name)!.topicId,
        partitions: partitions.map(({ partition, offset }) => ({
          partitionIndex: partition,
          committedOffset: offset,
          committedMetadata: '',
        })),
      })),
    })
    for (const { errorCode } of answer.topics.flatMap(({ partitions }) => partitions)) {
      const isActive = errorCode === 'UNKNOWN_MEMBER_ID' || errorCode === 'ILLEGAL_GENERATION'
      const detail = isActive ? 'the group has members, and only they may commit' : null
      throwUnlessNone(errorCode, `The offsets of group ${groupId}`, detail)
    }
  })
}
