import { InitProducerId } from '../../protocol/messages/init-producer-id.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'
import { custom } from './access.ts'
import { handle } from './handler.ts'

const NO_TRANSACTIONS = 'This broker has no transactions yet: a transactional.id was refused'

/**
 * InitProducerId: v0-5, for idempotent producers. Each asks once and gets an id of its own with epoch 0.
 *
 * A transactional id is refused: this broker has no transactions yet, and a producer that believed otherwise would lose
 * what it takes for atomic. The error is the one that every client takes for final here: librdkafka and Sarama, kafkajs,
 * franz-go and the Java client go on asking after most others, or at another place.
 */
export const initProducerId = handle(InitProducerId, {
  access: custom(
    ['WRITE', 'TRANSACTIONAL_ID'],
    ['IDEMPOTENT_WRITE', 'CLUSTER'],
    ['WRITE', 'TOPIC'],
  ),
}).by(async (request, context) => {
  const { transactionalId } = request
  const refused = { producerId: -1, producerEpoch: -1 }
  if (transactionalId !== null) {
    if (context.may('WRITE', 'TRANSACTIONAL_ID', transactionalId)) {
      const fields = { client: context.connection.host, transactionalId }
      context.services.faults.warn('transactional ids that were refused', fields, NO_TRANSACTIONS)
    }
    return { ...refused, errorCode: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED' }
  }
  const mayWrite =
    context.may('IDEMPOTENT_WRITE', 'CLUSTER', CLUSTER_NAME) || context.may('WRITE', 'TOPIC', null)
  if (!mayWrite) return { ...refused, errorCode: 'CLUSTER_AUTHORIZATION_FAILED' }
  // [KIP-360] An idempotent producer that wants a new epoch for its id gets a new id: epochs guard transactions only.
  const producerId = await context.services.producerIds.next()
  if (producerId === null) return { ...refused, errorCode: 'COORDINATOR_LOAD_IN_PROGRESS' }
  return { errorCode: 'NONE', producerId, producerEpoch: 0 }
})
