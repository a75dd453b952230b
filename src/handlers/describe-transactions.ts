import type { ErrorName } from '../../protocol/errors.ts'
import { DescribeTransactions } from '../../protocol/messages/describe-transactions.ts'
import type { DescribeTransactionsResponse } from '../../protocol/messages/describe-transactions.ts'
import type { PartitionSet, Transaction } from '../coordinators/transaction/transaction.ts'
import { all, custom, each } from './access.ts'
import type { RequestContext } from './context.ts'
import { coordinated } from './coordinated.ts'
import { handle } from './handler.ts'
import { inTurns } from './turns.ts'

/** Each may have thousands of partitions. */
const TURN_TRANSACTIONS = 10

/** What a partition takes in an answer, about. */
const PARTITION_BYTES = 12

type Described = DescribeTransactionsResponse['transactionStates'][number]

/** DescribeTransactions: v0 (KIP-664). Topics that the principal may not describe are left out. */
export const describeTransactions = handle(DescribeTransactions, {
  access: all(
    each('TRANSACTIONAL_ID', 'DESCRIBE', {
      items: 'transactionalIds',
      nameOf: (transactionalId) => transactionalId,
      answers: 'transactionStates',
      refuse: (transactionalId, { errorCode }) => nothing(transactionalId, errorCode),
    }),
    custom(['DESCRIBE', 'TOPIC']),
  ),
}).by(async ({ transactionalIds }, context) => ({
  transactionStates: await inTurns(
    context.services,
    transactionalIds,
    (transactionalId) => describe(transactionalId, context),
    TURN_TRANSACTIONS,
  ),
}))

function describe(transactionalId: string, context: RequestContext): Promise<Described> {
  if (transactionalId === '') return Promise.resolve(nothing(transactionalId, 'INVALID_REQUEST'))
  const asked = context.services.transactions.describe(transactionalId)
  return coordinated(
    asked.then((transaction) =>
      transaction === null
        ? nothing(transactionalId, 'TRANSACTIONAL_ID_NOT_FOUND')
        : described(transaction, context),
    ),
    (errorCode) => nothing(transactionalId, errorCode),
  )
}

function described(transaction: Transaction, context: RequestContext): Described {
  return {
    errorCode: 'NONE',
    transactionalId: transaction.transactionalId,
    transactionState: transaction.state,
    transactionTimeoutMs: transaction.timeoutMs,
    transactionStartTimeMs: transaction.startTimestamp,
    producerId: transaction.producerId,
    producerEpoch: transaction.producerEpoch,
    topics: topicsOf(transaction.partitions, context),
  }
}

function topicsOf(partitions: PartitionSet, context: RequestContext): Described['topics'] {
  const topics: Described['topics'][number][] = []
  for (const [topic, indexes] of partitions) {
    if (!context.could('DESCRIBE', 'TOPIC', topic)) continue
    context.spend(indexes.size * PARTITION_BYTES + topic.length)
    topics.push({ topic, partitions: [...indexes] })
  }
  return topics
}

function nothing(transactionalId: string, errorCode: ErrorName): Described {
  return {
    errorCode,
    transactionalId,
    transactionState: '',
    transactionTimeoutMs: 0,
    transactionStartTimeMs: 0,
    producerId: 0,
    producerEpoch: 0,
    topics: [],
  }
}
