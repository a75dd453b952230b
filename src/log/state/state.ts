import assert from 'node:assert/strict'
import { CleaningGate } from './gate.ts'
import { StorageError } from '../base/errors.ts'
import type { LogConfig } from '../base/config.ts'
import type { LogContext, LogHome } from '../context.ts'
import type { EpochCache } from './epoch-cache.ts'
import type { AppendFault } from '../base/faults.ts'
import type { ProducerSnapshots } from '../producers/producer-snapshots.ts'
import type { ProducerState } from '../producers/producer-state.ts'
import type { Segments } from '../segment/segments.ts'

/** What a partition's directory was found to hold. */
export interface LoadedLog {
  readonly topic: string
  readonly partition: number
  /** As 22 characters of base64url; null in the metadata log, which has no `partition.metadata`. */
  readonly topicId: string | null
  readonly path: string
  readonly config: LogConfig
  readonly segments: Segments
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly recoveryPoint: number
  /** Files were made, renamed or removed in the directory, which may not be durable yet. */
  readonly hasUnsyncedNames: boolean
  readonly highWatermark: number
  readonly epochs: EpochCache
  readonly producers: ProducerState
  readonly snapshots: ProducerSnapshots
}

/** What the parts of a log work on together. */
export class LogState {
  readonly context: LogContext
  readonly home: LogHome
  readonly topic: string
  readonly partition: number
  readonly topicId: string | null
  /** `topic-0` */
  readonly name: string
  readonly segments: Segments
  readonly epochs: EpochCache
  readonly producers: ProducerState
  readonly snapshots: ProducerSnapshots
  /** Keeps the cleaner out while the log is truncated or closed. */
  readonly cleaning = new CleaningGate()
  path: string
  config: LogConfig
  logStartOffset: number
  /** What is written ends here. */
  logEndOffset: number
  /** The log will end here when all that is queued has been written. */
  nextOffset: number
  highWatermark: number
  /** What is below is durable. */
  recoveryPoint: number
  /** How often records were cut off the end. */
  truncations = 0
  isClosed = false
  /** Nothing may be appended any more: what is there is being made durable for the next start. */
  isClosing = false
  hasUnsyncedNames: boolean

  constructor(context: LogContext, home: LogHome, loaded: LoadedLog) {
    this.context = context
    this.home = home
    this.topic = loaded.topic
    this.partition = loaded.partition
    this.topicId = loaded.topicId
    this.name = `${loaded.topic}-${loaded.partition}`
    this.segments = loaded.segments
    this.epochs = loaded.epochs
    this.producers = loaded.producers
    this.snapshots = loaded.snapshots
    this.path = loaded.path
    this.config = loaded.config
    this.logStartOffset = loaded.logStartOffset
    this.logEndOffset = loaded.logEndOffset
    this.nextOffset = loaded.logEndOffset
    this.recoveryPoint = loaded.recoveryPoint
    this.hasUnsyncedNames = loaded.hasUnsyncedNames
    this.highWatermark = loaded.logStartOffset
    this.setHighWatermark(loaded.highWatermark)
  }

  get isOffline(): boolean {
    return this.isClosed || this.home.failure !== null
  }

  /** Where read_committed readers stop: before the first transaction that isn't decided and replicated. */
  get lastStableOffset(): number {
    const unstable = this.producers.firstUnstableOffset
    if (unstable === null || unstable > this.highWatermark) return this.highWatermark
    // Retention may have taken where an open transaction begins.
    return Math.max(unstable, this.logStartOffset)
  }

  setHighWatermark(offset: number): void {
    const { logStartOffset, logEndOffset, nextOffset } = this
    assert(
      logStartOffset <= logEndOffset && logEndOffset <= nextOffset,
      'A log ends behind its start, and what is on its way comes behind its end',
    )
    this.highWatermark = Math.max(logStartOffset, Math.min(offset, logEndOffset))
    this.producers.onReplicatedUpTo(this.highWatermark)
  }

  /**
   * For what has waited, before it goes on with the files: their names may be another log's by now, of a topic that was
   * deleted and made again.
   * @throws StorageError where the log is closed
   */
  checkOpen(): void {
    if (this.isClosed) throw this.offlineError()
  }

  offlineFault(): AppendFault {
    const reason = this.home.failure?.message ?? 'it is closed'
    const errorMessage = `${this.name} is offline: ${reason}`
    return { errorCode: 'KAFKA_STORAGE_ERROR', errorMessage, recordErrors: [] }
  }

  offlineError(): StorageError {
    return new StorageError(this.offlineFault().errorMessage)
  }
}
