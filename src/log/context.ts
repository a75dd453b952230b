import type { Host } from '../host/host.ts'
import type { BufferPool } from '../host/buffer-pool.ts'
import type { CleanerOffsets } from './cleaner/offsets.ts'
import type { LogCodecs } from './base/codecs.ts'
import type { ColdIndexes } from './segment/cold-indexes.ts'
import type { RecordValidator } from './append/validator.ts'
import type { OpenFiles } from './base/open-files.ts'
import type { FirstReads } from './read/reader.ts'
import type { TailCache } from './read/tail-cache.ts'

/** What all logs of a node share. */
export interface LogContext {
  readonly host: Pick<Host, 'clock' | 'disk' | 'log' | 'random' | 'workers'>
  readonly codecs: LogCodecs
  readonly validator: RecordValidator
  readonly files: OpenFiles
  readonly buffers: BufferPool
  readonly firstReads: FirstReads
  readonly tailCache: TailCache
  readonly coldIndexes: ColdIndexes
  /** So much of what is durable recovery may read again before a checkpoint saves what spares it. */
  readonly rereadBytes: number
}

/** What a log needs of the directory that it is in. */
export interface LogHome {
  readonly path: string
  /** What the cluster knows it by; null before it was formatted. */
  readonly id: string | null
  /** The error that took the directory offline. */
  readonly failure: Error | null
  /** Up to where its logs are compacted. */
  readonly cleanerOffsets: CleanerOffsets
  /** Calls the log's `writeQueued` at the end of this turn. */
  enqueue(log: QueuedWriter, sizeBytes: number): void
  /** Whether writes of this size should leave the event loop alone. */
  prefersThreads(sizeBytes: number): boolean
  /**
   * A log has been cut: the checkpoints must not say more of it than there is when other records take their place.
   * Resolves when they don't, or the directory has failed.
   */
  lowerCheckpoints(logName: string): Promise<void>
  /** Nothing may be written here any more: a failed write or fsync isn't tried again as if it had worked. */
  fail(what: string, cause: unknown): Error
}

export interface QueuedWriter {
  readonly queuedBytes: number
  writeQueued(onThreads: boolean): void
}
