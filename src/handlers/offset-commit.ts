import type { ErrorName } from '../../protocol/errors.ts'
import { OffsetCommit } from '../../protocol/messages/offset-commit.ts'
import type { OffsetCommitRequest } from '../../protocol/messages/offset-commit.ts'
import type { PartitionError } from '../coordinators/group/commands.ts'
import type { TopicImage } from '../metadata/image.ts'
import { all, each, one } from './access.ts'
import { coordinated } from './coordinated.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'

const FIRST_VERSION_WITH_IDS = 10

type Topic = OffsetCommitRequest['topics'][number]
type Partition = Topic['partitions'][number]

/** OffsetCommit: what doesn't exist gets its error, and the group stores the offsets of the other partitions. */
export const offsetCommit = handle(OffsetCommit, {
  access: all(
    one(
      'GROUP',
      'READ',
      ({ groupId }) => groupId,
      ({ topics }, { errorCode }) => ({
        topics: topics.map((topic) => refused(topic, errorCode)),
      }),
    ),
    each('TOPIC', 'READ', {
      items: 'topics',
      nameOf: ({ name, topicId }, { services: { cluster }, version }) =>
        version >= FIRST_VERSION_WITH_IDS ? (cluster().topicById(topicId)?.name ?? null) : name,
      answers: 'topics',
      refuse: (topic, { errorCode }) => refused(topic, errorCode),
    }),
  ),
}).by(async (request, context) => {
  const topics = request.topics.map((topic) => ({ topic, ...sorted(topic, context) }))
  const known = topics.filter(({ partitions }) => partitions.length > 0)
  const results =
    known.length === 0
      ? []
      : await coordinated(
          context.services.groups.ask<'CommitOffsets'>(request.groupId, {
            type: 'CommitOffsets',
            version: context.version,
            groupId: request.groupId,
            generation: request.generationIdOrMemberEpoch,
            memberId: request.memberId,
            groupInstanceId: request.groupInstanceId,
            retentionTimeMs: request.retentionTimeMs,
            topics: known.map(({ topic: { topicId }, name, partitions }) => ({
              name,
              topicId,
              partitions,
            })),
          }),
          (error) => error,
        )
  // `results` has those that are known, in their order.
  let next = 0
  return {
    topics: topics.map((entry) => ({
      name: entry.topic.name,
      topicId: entry.topic.topicId,
      partitions: [
        ...entry.refused,
        ...(typeof results === 'string'
          ? allWith(entry.partitions, results)
          : entry.partitions.length > 0
            ? results[next++]!
            : []),
      ],
    })),
  }
})

function refused({ name, topicId, partitions }: Topic, errorCode: ErrorName) {
  return { name, topicId, partitions: allWith(partitions, errorCode) }
}

/** The partitions that exist, and the others with their errors. */
function sorted(
  { name, topicId, partitions }: Topic,
  { services: { cluster }, version }: RequestContext,
): { name: string; partitions: Partition[]; refused: PartitionError[] } {
  const isById = version >= FIRST_VERSION_WITH_IDS
  const topic = isById ? cluster().topicById(topicId) : cluster().topic(name)
  const error = topic === undefined && isById ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
  const exists = (partition: Partition): boolean => has(topic, partition.partitionIndex)
  return {
    name: topic?.name ?? name,
    partitions: partitions.filter(exists),
    refused: allWith(
      partitions.filter((partition) => !exists(partition)),
      error,
    ),
  }
}

function has(topic: TopicImage | undefined, index: number): boolean {
  return topic?.partitions[index] !== undefined
}

function allWith(partitions: readonly Partition[], errorCode: ErrorName): PartitionError[] {
  return partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode }))
}
