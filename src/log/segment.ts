import {
  BATCH_HEADER_BYTES,
  batchBaseOffset,
  batchLastOffset,
  batchMaxTimestamp,
  batchSizeBytes,
} from '../../protocol/records/batch.ts'
import type { Clock } from '../host/host.ts'
import type { LogConfig } from './config.ts'
import { fitsRelativeOffset } from './offset-index.ts'
import { FileHandle, type OpenFiles } from './open-files.ts'
import { SEGMENT_KINDS, segmentFileName, type SegmentFile, type SegmentSuffix } from './paths.ts'
import {
  LOOKUP_READ_BYTES,
  scanAsync,
  scanSync,
  type BatchVisitor,
  type ScanDepth,
  type ScanResult,
} from './scan.ts'
import { SegmentIndexes } from './segment-indexes.ts'
import { NO_TIMESTAMP, type TimestampOffset } from './time-index.ts'
import { TransactionIndex, type AbortedTransactionEntry } from './transaction-index.ts'

export interface SegmentOptions {
  readonly files: OpenFiles
  /** The partition's directory. */
  readonly path: string
  readonly baseOffset: number
  readonly sizeBytes: number
  readonly hasTransactionIndex: boolean
  readonly indexIntervalBytes: number
  readonly createdMs: number
  /** What its files' names end with; nothing where it is left out. */
  readonly suffix?: SegmentSuffix
}

/** What decides whether a segment is rolled before some batches. */
export interface RollQuestion {
  readonly sizeBytes: number
  readonly lastOffset: number
  readonly maxTimestamp: bigint
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly segmentIndexBytes: number
  readonly nowMs: number
}

/** A run of a log's batches in one file, with the indexes that find them by offset and by time. */
export class Segment {
  readonly baseOffset: number
  readonly handle: FileHandle
  readonly #options: SegmentOptions
  readonly #path: string
  #suffix: SegmentSuffix
  readonly #transactions: TransactionIndex
  /** What is in the file. */
  #sizeBytes: number
  /** What will be in the file when everything noted has been written. */
  #notedBytes: number
  readonly #indexes: SegmentIndexes
  #firstTimestamp: bigint | null = null
  #isPreallocated = false
  /** The `.log` has bytes, or a length, that may not be durable. */
  #hasUnsyncedBytes = false

  constructor(options: SegmentOptions) {
    this.#options = options
    this.#path = options.path
    this.#suffix = options.suffix ?? ''
    this.baseOffset = options.baseOffset
    this.#sizeBytes = options.sizeBytes
    this.#notedBytes = options.sizeBytes
    const { files, baseOffset, hasTransactionIndex } = options
    this.#transactions = new TransactionIndex(files, baseOffset, hasTransactionIndex)
    this.handle = new FileHandle(files, this.filePath('log'))
    this.#indexes = new SegmentIndexes({
      files,
      baseOffset,
      intervalBytes: options.indexIntervalBytes,
      batches: this,
      pathOf: (kind) => this.filePath(kind),
    })
    if (options.sizeBytes === 0) this.#indexes.reset()
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** How much memory the indexes take. */
  get indexBytes(): number {
    return this.#indexes.memoryBytes
  }

  get mayHaveAborted(): boolean {
    return this.#transactions.mayHaveEntries
  }

  filePath(kind: SegmentFile): string {
    return `${this.#path}/${segmentFileName(this.baseOffset, kind)}${this.#suffix}`
  }

  /** Makes the file of a new segment. */
  create(preallocatedBytes: number): void {
    const file = this.handle.open('create')
    this.#indexes.begin()
    this.#hasUnsyncedBytes = true
    this.#isPreallocated = preallocatedBytes > 0
    if (this.#isPreallocated) file.truncate(preallocatedBytes)
  }

  /** Whether these batches have to go into a new segment. */
  needsRollFor(question: RollQuestion): boolean {
    if (!fitsRelativeOffset(this.baseOffset, question.lastOffset)) return true
    // Another empty one would have no more room, and the same name: settings may have become smaller than what is queued.
    if (this.#notedBytes === 0) return false
    if (this.#notedBytes > question.segmentBytes - question.sizeBytes) return true
    if (this.#indexes.isFull(question.segmentIndexBytes)) return true
    const first = this.#firstBatchTimestamp()
    const waitedMs =
      first >= 0n ? Number(question.maxTimestamp - first) : question.nowMs - this.#options.createdMs
    return waitedMs > question.segmentMs
  }

  /** The greatest timestamp of the first batch; -1 where there is none. */
  async firstTimestamp(): Promise<bigint> {
    if (this.#firstTimestamp !== null) return this.#firstTimestamp
    let first = NO_TIMESTAMP
    await this.scan(0, 'headers', BATCH_HEADER_BYTES, (buffer, at) => {
      first = batchMaxTimestamp(buffer, at)
      return false
    })
    if (this.#sizeBytes > 0) this.#firstTimestamp = first
    return first
  }

  #firstBatchTimestamp(): bigint {
    if (this.#firstTimestamp === null) {
      let first = NO_TIMESTAMP
      this.scanSync(0, 'headers', LOOKUP_READ_BYTES, (buffer, at) => {
        first = batchMaxTimestamp(buffer, at)
        return false
      })
      this.#firstTimestamp = first
    }
    return this.#firstTimestamp
  }

  /** Takes batches that are about to be written into the indexes: exactly where Kafka has its entries. */
  note(batches: Buffer): void {
    let at = 0
    while (at < batches.length) {
      const sizeBytes = batchSizeBytes(batches, at)
      this.noteBatch(batches, at, sizeBytes)
      at += sizeBytes
    }
  }

  noteBatch(buffer: Buffer, at: number, sizeBytes: number): void {
    if (this.#notedBytes === 0) this.#firstTimestamp = batchMaxTimestamp(buffer, at)
    this.#indexes.note(buffer, at, sizeBytes, this.#notedBytes)
    this.#notedBytes += sizeBytes
  }

  writeSync(chunks: readonly Buffer[], sizeBytes: number): void {
    this.#hasUnsyncedBytes = true
    this.handle.open().writeSync(chunks, this.#sizeBytes)
    this.#sizeBytes += sizeBytes
  }

  async write(chunks: readonly Buffer[], sizeBytes: number): Promise<void> {
    await this.handle.using((file) => file.write(chunks, this.#sizeBytes))
    this.#hasUnsyncedBytes = true
    this.#sizeBytes += sizeBytes
  }

  /** Ends the indexes as Kafka does when a segment is rolled or closed, and writes them. */
  finish(): void {
    if (this.#isPreallocated) this.handle.open().truncate(this.#sizeBytes)
    this.#isPreallocated = false
    this.#indexes.finish()
  }

  /** Has the index files say what there is to say of offsets below this one, while the segment is written to. */
  saveIndexes(upToOffset: number): void {
    this.#indexes.saveBelow(upToOffset)
  }

  /** Forgets the indexes of a segment that isn't written to any more, once they are in their files. */
  dropIndexes(): void {
    this.finish()
    this.#indexes.drop()
  }

  /** Empties the indexes: the batches are about to be noted again, from the first one on. For start-up. */
  beginRebuild(): void {
    this.#notedBytes = 0
    this.#indexes.begin()
    this.#transactions.reset(this.filePath('txnindex'))
  }

  /**
   * Keeps what the index files say of the batches before an offset, as far as it checks out, and empties them from
   * there. For start-up.
   * @returns the position from which the batches are to be noted again; 0 where nothing could be kept
   */
  beginRebuildBelow(limit: number): number {
    const position = this.hasSoundAborted() ? this.#indexes.beginBelow(limit) : null
    if (position === null) {
      this.beginRebuild()
      return 0
    }
    this.#notedBytes = position
    this.#transactions.truncateToSync(this.filePath('txnindex'), limit)
    return position
  }

  /** Goes through the batches from a position on; for start-up. */
  scanSync(from: number, what: ScanDepth, readBytes: number, visit: BatchVisitor): ScanResult {
    const file = this.handle.open()
    return scanSync({ file, from, end: this.#sizeBytes, what, readBytes, visit })
  }

  /** Goes through the batches from a position on. */
  scan(from: number, what: ScanDepth, readBytes: number, visit: BatchVisitor): Promise<ScanResult> {
    return this.handle.using((file) =>
      scanAsync({ file, from, end: this.#sizeBytes, what, readBytes, visit }),
    )
  }

  /** The position of the first batch that ends at or after this offset; null where there is none. */
  async locate(offset: number): Promise<number | null> {
    const found = await this.#locateFrom(await this.#indexes.positionFor(offset), offset)
    if (found !== 'damaged') return found
    await this.#indexes.rebuild()
    const again = await this.#locateFrom(0, offset)
    return again === 'damaged' ? null : again
  }

  /** The index is damaged where its position isn't one of a batch that ends at or before the offset. */
  async #locateFrom(from: number, offset: number): Promise<number | null | 'damaged'> {
    let found: number | null = null
    let isWrong = false
    const visit: BatchVisitor = (buffer, at, position) => {
      const lastOffset = batchLastOffset(buffer, at)
      isWrong ||= position === from && from > 0 && lastOffset > offset
      if (lastOffset < offset) return true
      found = position
      return false
    }
    const { outcome } = await this.scan(from, 'headers', LOOKUP_READ_BYTES, visit)
    return isWrong || (outcome === 'cut' && from > 0) ? 'damaged' : found
  }

  /** The offset after the last batch; null where the file doesn't end with a whole one. For start-up. */
  nextOffsetSync(): number | null {
    const from = this.#sizeBytes > LOOKUP_READ_BYTES ? this.#indexes.lastPositionInFile() : 0
    const next = this.#nextOffsetFrom(from)
    return next === null && from > 0 ? this.#nextOffsetFrom(0) : next
  }

  #nextOffsetFrom(from: number): number | null {
    let next = this.baseOffset
    if (this.#sizeBytes === 0) return next
    const { outcome } = this.scanSync(from, 'headers', LOOKUP_READ_BYTES, (buffer, at) => {
      next = batchLastOffset(buffer, at) + 1
      return true
    })
    return outcome === 'complete' && next > this.baseOffset ? next : null
  }

  /** The greatest timestamp and the last offset of its batch; (-1, base offset) where there is none. */
  greatestTimestamp(): Promise<TimestampOffset> {
    return this.#indexes.greatestTimestamp()
  }

  /** When the file was last written to, in milliseconds since 1970. */
  modifiedMs(): number {
    return this.#options.files.disk.stat(this.filePath('log')).modifiedMs
  }

  /** Where to begin to look for a record of this timestamp or a later one. */
  positionForTimestamp(timestamp: bigint, fromOffset: number): Promise<number> {
    return this.#indexes.positionForTimestamp(timestamp, fromOffset)
  }

  abortedTransactions(): Promise<readonly AbortedTransactionEntry[]> {
    return this.#transactions.entries(this.filePath('txnindex'))
  }

  addAborted(entry: AbortedTransactionEntry): void {
    this.#transactions.append(this.filePath('txnindex'), entry)
  }

  /** Whether the transaction index can be read; for start-up. */
  hasSoundAborted(): boolean {
    return this.#transactions.isSound(this.filePath('txnindex'))
  }

  /**
   * Cuts the file, and what the indexes say of it, at the batch with this offset.
   * @returns where the segment ends then: before this offset where it is in the middle of a batch
   */
  async truncateTo(target: number): Promise<number> {
    const position = await this.locate(target)
    const offset = position === null ? target : Math.min(target, await this.#baseOffsetAt(position))
    this.#indexes.truncateTo(offset)
    await this.#transactions.truncateTo(this.filePath('txnindex'), offset)
    if (position !== null) this.cutAt(position)
    await this.#indexes.recount()
    return offset
  }

  async #baseOffsetAt(position: number): Promise<number> {
    let baseOffset = Infinity
    await this.scan(position, 'headers', BATCH_HEADER_BYTES, (buffer, at) => {
      baseOffset = batchBaseOffset(buffer, at)
      return false
    })
    return baseOffset
  }

  /** Cuts the file at a position. The indexes are the caller's affair. */
  cutAt(position: number): void {
    this.#hasUnsyncedBytes = true
    this.#notedBytes = position
    if (position === 0) this.#firstTimestamp = null
    if (position === this.#sizeBytes) return
    this.handle.open().truncate(position)
    this.#sizeBytes = position
  }

  get needsSync(): boolean {
    return this.#hasUnsyncedBytes || this.#indexes.isUnsynced || this.#transactions.isUnsynced
  }

  /** Makes durable what was written. */
  async sync(): Promise<void> {
    if (this.#hasUnsyncedBytes) {
      this.#hasUnsyncedBytes = false
      await this.handle.using((file) => file.sync())
    }
    await this.#indexes.sync()
    await this.#transactions.sync(this.filePath('txnindex'))
  }

  /**
   * Gives the files other names. The `.log` comes last: where it has its new name, so have the others.
   * @throws what the disk throws
   */
  renameFiles(suffix: SegmentSuffix): void {
    const { disk } = this.#options.files
    const kinds = SEGMENT_KINDS.toReversed().map((kind) => ({ kind, from: this.filePath(kind) }))
    this.#suffix = suffix
    for (const { kind, from } of kinds)
      if (disk.exists(from)) disk.rename(from, this.filePath(kind))
    this.handle.renamed(this.filePath('log'))
  }

  /** Gives the files names that the next start removes. */
  markDeleted(): void {
    this.renameFiles('.deleted')
  }

  /** Removes the files of a segment that isn't the log's any more, under the names that they have now. */
  removeFiles(): void {
    const { disk } = this.#options.files
    const paths = SEGMENT_KINDS.map((kind) => this.filePath(kind))
    for (const path of paths) if (disk.exists(path)) disk.remove(path)
  }
}

/** Begins a segment, and its file. */
export function newSegment(
  context: { readonly files: OpenFiles; readonly host: { readonly clock: Clock } },
  path: string,
  baseOffset: number,
  config: LogConfig,
): Segment {
  const segment = new Segment({
    files: context.files,
    path,
    baseOffset,
    sizeBytes: 0,
    hasTransactionIndex: false,
    indexIntervalBytes: config.indexIntervalBytes,
    createdMs: context.host.clock.now(),
  })
  segment.create(config.preallocate ? config.segmentBytes : 0)
  return segment
}
