import { transactionRecords } from '../../../protocol/state/transaction-records.ts'
import type { TransactionRecord } from '../../../protocol/state/transaction-records.ts'
import { DecodeError } from '../../../protocol/wire/reader.ts'
import type { StateRecord } from '../runtime/kind.ts'
import type { DurableFact } from './facts.ts'
import { NO_PARTITIONS, NO_PRODUCER_EPOCH, TRANSACTION_STATES } from './transaction.ts'
import type { Transaction } from './transaction.ts'

/** The record of `__transaction_state` that a fact is stored as. */
export function encodeFact(fact: DurableFact): StateRecord {
  const type = 'TransactionLog'
  if (fact.type === 'TransactionalIdDeleted') {
    const { transactionalId } = fact
    return transactionRecords.encode({ type, key: { transactionalId }, value: null })
  }
  const { transaction, version } = fact
  const { transactionalId, state, partitions } = transaction
  return transactionRecords.encode({
    type,
    key: { transactionalId },
    version,
    value: {
      producerId: transaction.producerId,
      previousProducerId: transaction.previousProducerId,
      nextProducerId: transaction.nextProducerId,
      producerEpoch: transaction.producerEpoch,
      transactionTimeoutMs: transaction.timeoutMs,
      transactionStatus: TRANSACTION_STATES.indexOf(state),
      transactionPartitions:
        state === 'Empty'
          ? null
          : Array.from(partitions, ([topic, indexes]) => ({ topic, partitionIds: [...indexes] })),
      transactionLastUpdateTimestampMs: transaction.lastUpdateTimestamp,
      transactionStartTimestampMs: transaction.startTimestamp,
      clientTransactionVersion: transaction.clientVersion,
    },
  })
}

/**
 * The fact that a record stands for; null for kinds that a later Kafka may have written.
 * @throws DecodeError
 */
export function decodeFact({ key, value }: StateRecord): DurableFact | null {
  const record = transactionRecords.decode(key, value)
  if (record === null) return null
  const { transactionalId } = record.key
  if (record.value === null) return { type: 'TransactionalIdDeleted', transactionalId }
  return {
    type: 'TransactionStored',
    transaction: transactionOf(transactionalId, record.value),
    version: record.version === 0 ? 0 : 1,
  }
}

function transactionOf(
  transactionalId: string,
  value: NonNullable<TransactionRecord['value']>,
): Transaction {
  const state = TRANSACTION_STATES[value.transactionStatus]
  if (state === undefined) {
    throw new DecodeError(`${value.transactionStatus} is no state of a transaction`)
  }
  return {
    transactionalId,
    state,
    producerId: value.producerId,
    producerEpoch: value.producerEpoch,
    lastProducerEpoch: NO_PRODUCER_EPOCH,
    previousProducerId: value.previousProducerId,
    nextProducerId: value.nextProducerId,
    timeoutMs: value.transactionTimeoutMs,
    partitions:
      value.transactionPartitions === null
        ? NO_PARTITIONS
        : new Map(
            value.transactionPartitions.map(({ topic, partitionIds }) => [
              topic,
              new Set(partitionIds),
            ]),
          ),
    startTimestamp: value.transactionStartTimestampMs,
    lastUpdateTimestamp: value.transactionLastUpdateTimestampMs,
    clientVersion: value.clientTransactionVersion,
  }
}
