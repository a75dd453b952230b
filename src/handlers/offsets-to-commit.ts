import type { ErrorName } from '../../protocol/errors.ts'
import type {
  CommandOf,
  OffsetToCommit,
  PartitionError,
  ReplyTo,
} from '../coordinators/group/commands.ts'
import type { TopicImage } from '../metadata/image.ts'
import { coordinated } from './coordinated.ts'
import type { RequestContext } from './context.ts'
import type { NodeServices } from './services.ts'

/** A topic of OffsetCommit or TxnOffsetCommit, by name or by id. */
export interface TopicToCommit {
  readonly name: string
  readonly topicId: string
  readonly partitions: readonly OffsetToCommit[]
}

/** Those that exist, as the coordinator is asked to commit them; the ids are those that the client gave. */
export type KnownTopics = CommandOf<'CommitOffsets'>['topics']

/** An error for each partition, as the answer has it. */
export interface CommittedTopic {
  readonly name: string
  readonly topicId: string
  readonly partitions: readonly PartitionError[]
}

/** Under what name the topic is known here; null for an id that isn't. */
export function topicNameOf(
  { name, topicId }: TopicToCommit,
  isById: boolean,
  { services: { cluster } }: RequestContext<NodeServices>,
): string | null {
  return isById ? (cluster().topicById(topicId)?.name ?? null) : name
}

export function refusedTopic(
  { name, topicId, partitions }: TopicToCommit,
  errorCode: ErrorName,
): CommittedTopic {
  return { name, topicId, partitions: allWith(partitions, errorCode) }
}

/**
 * What doesn't exist gets its error, and the group stores the offsets of the other partitions.
 * @param commit is asked for those that exist, unless there are none
 */
export async function commitKnown(
  topics: readonly TopicToCommit[],
  isById: boolean,
  context: RequestContext,
  commit: (known: KnownTopics) => Promise<ReplyTo<'CommitOffsets'>>,
): Promise<CommittedTopic[]> {
  const all = topics.map((topic) => ({ topic, ...sorted(topic, isById, context) }))
  const known = all.filter(({ partitions }) => partitions.length > 0)
  const results =
    known.length === 0
      ? []
      : await coordinated(
          commit(
            known.map(({ topic: { topicId }, name, partitions }) => ({
              name,
              topicId,
              partitions,
            })),
          ),
          (error) => error,
        )
  // `results` has those that are known, in their order.
  let next = 0
  return all.map((entry) => ({
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
  }))
}

/** The partitions that exist, and the others with their errors. */
function sorted(
  { name, topicId, partitions }: TopicToCommit,
  isById: boolean,
  { services: { cluster } }: RequestContext,
): { name: string; partitions: OffsetToCommit[]; refused: PartitionError[] } {
  const topic = isById ? cluster().topicById(topicId) : cluster().topic(name)
  const error = topic === undefined && isById ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
  const exists = (partition: OffsetToCommit): boolean => has(topic, partition.partitionIndex)
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

function allWith(partitions: readonly OffsetToCommit[], errorCode: ErrorName): PartitionError[] {
  return partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode }))
}
