import type { ErrorName } from '../../protocol/errors.ts'
import { DeleteRecords } from '../../protocol/messages/delete-records.ts'
import { isInternalTopic } from '../metadata/internal-topics.ts'
import type { ReplicaManager } from '../replication/replica-manager.ts'
import { each } from './access.ts'
import { handle } from './handler.ts'

/**
 * DeleteRecords: v0-2. Moves a partition's log start, with -1 to the high watermark, and never beyond it; segments wholly before it are removed in the background.
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
}).by((request, { services: { replicas } }) => ({
  topics: request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, offset }) => ({
      partitionIndex,
      ...deleteBefore(replicas, name, partitionIndex, offset),
    })),
  })),
}))

function deleteBefore(
  replicas: ReplicaManager,
  topic: string,
  index: number,
  offset: number,
): { lowWatermark: number; errorCode: ErrorName } {
  const refused = (errorCode: ErrorName) => ({ lowWatermark: -1, errorCode })
  const partition = replicas.find(topic, index)
  if (typeof partition === 'string') return refused(partition)
  // A coordinator that lost records would forget what it has promised.
  if (isInternalTopic(topic)) return refused('INVALID_TOPIC_EXCEPTION')
  const error = partition.checkLeader()
  const { log } = partition
  if (error !== 'NONE' || log === null) return refused(error)
  // [KIP-107] Only topics whose policy is to delete may lose records on request.
  if (!partition.deletesRecords) return refused('POLICY_VIOLATION')
  const errorCode = log.deleteRecordsBefore(offset)
  return errorCode === 'NONE' ? { lowWatermark: log.logStartOffset, errorCode } : refused(errorCode)
}
