/** In the order of the numbers that they are stored as. Dead and PrepareEpochFence never are: Apache Kafka passes through them. */
export const TRANSACTION_STATES = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
  'PrepareEpochFence',
] as const
export type TransactionState = (typeof TRANSACTION_STATES)[number]

/** By topic. */
export type PartitionSet = ReadonlyMap<string, ReadonlySet<number>>
export const NO_PARTITIONS: PartitionSet = new Map()

export const NO_PRODUCER_ID = -1
export const NO_PRODUCER_EPOCH = -1
/** No producer gets the greatest epoch, so that one more is always left to fence it with. */
const MAX_EPOCH = 32_767
export const LAST_CLIENT_EPOCH = MAX_EPOCH - 1

/** [KIP-890] From this level of transaction.version on each transaction has an epoch of its own. */
export const EPOCH_BUMP_VERSION = 2

/** What is known of a transactional id. It doesn't change: each step makes another one. */
export interface Transaction {
  readonly transactionalId: string
  readonly state: TransactionState
  readonly producerId: number
  readonly producerEpoch: number
  /** [KIP-360] The epoch before, for a producer that asks again; -1 where there is none, and after the log was read. */
  readonly lastProducerEpoch: number
  /** Before the last step: an answer that got lost may have named another one. */
  readonly previousProducerId: number
  /** [KIP-890] With which the producer goes on once the transaction has ended, where its epochs have run out; -1 else. */
  readonly nextProducerId: number
  readonly timeoutMs: number
  /** While the transaction ends, those whose marker is not known to be written. */
  readonly partitions: PartitionSet
  /** Milliseconds since 1970; -1 before the first transaction of a producer. */
  readonly startTimestamp: number
  /** Milliseconds since 1970. */
  readonly lastUpdateTimestamp: number
  /** The transaction.version that the client had in mind at the last step. */
  readonly clientVersion: number
}

/** What a producer writes by. */
export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

export const NO_PRODUCER: ProducerIdentity = {
  producerId: NO_PRODUCER_ID,
  producerEpoch: NO_PRODUCER_EPOCH,
}

export type TransactionResult = 'COMMIT' | 'ABORT'

/** [KIP-98] Of a transactional id that nobody has used before, as InitProducerId finds it. */
export function newTransaction(
  transactionalId: string,
  producerId: number,
  timeoutMs: number,
  now: number,
): Transaction {
  return {
    transactionalId,
    state: 'Empty',
    producerId,
    producerEpoch: NO_PRODUCER_EPOCH,
    lastProducerEpoch: NO_PRODUCER_EPOCH,
    previousProducerId: NO_PRODUCER_ID,
    nextProducerId: NO_PRODUCER_ID,
    timeoutMs,
    partitions: NO_PARTITIONS,
    startTimestamp: -1,
    lastUpdateTimestamp: now,
    clientVersion: 0,
  }
}

/** The end is decided, and its markers are being written. */
export function isEnding({ state }: Transaction): boolean {
  return state === 'PrepareCommit' || state === 'PrepareAbort'
}

/** Nothing is open: the id may be used for another transaction, and forgotten after some time. */
export function isIdle({ state }: Transaction): boolean {
  return state === 'Empty' || state === 'CompleteCommit' || state === 'CompleteAbort'
}

export function isEpochExhausted(epoch: number): boolean {
  return epoch >= LAST_CLIENT_EPOCH
}

/** @param epoch of which one is left */
export function nextEpoch(epoch: number): number {
  return Math.min(epoch + 1, MAX_EPOCH)
}

/** The result that a transaction is ending with, or has ended with. */
export function resultOf({ state }: Transaction): TransactionResult {
  return state === 'PrepareCommit' || state === 'CompleteCommit' ? 'COMMIT' : 'ABORT'
}
