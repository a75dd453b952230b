import { AlterPartitionReassignments } from '../../protocol/messages/alter-partition-reassignments.ts'
import { ListPartitionReassignments } from '../../protocol/messages/list-partition-reassignments.ts'
import type { Admin } from '../with-admin.ts'
import { throwUnlessNone } from './errors.ts'
import { groupBy } from './group-by.ts'

/** Who has the replicas of a partition, the preferred leader first. */
export interface Assignment {
  readonly topic: string
  readonly partition: number
  readonly replicas: readonly number[]
}

/** A partition on its way to other replicas. */
export interface Move extends Assignment {
  readonly adding: readonly number[]
  readonly removing: readonly number[]
}

/** What the controller says of a partition that was to move, or to stay. */
export interface MoveOutcome {
  readonly topic: string
  readonly partition: number
  /** NONE, or why it stays as it is. */
  readonly error: string
  readonly message: string | null
}

/** The partitions that are on their way, by topic and number. */
export async function movesUnderWay(admin: Admin): Promise<Move[]> {
  const { topics } = await admin.ask(
    ListPartitionReassignments,
    { topics: null },
    ({ errorCode, errorMessage }) =>
      throwUnlessNone(errorCode, 'The partitions on their way', errorMessage),
  )
  return topics
    .flatMap(({ name: topic, partitions }) =>
      partitions.map(({ partitionIndex, replicas, addingReplicas, removingReplicas }) => ({
        topic,
        partition: partitionIndex,
        replicas,
        adding: addingReplicas,
        removing: removingReplicas,
      })),
    )
    .sort(byPlace)
}

/** Has partitions move, or, where no replicas are given, go back. */
export async function move(
  admin: Admin,
  wanted: readonly {
    readonly topic: string
    readonly partition: number
    readonly replicas: readonly number[] | null
  }[],
): Promise<MoveOutcome[]> {
  const topics = Array.from(
    groupBy(wanted, ({ topic }) => topic),
    ([name, partitions]) => ({
      name,
      partitions: partitions.map(({ partition, replicas }) => ({
        partitionIndex: partition,
        replicas: replicas === null ? null : [...replicas],
      })),
    }),
  )
  const { responses } = await admin.ask(
    AlterPartitionReassignments,
    { topics },
    ({ errorCode, errorMessage }) => throwUnlessNone(errorCode, 'The reassignment', errorMessage),
  )
  return responses.flatMap(({ name: topic, partitions }) =>
    partitions.map(({ partitionIndex: partition, errorCode, errorMessage }) => ({
      topic,
      partition,
      error: errorCode,
      message: errorMessage,
    })),
  )
}

interface Place {
  readonly topic: string
  readonly partition: number
}

/** In the order of topics and partitions. */
export function byPlace(left: Place, right: Place): number {
  if (left.topic !== right.topic) return left.topic < right.topic ? -1 : 1
  return left.partition - right.partition
}
