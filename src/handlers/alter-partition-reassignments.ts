import { AlterPartitionReassignments } from '../../protocol/messages/alter-partition-reassignments.ts'
import { cluster } from './access.ts'
import { askController } from './ask-controller.ts'
import { MAX_CHANGES_COST_BYTES, handle } from './handler.ts'

/** AlterPartitionReassignments: v0-1. Another order of replicas, or fewer of them; when the answer comes it is done. */
export const alterPartitionReassignments = handle(AlterPartitionReassignments, {
  access: cluster('ALTER', ({ topics, allowReplicationFactorChange }, refusal) => ({
    ...refusal,
    allowReplicationFactorChange,
    responses: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, ...refusal })),
    })),
  })),
  at: 'controller',
  maxCostBytes: MAX_CHANGES_COST_BYTES,
}).by(async (request, context) => {
  const { topics, timeoutMs, allowReplicationFactorChange } = request
  const asked = await askController(
    context,
    { type: 'alterPartitionReassignments', topics, allowReplicationFactorChange },
    timeoutMs,
  )
  if (asked.failed !== null) {
    return { allowReplicationFactorChange, ...asked.failed, responses: [] }
  }
  return {
    allowReplicationFactorChange,
    errorCode: 'NONE',
    errorMessage: null,
    responses: asked.reply,
  }
})
