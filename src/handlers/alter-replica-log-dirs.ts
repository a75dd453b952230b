import type { ErrorName } from '../../protocol/errors.ts'
import { AlterReplicaLogDirs } from '../../protocol/messages/alter-replica-log-dirs.ts'
import type { AlterReplicaLogDirsResponse } from '../../protocol/messages/alter-replica-log-dirs.ts'
import { handle } from './handler.ts'
import type { RequestContext } from './handler.ts'

type PartitionResult = AlterReplicaLogDirsResponse['results'][number]['partitions'][number]

/**
 * AlterReplicaLogDirs: v1-2. Begins to move replicas between this broker's directories; DescribeLogDirs tells how far
 * they are.
 */
export const alterReplicaLogDirs = handle(AlterReplicaLogDirs).by(async ({ dirs }, context) => {
  const topics = new Map<string, Promise<PartitionResult>[]>()
  for (const { path, topics: asked } of dirs) {
    for (const { name, partitions } of asked) {
      const results = topics.get(name) ?? []
      topics.set(name, results)
      for (const partitionIndex of partitions) {
        const outcome = alter(context, name, partitionIndex, path)
        results.push(outcome.then((errorCode) => ({ partitionIndex, errorCode })))
      }
    }
  }
  const results = []
  for (const [topicName, partitions] of topics) {
    results.push({ topicName, partitions: await Promise.all(partitions) })
  }
  return { throttleTimeMs: 0, results }
})

async function alter(
  { moves, cluster }: RequestContext,
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
