import { InitProducerId } from '../../protocol/messages/init-producer-id.ts'
import { handle } from './handler.ts'

/**
 * InitProducerId: v0-5, for idempotent producers. Each asks once and gets an id of its own with epoch 0.
 *
 * A transactional id is refused: this broker has no transactions yet, and a producer that believed otherwise would lose
 * what it takes for atomic.
 */
export const initProducerId = handle(InitProducerId).by(async (request, { producerIds }) => {
  const refused = { throttleTimeMs: 0, producerId: -1, producerEpoch: -1 }
  if (request.transactionalId !== null) return { ...refused, errorCode: 'INVALID_REQUEST' }
  // [KIP-360] An idempotent producer that wants a new epoch for its id gets a new id: epochs guard transactions only.
  const producerId = await producerIds.next()
  if (producerId === null) return { ...refused, errorCode: 'COORDINATOR_LOAD_IN_PROGRESS' }
  return { throttleTimeMs: 0, errorCode: 'NONE', producerId, producerEpoch: 0 }
})
