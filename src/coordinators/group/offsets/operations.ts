import type { ErrorName } from '../../../../protocol/errors.ts'
import { ZERO_UUID } from '../../../../protocol/schema.ts'
import type {
  CommandOf,
  FetchedOffset,
  GroupContext,
  PartitionError,
  ReplyTo,
} from '../commands.ts'
import type { CommittedOffset, DurableFact } from '../facts.ts'
import { rulesOf } from '../group.ts'
import type { Group } from '../group.ts'
import type { OffsetStore } from './store.ts'

const FIRST_VERSION_WITH_GROUP_ID_NOT_FOUND = 9

/** What stands against a commit by a member, or by somebody outside. */
export function commitError(
  group: Group | undefined,
  command: CommandOf<'CommitOffsets'>,
): ErrorName {
  if (group !== undefined) return rulesOf(group).commitError(group, command)
  // A client that assigns its partitions itself makes a group that only holds offsets.
  if (command.generation < 0) return 'NONE'
  return command.version >= FIRST_VERSION_WITH_GROUP_ID_NOT_FOUND
    ? 'GROUP_ID_NOT_FOUND'
    : 'ILLEGAL_GENERATION'
}

/** The offsets that can be stored, and the partitions' results. */
export function commitOffsets(
  command: CommandOf<'CommitOffsets'>,
  { settings, wallNow }: GroupContext,
): { facts: DurableFact[]; results: PartitionError[][] } {
  const { groupId, retentionTimeMs } = command
  const expireTimestamp =
    retentionTimeMs === -1 ? -1 : Math.min(wallNow + retentionTimeMs, Number.MAX_SAFE_INTEGER)
  const facts: DurableFact[] = []
  const results = command.topics.map(({ name, topicId, partitions }) =>
    partitions.map(({ partitionIndex, committedMetadata, ...asked }): PartitionError => {
      const metadata = committedMetadata ?? ''
      if (metadata.length > settings.maxOffsetMetadataLength) {
        return { partitionIndex, errorCode: 'OFFSET_METADATA_TOO_LARGE' }
      }
      const committed: CommittedOffset = {
        offset: asked.committedOffset,
        leaderEpoch: asked.committedLeaderEpoch,
        metadata,
        commitTimestamp: wallNow,
        expireTimestamp,
        topicId,
      }
      facts.push({
        type: 'OffsetCommitted',
        groupId,
        topic: name,
        partition: partitionIndex,
        committed,
      })
      return { partitionIndex, errorCode: 'NONE' }
    }),
  )
  return { facts, results }
}

/** A partition without a commit has offset -1 and no error. */
export function fetchOffsets(
  offsets: OffsetStore,
  { groupId, topics }: CommandOf<'FetchOffsets'>,
): ReplyTo<'FetchOffsets'> {
  if (topics === null) {
    return Array.from(offsets.of(groupId), ([name, partitions]) => ({
      name,
      topicId: ZERO_UUID,
      partitions: Array.from(partitions, ([partition, committed]) => fetched(partition, committed)),
    }))
  }
  return topics.map(({ name, topicId, partitionIndexes }) => ({
    name,
    topicId,
    partitions: partitionIndexes.map((partition) => {
      const committed = offsets.get(groupId, name, partition)
      return fetched(partition, isOfTopic(committed, topicId) ? committed : undefined)
    }),
  }))
}

/** An offset committed for a topic that was deleted is none of the new topic with the same name. */
function isOfTopic(committed: CommittedOffset | undefined, topicId: string): boolean {
  return (
    committed === undefined ||
    topicId === ZERO_UUID ||
    committed.topicId === ZERO_UUID ||
    committed.topicId === topicId
  )
}

function fetched(partitionIndex: number, committed: CommittedOffset | undefined): FetchedOffset {
  return {
    partitionIndex,
    committedOffset: committed?.offset ?? -1,
    committedLeaderEpoch: committed?.leaderEpoch ?? -1,
    metadata: committed?.metadata ?? '',
    errorCode: 'NONE',
  }
}

/** [KIP-496] Offsets of topics that members still read stay. */
export function deleteOffsets(
  offsets: OffsetStore,
  group: Group | undefined,
  { groupId, topics }: CommandOf<'DeleteOffsets'>,
): { facts: DurableFact[]; reply: ReplyTo<'DeleteOffsets'> } {
  if (group === undefined) return { facts: [], reply: 'GROUP_ID_NOT_FOUND' }
  const rules = rulesOf(group)
  const error = rules.offsetDeletionError(group)
  if (error !== 'NONE') return { facts: [], reply: error }
  const facts: DurableFact[] = []
  const reply = topics.map(({ name, partitions }) => {
    const errorCode = rules.isSubscribed(group, name) ? 'GROUP_SUBSCRIBED_TO_TOPIC' : 'NONE'
    const known = offsets.partitionsOf(groupId, name)
    return partitions.map((partition): PartitionError => {
      if (errorCode === 'NONE' && known.has(partition)) {
        facts.push({ type: 'OffsetDeleted', groupId, topic: name, partition })
      }
      return { partitionIndex: partition, errorCode }
    })
  })
  return { facts, reply }
}

/** The tombstones of all that a group has committed, and of what is pending. */
export function deleteAllOffsets(offsets: OffsetStore, groupId: string): DurableFact[] {
  return Array.from(offsets.topicsOf(groupId)).flatMap((topic) =>
    Array.from(offsets.partitionsOf(groupId, topic), (partition): DurableFact => ({
      type: 'OffsetDeleted',
      groupId,
      topic,
      partition,
    })),
  )
}
