import type { ErrorName } from '../../protocol/errors.ts'
import { OffsetCommit } from '../../protocol/messages/offset-commit.ts'
import type { OffsetCommitRequest } from '../../protocol/messages/offset-commit.ts'
import type { PartitionError } from '../coordinators/group/commands.ts'
import type { ClusterView } from '../metadata/cluster-view.ts'
import { coordinated } from './coordinated.ts'
import { handle } from './handler.ts'

const FIRST_VERSION_WITH_IDS = 10

type Topic = OffsetCommitRequest['topics'][number]

/** OffsetCommit: topics that don't exist get their error, and the group stores the offsets of the others. */
export const offsetCommit = handle(OffsetCommit).by(
  async (request, { groups, cluster, version }) => {
    const view = cluster()
    const named = request.topics.map((topic) => ({ topic, name: nameOf(topic, version, view) }))
    const known = named.flatMap(({ topic, name }) => (name === null ? [] : [{ ...topic, name }]))
    const results =
      known.length === 0
        ? []
        : await coordinated(
            groups.ask<'CommitOffsets'>(request.groupId, {
              type: 'CommitOffsets',
              version,
              groupId: request.groupId,
              generation: request.generationIdOrMemberEpoch,
              memberId: request.memberId,
              groupInstanceId: request.groupInstanceId,
              retentionTimeMs: request.retentionTimeMs,
              topics: known,
            }),
            (error) => error,
          )
    let next = 0
    return {
      topics: named.map(({ topic, name }) => ({
        name: topic.name,
        topicId: topic.topicId,
        partitions: name === null ? unknown(topic, version) : resultsOf(topic, results, next++),
      })),
    }
  },
)

function nameOf({ name, topicId }: Topic, version: number, view: ClusterView): string | null {
  const topic = version >= FIRST_VERSION_WITH_IDS ? view.topicById(topicId) : view.topic(name)
  return topic?.name ?? null
}

function unknown(topic: Topic, version: number): PartitionError[] {
  const isById = version >= FIRST_VERSION_WITH_IDS
  return allWith(topic, isById ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION')
}

function resultsOf(
  topic: Topic,
  results: ErrorName | readonly (readonly PartitionError[])[],
  index: number,
): readonly PartitionError[] {
  return typeof results === 'string' ? allWith(topic, results) : results[index]!
}

function allWith({ partitions }: Topic, errorCode: ErrorName): PartitionError[] {
  return partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode }))
}
