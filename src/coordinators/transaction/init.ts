import type { ErrorName } from '../../../protocol/errors.ts'
import { PRODUCER_ID_NEEDED } from './commands.ts'
import type { CommandOf, Outcome, ProducerReply, ReplyTo, TransactionContext } from './commands.ts'
import { fence } from './end.ts'
import {
  isEnding,
  isEpochExhausted,
  newTransaction,
  nextEpoch,
  NO_PARTITIONS,
  NO_PRODUCER,
  NO_PRODUCER_EPOCH,
} from './transaction.ts'
import type { ProducerIdentity, Transaction } from './transaction.ts'

type Command = CommandOf<'InitProducer'>
type InitOutcome = Outcome<ReplyTo<'InitProducer'>>

/**
 * [KIP-98, KIP-360] A producer gets its id and epoch. What its predecessor has open is aborted first, and the producer has to
 * come again.
 */
export function initProducer(
  known: Transaction | undefined,
  command: Command,
  context: TransactionContext,
): InitOutcome {
  const { transactionalId, timeoutMs, expected, freshProducerId } = command
  if (transactionalId === '') return refuse('INVALID_REQUEST')
  if (timeoutMs <= 0 || timeoutMs > context.settings.maxTimeoutMs) {
    return refuse('INVALID_TRANSACTION_TIMEOUT')
  }
  if (known === undefined) {
    if (freshProducerId === null) return { reply: PRODUCER_ID_NEEDED }
    const created = newTransaction(transactionalId, freshProducerId, timeoutMs, context.wallNow)
    return begin(created, command, context)
  }
  if (isEnding(known)) return refuse('CONCURRENT_TRANSACTIONS')
  if (expected !== null && !mayGoOn(known, expected)) return refuse('PRODUCER_FENCED')
  if (known.state === 'Ongoing') {
    const fenced = fence(known, freshProducerId, context)
    // What was fenced is aborted by the time that the producer asks again, which raises the epoch once more.
    return fenced === PRODUCER_ID_NEEDED
      ? { reply: PRODUCER_ID_NEEDED }
      : { transaction: fenced, reply: failed('CONCURRENT_TRANSACTIONS') }
  }
  return begin(known, command, context)
}

/** Whether a producer that goes on has the id of now, or the one before of which the answer may have got lost. */
function mayGoOn(
  { producerId, producerEpoch, previousProducerId }: Transaction,
  expected: ProducerIdentity,
): boolean {
  if (producerEpoch === NO_PRODUCER_EPOCH || expected.producerId === producerId) return true
  return expected.producerId === previousProducerId && isEpochExhausted(expected.producerEpoch)
}

/** Where no transaction is open. */
function begin(
  known: Transaction,
  { expected, freshProducerId, timeoutMs }: Command,
  context: TransactionContext,
): InitOutcome {
  const { producerId, producerEpoch, lastProducerEpoch } = known
  const begun = {
    ...known,
    state: 'Empty' as const,
    previousProducerId: producerId,
    timeoutMs,
    partitions: NO_PARTITIONS,
    startTimestamp: -1,
    lastUpdateTimestamp: context.wallNow,
  }
  const isNew = expected === null
  const isCurrent = isNew || expected.producerEpoch === producerEpoch
  if (isCurrent && isEpochExhausted(producerEpoch)) {
    if (freshProducerId === null) return { reply: PRODUCER_ID_NEEDED }
    const lastEpoch = isNew ? NO_PRODUCER_EPOCH : producerEpoch
    return as({
      ...begun,
      producerId: freshProducerId,
      producerEpoch: 0,
      lastProducerEpoch: lastEpoch,
    })
  }
  if (isCurrent || producerEpoch === NO_PRODUCER_EPOCH) {
    const lastEpoch = isNew ? NO_PRODUCER_EPOCH : producerEpoch
    return as({ ...begun, producerEpoch: nextEpoch(producerEpoch), lastProducerEpoch: lastEpoch })
  }
  // The answer got lost: nobody else has begun since, for that would have forgotten the last epoch.
  if (expected.producerEpoch === lastProducerEpoch) return as(begun)
  return refuse('PRODUCER_FENCED')
}

function as(transaction: Transaction): InitOutcome {
  const { producerId, producerEpoch } = transaction
  return { transaction, reply: { errorCode: 'NONE', producerId, producerEpoch } }
}

function refuse(errorCode: ErrorName): InitOutcome {
  return { reply: failed(errorCode) }
}

function failed(errorCode: ErrorName): ProducerReply {
  return { errorCode, ...NO_PRODUCER }
}
