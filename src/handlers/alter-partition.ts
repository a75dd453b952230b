import { AlterPartition } from '../../protocol/messages/alter-partition.ts'
import { cluster } from './access.ts'
import { askController } from './ask-controller.ts'
import { MAX_CHANGES_COST_BYTES, handle } from './handler.ts'

const FIRST_VERSION_WITH_BROKER_EPOCHS = 3
const UNCHECKED_EPOCH = -1

/**
 * AlterPartition: v2-3 (KIP-497). Leaders say who is in sync with them; each partition by itself changes or is refused. v2 says
 * nothing of the replicas' broker epochs (KIP-903), so they aren't checked.
 */
export const alterPartition = handle(AlterPartition, {
  access: cluster('CLUSTER_ACTION', (_request, { errorCode }) => ({ errorCode, topics: [] })),
  at: 'controller',
  maxCostBytes: MAX_CHANGES_COST_BYTES,
}).by(async ({ brokerId, brokerEpoch, topics }, context) => {
  const hasEpochs = context.version >= FIRST_VERSION_WITH_BROKER_EPOCHS
  const asked = await askController(context, {
    type: 'alterPartition',
    brokerId,
    brokerEpoch,
    topics: topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map(({ newIsr, newIsrWithEpochs, ...partition }) => ({
        ...partition,
        newIsr: hasEpochs
          ? newIsrWithEpochs
          : newIsr.map((id) => ({ brokerId: id, brokerEpoch: UNCHECKED_EPOCH })),
      })),
    })),
  })
  if (asked.failed !== null) return { errorCode: asked.failed.errorCode, topics: [] }
  return { errorCode: asked.reply.errorCode, topics: asked.reply.topics }
})
