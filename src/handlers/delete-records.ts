import { DeleteRecords } from '../../protocol/messages/delete-records.ts'
import { isInternalTopic } from '../metadata/internal-topics.ts'
import { refusedDeletion } from '../replication/partition/deletions.ts'
import type { Deletion } from '../replication/partition/deletions.ts'
import type { ReplicaManager } from '../replication/replica-manager.ts'
import { each } from './access.ts'
import { handle } from './handler.ts'

/**
 * DeleteRecords: v0-2. Moves a partition's log start, with -1 to the high watermark, and never beyond it; segments wholly before it
 * are removed in the background. It is answered when the replicas of all its partitions have done that, or the request's time is up.
 */
export const deleteRecords = handle(DeleteRecords, {
  access: each('TOPIC', 'DELETE', {
    items: 'topics',
    nameOf: ({ name }) => name,
    answers: 'topics',
    refuse: ({ name, partitions }, { errorCode }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        lowWatermark: -1,
        errorCode,
      })),
    }),
  }),
}).by(async (request, { services: { replicas } }) => {
  const { timeoutMs } = request
  // All are begun before any is waited for: the time is one for all of them.
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    deletions: partitions.map(async ({ partitionIndex, offset }) => ({
      partitionIndex,
      ...(await deleteBefore(replicas, name, partitionIndex, offset, timeoutMs)),
    })),
  }))
  return {
    topics: await Promise.all(
      topics.map(async ({ name, deletions }) => ({
        name,
        partitions: await Promise.all(deletions),
      })),
    ),
  }
})

function deleteBefore(
  replicas: ReplicaManager,
  topic: string,
  index: number,
  offset: number,
  timeoutMs: number,
): Promise<Deletion> | Deletion {
  const partition = replicas.find(topic, index)
  if (typeof partition === 'string') return refusedDeletion(partition)
  // A coordinator that lost records would forget what it has promised.
  if (isInternalTopic(topic)) return refusedDeletion('INVALID_TOPIC_EXCEPTION')
  return new Promise((resolve) => partition.deleteRecords(offset, timeoutMs, resolve))
}
