import type { ErrorName } from '../../protocol/errors.ts'
import type { LogConfig } from './config.ts'
import type {
  AppendDone,
  AppendOrigin,
  EpochEndOffset,
  ProducerDescription,
  ReadResult,
  ReadUpTo,
  TimestampedOffset,
} from './results.ts'

/** One partition's directory in Apache Kafka's format. */
export interface Log {
  readonly topic: string
  readonly partition: number
  readonly topicId: string | null
  readonly path: string
  readonly config: LogConfig
  readonly logStartOffset: number
  /** Moves after the write returned. */
  readonly logEndOffset: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly recoveryPoint: number
  /** -1 before the first record. */
  readonly latestEpoch: number
  readonly sizeBytes: number
  readonly isOffline: boolean

  /**
   * Takes one partition's records of a Produce request. Offsets and epoch are patched in place and the buffer belongs to
   * the log until `done` is called, after the write; `done` runs in append order and may be called before this returns.
   */
  append(records: Buffer, leaderEpoch: number, origin: AppendOrigin, done: AppendDone): void
  /** Keeps offsets and epochs as given; a cut batch at the end is left out. */
  appendAsFollower(records: Buffer, done: AppendDone): void
  /** At once from the tail cache or when there is nothing to read; else a promise. Never rejects. */
  read(
    offset: number,
    maxBytes: number,
    upTo: ReadUpTo,
    minOneBatch: boolean,
  ): ReadResult | Promise<ReadResult>
  /** Never above the log end; lower than before only after a truncation. */
  setHighWatermark(offset: number): void
  /** One fsync serves all who ask while another one runs. Rejects when the directory fails. */
  flush(): Promise<void>
  updateConfig(config: LogConfig): void
  earliest(): TimestampedOffset
  /** ListOffsets -3. Null in an empty log. */
  latestTimestamp(): Promise<TimestampedOffset | null>
  /** The first record with this timestamp or a later one. */
  offsetForTimestamp(timestamp: bigint): Promise<TimestampedOffset | null>
  /** OffsetForLeaderEpoch: the largest epoch ≤ the one asked for, with its end; -1/-1 when it is unknown or later than all. */
  endOffsetForEpoch(leaderEpoch: number): EpochEndOffset
  /** The epoch that the record at an offset has; -1 where unknown. */
  epochAt(offset: number): number
  producers(): ProducerDescription[]
  /** DeleteRecords: moves the log start, at most to the high watermark; segments wholly below are removed. */
  deleteRecordsBefore(offset: number): ErrorName
  /** For followers: drops everything from this offset on. */
  truncateTo(offset: number): Promise<void>
  truncateFullyAndStartAt(offset: number): Promise<void>
}
