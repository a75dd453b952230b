import type { ErrorName } from '../../protocol/errors.ts'
import { InitProducerId } from '../../protocol/messages/init-producer-id.ts'
import type {
  InitProducerIdRequest,
  InitProducerIdResponse,
} from '../../protocol/messages/init-producer-id.ts'
import { NO_PRODUCER } from '../coordinators/transaction/transaction.ts'
import type { ProducerIdentity } from '../coordinators/transaction/transaction.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'
import { custom } from './access.ts'
import type { RequestContext } from './context.ts'
import { coordinated } from './coordinated.ts'
import { fencedAs } from './fenced.ts'
import { handle } from './handler.ts'

/** [KIP-588] */
const FIRST_VERSION_WITH_FENCED = 4

/**
 * InitProducerId: v0-5. An idempotent producer asks once and gets an id of its own with epoch 0; a transactional one fences
 * those that had its transactional id before.
 */
export const initProducerId = handle(InitProducerId, {
  access: custom(
    ['WRITE', 'TRANSACTIONAL_ID'],
    ['IDEMPOTENT_WRITE', 'CLUSTER'],
    ['WRITE', 'TOPIC'],
  ),
}).by(async (request, context) => {
  const error = accessError(request, context)
  if (error !== 'NONE') return refuse(error)
  const expected = expectedOf(request)
  if (expected === 'INVALID_REQUEST') return refuse(expected)
  const { transactionalId, transactionTimeoutMs: timeoutMs } = request
  const { producerIds, transactions } = context.services
  if (transactionalId !== null) {
    const asked = transactions.initProducer({ transactionalId, timeoutMs, expected })
    const reply = await coordinated<InitProducerIdResponse>(asked, refuse)
    const errorCode = fencedAs(reply.errorCode, context.version < FIRST_VERSION_WITH_FENCED)
    return { ...reply, errorCode }
  }
  // [KIP-360] An idempotent producer that wants a new epoch for its id gets a new id: epochs guard transactions only.
  const producerId = await producerIds.next()
  if (producerId === null) return refuse('COORDINATOR_LOAD_IN_PROGRESS')
  return { errorCode: 'NONE', producerId, producerEpoch: 0 }
})

function accessError(
  { transactionalId }: InitProducerIdRequest,
  context: RequestContext,
): ErrorName {
  if (transactionalId !== null) {
    return context.may('WRITE', 'TRANSACTIONAL_ID', transactionalId)
      ? 'NONE'
      : 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
  }
  return context.could('IDEMPOTENT_WRITE', 'CLUSTER', CLUSTER_NAME) ||
    context.may('WRITE', 'TOPIC', null)
    ? 'NONE'
    : 'CLUSTER_AUTHORIZATION_FAILED'
}

/** What the producer has already; null for none. It has an id with an epoch or neither. */
function expectedOf({
  producerId,
  producerEpoch,
}: InitProducerIdRequest): ProducerIdentity | null | 'INVALID_REQUEST' {
  if ((producerId === -1) !== (producerEpoch === -1)) return 'INVALID_REQUEST'
  return producerId === -1 ? null : { producerId, producerEpoch }
}

function refuse(errorCode: ErrorName): InitProducerIdResponse {
  return { errorCode, ...NO_PRODUCER }
}
