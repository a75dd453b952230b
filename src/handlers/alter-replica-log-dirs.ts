import type { ErrorName } from '../../protocol/errors.ts'
import { AlterReplicaLogDirs } from '../../protocol/messages/alter-replica-log-dirs.ts'
import type { AlterReplicaLogDirsResponse } from '../../protocol/messages/alter-replica-log-dirs.ts'
import { cluster } from './access.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'
import { inTurns } from './turns.ts'

type PartitionResult = AlterReplicaLogDirsResponse['results'][number]['partitions'][number]

/**
 * AlterReplicaLogDirs: v1-2. Begins to move replicas between this broker's directories; DescribeLogDirs tells how far
 * they are.
 */
export const alterReplicaLogDirs = handle(AlterReplicaLogDirs, {
  access: cluster('ALTER', ({ dirs }, { errorCode }) => ({
    results: dirs.flatMap(({ topics }) =>
      topics.map(({ name, partitions }) => ({
        topicName: name,
        partitions: partitions.map((partitionIndex) => ({ partitionIndex, errorCode })),
      })),
    ),
  })),
}).by(async ({ dirs }, context) => {
  const all = dirs.flatMap(({ path, topics }) =>
    topics.flatMap(({ name, partitions }) =>
      partitions.map((partitionIndex) => ({ path, name, partitionIndex })),
    ),
  )
  const outcomes = await inTurns(context.services, all, ({ path, name, partitionIndex }) =>
    alter(context, name, partitionIndex, path),
  )
  const topics = new Map<string, PartitionResult[]>()
  for (const [index, { name, partitionIndex }] of all.entries()) {
    const partitions = topics.get(name) ?? []
    topics.set(name, partitions)
    partitions.push({ partitionIndex, errorCode: outcomes[index]! })
  }
  const results = Array.from(topics, ([topicName, partitions]) => ({ topicName, partitions }))
  return { results }
})

async function alter(
  { services: { moves, cluster } }: RequestContext,
  topic: string,
  index: number,
  path: string,
): Promise<ErrorName> {
  const errorCode = await moves.alter(topic, index, path)
  const isKnown = cluster().topic(topic)?.partitions[index] !== undefined
  return errorCode === 'REPLICA_NOT_AVAILABLE' && !isKnown
    ? 'UNKNOWN_TOPIC_OR_PARTITION'
    : errorCode
}
