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
import type { Group, OffsetCommit } from '../group.ts'
import type { OffsetStore } from './store.ts'

/** The first versions of OffsetCommit and TxnOffsetCommit that tell GROUP_ID_NOT_FOUND. */
const FIRST_VERSION_WITH_GROUP_ID_NOT_FOUND = { CommitOffsets: 9, CommitTransactionOffsets: 6 }

/** What stands against a commit by a member, or by somebody outside. */
export function commitError(group: Group | undefined, command: OffsetCommit): ErrorName {
  if (group !== undefined) return rulesOf(group).commitError(group, command)
  // A client that assigns its partitions itself makes a group that only holds offsets.
  if (command.generation < 0) return 'NONE'
  return command.version >= FIRST_VERSION_WITH_GROUP_ID_NOT_FOUND[command.type]
    ? 'GROUP_ID_NOT_FOUND'
    : 'ILLEGAL_GENERATION'
}

/** The offsets that can be stored, and the partitions' results. */
export function commitOffsets(
  command: OffsetCommit,
  { settings, wallNow }: GroupContext,
): { facts: DurableFact[]; results: PartitionError[][] } {
  const expireTimestamp = expiryOf(command, wallNow)
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
      facts.push(commitOf(command, name, partitionIndex, committed))
      return { partitionIndex, errorCode: 'NONE' }
    }),
  )
  return { facts, results }
}

function expiryOf(command: OffsetCommit, wallNow: number): number {
  if (command.type === 'CommitTransactionOffsets' || command.retentionTimeMs === -1) return -1
  return Math.min(wallNow + command.retentionTimeMs, Number.MAX_SAFE_INTEGER)
}

function commitOf(
  command: OffsetCommit,
  topic: string,
  partition: number,
  committed: CommittedOffset,
): DurableFact {
  const { groupId } = command
  const place = { groupId, topic, partition, committed }
  if (command.type === 'CommitOffsets') return { type: 'OffsetCommitted', ...place }
  const { producerId, producerEpoch, guard } = command
  return { type: 'OffsetPending', producerId, producerEpoch, guard, ...place }
}

/**
 * A partition without a commit has offset -1 and no error. [KIP-447] Whoever goes on where a transaction may yet commit, or has
 * to go back, has to wait for its end.
 */
export function fetchOffsets(
  offsets: OffsetStore,
  { groupId, topics, requireStable }: CommandOf<'FetchOffsets'>,
): ReplyTo<'FetchOffsets'> {
  const isUnstable = (topic: string, partition: number): boolean =>
    requireStable && offsets.isPending(groupId, topic, partition)
  if (topics === null) {
    return Array.from(offsets.of(groupId), ([name, partitions]) => ({
      name,
      topicId: ZERO_UUID,
      partitions: Array.from(partitions, ([partition, committed]) =>
        isUnstable(name, partition) ? unstable(partition) : fetched(partition, committed),
      ),
    }))
  }
  return topics.map(({ name, topicId, partitionIndexes }) => ({
    name,
    topicId,
    partitions: partitionIndexes.map((partition) => {
      if (isUnstable(name, partition)) return unstable(partition)
      const committed = offsets.get(groupId, name, partition)
      return fetched(partition, isOfTopic(committed, topicId) ? committed : undefined)
    }),
  }))
}

function unstable(partitionIndex: number): FetchedOffset {
  return { ...fetched(partitionIndex, undefined), errorCode: 'UNSTABLE_OFFSET_COMMIT' }
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
