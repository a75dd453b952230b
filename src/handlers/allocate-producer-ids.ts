import type { ErrorName } from '../../protocol/errors.ts'
import { AllocateProducerIds } from '../../protocol/messages/allocate-producer-ids.ts'
import { cluster } from './access.ts'
import { askController } from './ask-controller.ts'
import { handle } from './handler.ts'

/** AllocateProducerIds: v0 (KIP-730). A block of ids that a broker hands out. */
export const allocateProducerIds = handle(AllocateProducerIds, {
  access: cluster('CLUSTER_ACTION', (_request, { errorCode }) => refused(errorCode)),
  at: 'controller',
}).by(async ({ brokerId, brokerEpoch }, context) => {
  const command = { type: 'allocateProducerIds', brokerId, brokerEpoch } as const
  const asked = await askController(context, command)
  if (asked.failed !== null) return refused(asked.failed.errorCode)
  const { errorCode, producerIdStart, producerIdLen } = asked.reply
  return errorCode === 'NONE' ? { errorCode, producerIdStart, producerIdLen } : refused(errorCode)
})

function refused(errorCode: ErrorName) {
  return { errorCode, producerIdStart: 0, producerIdLen: 0 }
}
