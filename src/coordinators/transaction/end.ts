import type { ErrorName } from '../../../protocol/errors.ts'
import { PRODUCER_ID_NEEDED } from './commands.ts'
import type { CommandOf, Outcome, ProducerReply, ReplyTo, TransactionContext } from './commands.ts'
import {
  EPOCH_BUMP_VERSION,
  isEnding,
  isEpochExhausted,
  LAST_CLIENT_EPOCH,
  nextEpoch,
  NO_PARTITIONS,
  NO_PRODUCER,
  NO_PRODUCER_EPOCH,
  NO_PRODUCER_ID,
  resultOf,
} from './transaction.ts'
import type { ProducerIdentity, Transaction, TransactionResult } from './transaction.ts'

type Command = CommandOf<'End'>
type EndOutcome = Outcome<ReplyTo<'End'>>

/** [KIP-98] A producer commits or aborts. It is answered once that is decided; the markers are written behind it. */
export function end(
  known: Transaction | undefined,
  command: Command,
  context: TransactionContext,
): EndOutcome {
  if (command.transactionalId === '') return refuse('INVALID_REQUEST')
  if (known === undefined) return refuse('INVALID_PRODUCER_ID_MAPPING')
  return command.clientVersion >= EPOCH_BUMP_VERSION
    ? endWithBump(known, command, context)
    : endWithoutBump(known, command, context)
}

/** For clients that keep their epoch: the same end once more is answered as the first one was. */
function endWithoutBump(
  known: Transaction,
  command: Command,
  context: TransactionContext,
): EndOutcome {
  const { result } = command
  if (known.producerId !== command.producerId) return refuse('INVALID_PRODUCER_ID_MAPPING')
  if (known.producerEpoch !== command.producerEpoch) return refuse('PRODUCER_FENCED')
  if (isEnding(known)) return refuse('CONCURRENT_TRANSACTIONS')
  if (known.state === 'Ongoing') {
    const transaction = prepared(known, result, context)
    return { transaction: { ...transaction, clientVersion: 0 }, reply: done(NO_PRODUCER) }
  }
  if (known.state === 'Empty' || resultOf(known) !== result) return refuse('INVALID_TXN_STATE')
  return { reply: done(NO_PRODUCER) }
}

/**
 * [KIP-890] For clients whose every transaction has an epoch of its own: by that the same end once more is told from the end
 * of the next transaction. An abort is taken where nothing is open, too: records may be on their way that would begin one.
 */
function endWithBump(
  known: Transaction,
  command: Command,
  context: TransactionContext,
): EndOutcome {
  const { result, freshProducerId } = command
  if (isEnding(known)) return refuse('CONCURRENT_TRANSACTIONS')
  const isRetry = isAskedAgain(known, command)
  const isOverflow = isRetry && known.producerId !== command.producerId
  if (known.producerId !== command.producerId && !isOverflow) {
    return refuse('INVALID_PRODUCER_ID_MAPPING')
  }
  if (known.producerEpoch !== command.producerEpoch && !isRetry) return refuse('PRODUCER_FENCED')
  if (isRetry) {
    return resultOf(known) === result ? { reply: done(known) } : refuse('INVALID_TXN_STATE')
  }
  if (known.state !== 'Ongoing' && result === 'COMMIT') return refuse('INVALID_TXN_STATE')
  const transaction = bumped(known, result, freshProducerId, context)
  if (transaction === PRODUCER_ID_NEEDED) return { reply: PRODUCER_ID_NEEDED }
  return { transaction, reply: done(identityAfter(transaction)) }
}

/** Whether a transaction that is over was ended by this very request. */
function isAskedAgain(
  known: Transaction,
  { producerId, producerEpoch }: ProducerIdentity,
): boolean {
  if (known.state !== 'CompleteCommit' && known.state !== 'CompleteAbort') return false
  if (known.producerEpoch === producerEpoch + 1) {
    // Else another producer, which keeps its epoch, has ended it: this one would come to that epoch, too.
    return known.producerId === producerId && known.clientVersion >= EPOCH_BUMP_VERSION
  }
  return (
    known.previousProducerId === producerId &&
    known.producerEpoch === 0 &&
    producerEpoch === LAST_CLIENT_EPOCH
  )
}

/**
 * Aborts what a producer has open, in its stead: from now on it is fenced. The markers have an epoch above its own, and a new
 * producer gets one above that.
 */
export function fence(
  known: Transaction,
  freshProducerId: number | null,
  context: TransactionContext,
): Transaction | typeof PRODUCER_ID_NEEDED {
  if (context.settings.transactionVersion >= EPOCH_BUMP_VERSION) {
    return bumped(known, 'ABORT', freshProducerId, context)
  }
  return {
    ...prepared(known, 'ABORT', context),
    producerEpoch: nextEpoch(known.producerEpoch),
    lastProducerEpoch: NO_PRODUCER_EPOCH,
    clientVersion: 0,
  }
}

/** The end is decided; its markers have an epoch above that of the records. */
function bumped(
  known: Transaction,
  result: TransactionResult,
  freshProducerId: number | null,
  context: TransactionContext,
): Transaction | typeof PRODUCER_ID_NEEDED {
  const { producerEpoch } = known
  const isExhausted = isEpochExhausted(producerEpoch)
  if (isExhausted && freshProducerId === null) return PRODUCER_ID_NEEDED
  return {
    ...prepared(known, result, context),
    producerEpoch: nextEpoch(producerEpoch),
    lastProducerEpoch: producerEpoch,
    nextProducerId: isExhausted ? freshProducerId! : NO_PRODUCER_ID,
    clientVersion: EPOCH_BUMP_VERSION,
  }
}

function prepared(
  known: Transaction,
  result: TransactionResult,
  { wallNow }: TransactionContext,
): Transaction {
  return {
    ...known,
    state: result === 'COMMIT' ? 'PrepareCommit' : 'PrepareAbort',
    previousProducerId: known.producerId,
    nextProducerId: NO_PRODUCER_ID,
    startTimestamp: known.state === 'Ongoing' ? known.startTimestamp : wallNow,
    lastUpdateTimestamp: wallNow,
  }
}

/** All partitions have their marker. */
export function completed(ending: Transaction, now: number): Transaction {
  return {
    ...ending,
    ...identityAfter(ending),
    state: resultOf(ending) === 'COMMIT' ? 'CompleteCommit' : 'CompleteAbort',
    previousProducerId: ending.producerId,
    nextProducerId: NO_PRODUCER_ID,
    partitions: NO_PARTITIONS,
    lastUpdateTimestamp: now,
  }
}

/** What the producer goes on with after this transaction. */
function identityAfter({ producerId, producerEpoch, ...ending }: Transaction): ProducerIdentity {
  const { nextProducerId, clientVersion } = ending
  return clientVersion >= EPOCH_BUMP_VERSION && nextProducerId !== NO_PRODUCER_ID
    ? { producerId: nextProducerId, producerEpoch: 0 }
    : { producerId, producerEpoch }
}

function done({ producerId, producerEpoch }: ProducerIdentity): ProducerReply {
  return { errorCode: 'NONE', producerId, producerEpoch }
}

function refuse(errorCode: ErrorName): EndOutcome {
  return { reply: { errorCode, ...NO_PRODUCER } }
}
