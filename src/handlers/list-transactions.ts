import type { ErrorName } from '../../protocol/errors.ts'
import { ListTransactions } from '../../protocol/messages/list-transactions.ts'
import type {
  ListTransactionsRequest,
  ListTransactionsResponse,
} from '../../protocol/messages/list-transactions.ts'
import { compileFilter } from '../coordinators/transaction/listing.ts'
import { custom } from './access.ts'
import type { RequestContext } from './context.ts'
import { coordinated } from './coordinated.ts'
import { handle } from './handler.ts'
import { inTurnsOfStored } from './turns.ts'

/** What a transaction takes in an answer, about. */
const TRANSACTION_BYTES = 80

/** ListTransactions: v0-2 (KIP-664, KIP-994, KIP-1152). Those that this broker coordinates; while some are loaded clients have to ask again. */
export const listTransactions = handle(ListTransactions, {
  access: custom(['DESCRIBE', 'TRANSACTIONAL_ID']),
}).by((request, context) => coordinated<ListTransactionsResponse>(list(request, context), refuse))

function refuse(errorCode: ErrorName): ListTransactionsResponse {
  return { errorCode, unknownStateFilters: [], transactionStates: [] }
}

async function list(
  request: ListTransactionsRequest,
  context: RequestContext,
): Promise<ListTransactionsResponse> {
  const { services } = context
  const transactions = await services.transactions.list()
  const filter = compileFilter(
    {
      states: request.stateFilters,
      producerIds: request.producerIdFilters,
      longerThanMs: request.durationFilter,
      pattern: request.transactionalIdPattern,
    },
    services.clock.now(),
  )
  if (filter === 'INVALID_REGULAR_EXPRESSION') return refuse(filter)
  let isTooMuch = false
  const transactionStates = await inTurnsOfStored(
    services,
    transactions,
    (transaction) => {
      const { transactionalId, producerId, state } = transaction
      if (isTooMuch || !context.could('DESCRIBE', 'TRANSACTIONAL_ID', transactionalId)) return null
      if (!filter.canJudge(transaction)) isTooMuch = true
      if (isTooMuch || !filter.takes(transaction)) return null
      context.spend(TRANSACTION_BYTES + transactionalId.length)
      return { transactionalId, producerId, transactionState: state }
    },
    filter.stepsOf,
  )
  if (isTooMuch) return refuse('INVALID_REGULAR_EXPRESSION')
  return { errorCode: 'NONE', unknownStateFilters: filter.unknownStates, transactionStates }
}
