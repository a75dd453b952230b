import type { ErrorName } from '../../protocol/errors.ts'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/**
 * [KIP-890] What the leader of partitions asks the coordinator of a transaction before it appends to them: whether the
 * producer has told it of them, so that no records are left in the log which no marker will ever end.
 */
export interface TransactionVerifier {
  /**
   * @returns an error for each partition, in their order. TRANSACTION_ABORTABLE: it is not in the transaction. Retriable, and
   * not the client's fault, are CONCURRENT_TRANSACTIONS, NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS,
   * COORDINATOR_NOT_AVAILABLE and NETWORK_EXCEPTION. Rejects with bugs only.
   */
  verify(question: TransactionQuestion): Promise<readonly ErrorName[]>

  /**
   * Calls back when a transaction that is ending has its markers in all partitions, or this broker no longer coordinates it.
   * @returns what stops the waiting; null where this broker would not learn of the end: the coordinator is another one, or no
   * markers are being written
   */
  onceEnded(transactionalId: string, ended: () => void): (() => void) | null
}

export interface TransactionQuestion {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly partitions: readonly TopicPartition[]
  /** Take them into the transaction where they are not in it: the client relies on that from Produce v12 on. */
  readonly addPartition: boolean
}

/** [KIP-98] Has the end of a transaction written into its partitions. */
export interface MarkerWriter {
  /**
   * Tries once.
   * @returns an error for each partition, in their order: NONE where the marker is written and committed, or was so before.
   * Never rejects.
   */
  write(end: TransactionEnd): Promise<readonly ErrorName[]>
}

export interface TransactionEnd {
  readonly producerId: number
  readonly producerEpoch: number
  /** The leader epoch of the coordinator's partition of `__transaction_state`: markers of an older one are refused. */
  readonly coordinatorEpoch: number
  /** [KIP-1228] 2 where each transaction has an epoch of its own (KIP-890), below that not. */
  readonly transactionVersion: number
  readonly result: 'COMMIT' | 'ABORT'
  readonly partitions: readonly TopicPartition[]
}
