import type { ErrorName } from '../../../protocol/errors.ts'

/**
 * Who appends: `client` (Produce: everything is checked), `coordinator` (records and transaction markers of a
 * coordinator: control batches are allowed, sequences aren't checked), `raft` (the metadata log's leader: no producer
 * state at all is checked).
 */
export type AppendOrigin = 'client' | 'coordinator' | 'raft'

/** [KIP-890] What the records of a transaction are held against where it has none in the partition yet. */
export interface RecordTerms {
  /** Of the verification that the coordinator has agreed to; see `log/producers/verifications.ts`. */
  readonly guard: number
}

/** What a marker is held against. */
export interface MarkerTerms {
  /** The leader epoch of the coordinator's partition. */
  readonly coordinatorEpoch: number
  /** Of the feature `transaction.version`: from 2 on each transaction has a producer epoch of its own. */
  readonly transactionVersion: number
}

/** Of an append that is part of a transaction. */
export type TransactionTerms = RecordTerms | MarkerTerms

/** The marker that ends a transaction in a partition, as the transaction's coordinator wants it. */
export interface MarkerToWrite extends MarkerTerms {
  readonly producerId: number
  readonly producerEpoch: number
  readonly result: 'COMMIT' | 'ABORT'
}

/** A record that was refused, by its index in the batch (Produce's `recordErrors`). */
export interface RecordError {
  readonly batchIndex: number
  readonly batchIndexErrorMessage: string | null
}

/** How an append ended; the fields are those of Produce's answer for a partition. */
export interface AppendResult {
  /** `NONE`, or one of CORRUPT_MESSAGE, INVALID_RECORD, INVALID_TIMESTAMP, MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE,
   * OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED, INVALID_TXN_STATE,
   * KAFKA_STORAGE_ERROR, NOT_LEADER_OR_FOLLOWER (leadership ended before the records had their offsets),
   * UNKNOWN_SERVER_ERROR (a worker thread failed). */
  readonly errorCode: ErrorName
  readonly errorMessage: string | null
  readonly recordErrors: readonly RecordError[]
  /** Of the first record; that of the original when this was a duplicate; -1 with an error. */
  readonly baseOffset: number
  /** Of the last record; -1 with an error. The append is replicated when the high watermark is above it. */
  readonly lastOffset: number
  /** The broker's time where the topic has LogAppendTime, else -1 (a duplicate: its original's timestamp, as in Kafka). */
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
}

export type AppendDone = (result: AppendResult) => void

/** How far a read may go: consumers `highWatermark`, read_committed ones `lastStable`, replicas `logEnd`. */
export type ReadUpTo = 'highWatermark' | 'lastStable' | 'logEnd'

/** The fields of Fetch's `abortedTransactions`. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

/** What was read, with the log's offsets at that moment. */
export interface ReadResult {
  /** CORRUPT_MESSAGE: what has the offset can't be read; what is behind it can. */
  readonly errorCode: 'NONE' | 'OFFSET_OUT_OF_RANGE' | 'KAFKA_STORAGE_ERROR' | 'CORRUPT_MESSAGE'
  /** Whole batches in order; the first one may begin before the offset asked for. Empty at the end. */
  readonly chunks: readonly Buffer[]
  readonly sizeBytes: number
  /** Sorted by first offset, complete for the range; null unless read up to `lastStable`. */
  readonly abortedTransactions: readonly AbortedTransaction[] | null
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly logEndOffset: number
  /** The chunks may be overwritten from here on. Never calling it costs only the memory's second use. */
  release(): void
}

/** A record's place and time. */
export interface TimestampedOffset {
  readonly offset: number
  /** Milliseconds as the producer wrote them: any int64. */
  readonly timestamp: bigint
  /** Of the batch that the record is in; -1 where it has none. */
  readonly leaderEpoch: number
}

/** An epoch, and the offset where the next one began. */
export interface EpochEndOffset {
  readonly leaderEpoch: number
  readonly endOffset: number
}

/** An entry of DescribeProducers' answer. */
export interface ProducerDescription {
  readonly producerId: number
  readonly producerEpoch: number
  readonly lastSequence: number
  readonly lastTimestamp: bigint
  readonly coordinatorEpoch: number
  readonly currentTxnStartOffset: number
}
