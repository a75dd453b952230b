import { batchSizeBytes } from '../../../protocol/records/batch.ts'
import type { WorkerParts } from '../../host/host.ts'
import { withFile } from '../base/files.ts'
import { OpenFiles } from '../base/open-files.ts'
import { SEGMENT_KINDS } from '../base/paths.ts'
import { Segment } from '../segment/segment.ts'
import type { AbortedTransactionEntry } from '../segment/transaction-index.ts'
import type { Throttle } from './throttle.ts'

/** A few files at a time: the log, and an index while it is written. */
const OPEN_FILES = 4

export interface CleanedSegmentOptions {
  /** The partition's directory. */
  readonly path: string
  readonly baseOffset: number
  readonly indexIntervalBytes: number
  /** How much is written at once. */
  readonly writeBytes: number
}

/** What the cleaner leaves of some segments, in files that end in `.cleaned`. */
export class CleanedSegment {
  readonly #segment: Segment
  readonly #parts: WorkerParts
  readonly #throttle: Throttle
  readonly #writeBytes: number
  #chunks: Buffer[] = []
  #chunkBytes = 0
  #hasAborted = false

  constructor(options: CleanedSegmentOptions, parts: WorkerParts, throttle: Throttle) {
    const { path, baseOffset, indexIntervalBytes, writeBytes } = options
    this.#parts = parts
    this.#throttle = throttle
    this.#writeBytes = writeBytes
    this.#segment = new Segment({
      files: new OpenFiles(parts.disk, OPEN_FILES),
      path,
      baseOffset,
      sizeBytes: 0,
      hasTransactionIndex: false,
      indexIntervalBytes,
      createdMs: parts.clock.now(),
      crc32c: (bytes) => parts.codecs.crc32c(bytes),
      // Nothing is read from it here.
      log: { error: () => undefined },
      suffix: '.cleaned',
    })
    this.#segment.create(0)
  }

  get sizeBytes(): number {
    return this.#segment.sizeBytes
  }

  /** Whether it has a transaction index. */
  get hasAborted(): boolean {
    return this.#hasAborted
  }

  /** The batch is copied: its bytes may be written over afterwards. */
  append(batch: Buffer): void {
    this.#segment.noteBatch(batch, 0, batchSizeBytes(batch, 0))
    this.#chunks.push(Buffer.from(batch))
    this.#chunkBytes += batch.length
    if (this.#chunkBytes >= this.#writeBytes) this.#write()
  }

  addAborted(transaction: AbortedTransactionEntry): void {
    this.#hasAborted = true
    this.#segment.addAborted(transaction)
  }

  /**
   * Writes what is left and the indexes, and makes all of it durable.
   * @param modifiedMs when the last of what it is made of was written: records without a timestamp are as old as their file
   */
  finish(modifiedMs: number): void {
    this.#write()
    this.#segment.finish()
    this.#segment.handle.close()
    const { disk } = this.#parts
    disk.setModified(this.#segment.filePath('log'), modifiedMs)
    for (const kind of SEGMENT_KINDS) {
      const path = this.#segment.filePath(kind)
      if (disk.exists(path)) withFile(disk, path, 'create', (file) => file.syncNow())
    }
  }

  /** Leaves nothing behind. */
  discard(): void {
    this.#segment.handle.close()
    this.#segment.removeFiles()
  }

  #write(): void {
    if (this.#chunkBytes === 0) return
    this.#segment.writeSync(this.#chunks, this.#chunkBytes)
    this.#throttle.spent(this.#chunkBytes)
    this.#chunks = []
    this.#chunkBytes = 0
  }
}
