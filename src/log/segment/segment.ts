import {
  BATCH_HEADER_BYTES,
  batchBaseOffset,
  batchMaxTimestamp,
  batchNextOffset,
  batchSizeBytes,
  CorruptRecordError,
} from '../../../protocol/records/batch.ts'
import type { Clock, Logger } from '../../host/host.ts'
import type { LogConfig } from '../base/config.ts'
import { scanAround, type SoundScanPart, type SoundScanResult } from './damage.ts'
import { KnownDamage } from './known-damage.ts'
import { BatchLocator, type Located } from './locate.ts'
import { fitsRelativeOffset, OFFSETS_IN_A_SEGMENT } from './offset-index.ts'
import { FileHandle, type OpenFiles } from '../base/open-files.ts'
import {
  SEGMENT_KINDS,
  segmentFileName,
  type SegmentFile,
  type SegmentSuffix,
} from '../base/paths.ts'
import {
  LOOKUP_READ_BYTES,
  readLater,
  readNow,
  scanning,
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
  readonly crc32c: (bytes: Uint8Array) => number
  /** Told of damage when it is found. */
  readonly log: Pick<Logger, 'error'>
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

const always = (_fromOffset: number): boolean => true

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
  readonly #damage: KnownDamage
  readonly #locator: BatchLocator
  #isAbortedTold = false

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
    this.#damage = new KnownDamage(options.log, () => this.filePath('log'))
    this.#locator = new BatchLocator(this, this.#indexes, this.#damage, options.crc32c)
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

  /** @param position where it is in the file: behind the one noted last, but for damage between them */
  noteBatch(buffer: Buffer, at: number, sizeBytes: number, position = this.#notedBytes): void {
    if (position === 0) this.#firstTimestamp = batchMaxTimestamp(buffer, at)
    this.#indexes.note(buffer, at, sizeBytes, position)
    this.#notedBytes = position + sizeBytes
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

  /** Of the batches noted some are damaged. */
  markPartial(): void {
    this.#indexes.markPartial()
  }

  /** Empties the indexes: the batches are about to be noted again, from the first one on. For start-up. */
  beginRebuild(): void {
    this.#notedBytes = 0
    this.#indexes.begin()
    this.#transactions.reset(this.filePath('txnindex'))
  }

  /** All batches were noted that can be read, and the indexes can be written. For start-up. */
  endRebuild(): void {
    this.#notedBytes = this.#sizeBytes
    this.finish()
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
    this.#transactions.truncateTo(this.filePath('txnindex'), limit)
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
      readLater(file, scanning({ from, end: this.#sizeBytes, what, readBytes, visit })),
    )
  }

  /** Goes through the batches from a position on, and past damage, of which the log is told; for start-up. */
  scanAroundSync(
    from: number,
    what: ScanDepth,
    readBytes: number,
    visit: BatchVisitor,
    more: Partial<SoundScanPart> = {},
  ): SoundScanResult {
    const part = { ...this.#soundPart(from, what, readBytes, visit), ...more }
    return this.#tell(readNow(this.handle.open(), scanAround(part)))
  }

  /** The same on the running path. */
  async scanAround(
    from: number,
    what: ScanDepth,
    readBytes: number,
    visit: BatchVisitor,
    more: Partial<SoundScanPart> = {},
  ): Promise<SoundScanResult> {
    const part = { ...this.#soundPart(from, what, readBytes, visit), ...more }
    return this.#tell(await this.handle.using((file) => readLater(file, scanAround(part))))
  }

  #soundPart(from: number, what: ScanDepth, readBytes: number, visit: BatchVisitor): SoundScanPart {
    const { baseOffset } = this
    return {
      from,
      end: this.#sizeBytes,
      what,
      readBytes,
      visit,
      fromOffset: baseOffset,
      endOffset: baseOffset + OFFSETS_IN_A_SEGMENT,
      crc32c: this.#options.crc32c,
      passes: always,
      checksStop: false,
    }
  }

  #tell(result: SoundScanResult): SoundScanResult {
    for (const damage of result.damages) this.#damage.note(damage)
    return result
  }

  /**
   * Finds the first batch that ends at or after this offset, or the damage that it is in; null where there is none. What is
   * healthy behind damage is found.
   * @param endOffset where the log ends
   */
  locate(offset: number, endOffset = Infinity): Promise<Located | null> {
    return this.#locator.locate(offset, endOffset)
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
      if (batchBaseOffset(buffer, at) < next) return false
      next = batchNextOffset(buffer, at)
      return true
    })
    return outcome === 'complete' && next > this.baseOffset ? next : null
  }

  /** The batches don't say all of the segment's timestamps: some are damaged, and so were its indexes. */
  get isTimeUnknown(): boolean {
    return this.#indexes.isPartial
  }

  /** The greatest timestamp and the last offset of its batch; (-1, base offset) where there is none. */
  greatestTimestamp(): Promise<TimestampOffset> {
    return this.#indexes.greatestTimestamp()
  }

  /** Whether the batches say the same of it: what is deleted for a damaged index would be gone. */
  hasSoundTimestamp(): Promise<boolean> {
    return this.#indexes.hasSoundGreatest()
  }

  /** Builds the indexes anew from the batches. Not for the segment that is written to. */
  rebuildIndexes(): Promise<void> {
    return this.#indexes.rebuild()
  }

  /** When the file was last written to, in milliseconds since 1970. */
  modifiedMs(): number {
    return this.#options.files.disk.stat(this.filePath('log')).modifiedMs
  }

  /** Where to begin to look for a record of this timestamp or a later one. */
  positionForTimestamp(timestamp: bigint, fromOffset: number): Promise<number> {
    return this.#indexes.positionForTimestamp(timestamp, fromOffset)
  }

  /** @throws CorruptRecordError where their file is damaged or missing, of which the log is told */
  async abortedTransactions(): Promise<readonly AbortedTransactionEntry[]> {
    try {
      return await this.#transactions.entries(this.filePath('txnindex'))
    } catch (error) {
      if (error instanceof CorruptRecordError && !this.#isAbortedTold) {
        this.#isAbortedTold = true
        this.#options.log.error({ path: this.filePath('txnindex') }, error.message)
      }
      throw error
    }
  }

  /** Has them in memory, for a segment that is written to; for start-up. */
  loadAborted(): void {
    const path = this.filePath('txnindex')
    if (this.#sizeBytes === 0) this.#transactions.reset(path)
    else this.#transactions.load(path)
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
   * @param check called when that was found, before any file changes: throws where they must stay as they are
   * @returns where the segment ends then: before this offset where it is in the middle of a batch
   */
  async truncateTo(target: number, check: () => void): Promise<number> {
    const located = await this.locate(target)
    const position = located?.position ?? null
    const offset =
      position === null
        ? target
        : Math.min(target, located?.damage?.fromOffset ?? (await this.#baseOffsetAt(position)))
    const transactionsPath = this.filePath('txnindex')
    await this.#transactions.entries(transactionsPath)
    check()
    this.#indexes.truncateTo(offset)
    this.#transactions.truncateTo(transactionsPath, offset)
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
    this.#damage.cutAt(position)
    if (position === this.#sizeBytes) return
    this.handle.open().truncate(position)
    this.#sizeBytes = position
  }

  get needsSync(): boolean {
    return this.#hasUnsyncedBytes || this.#indexes.isUnsynced || this.#transactions.isUnsynced
  }

  /** Makes the records durable before it returns: they are few, where they were flushed as they came. */
  syncNow(): void {
    this.handle.open().syncNow()
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
  context: {
    readonly files: OpenFiles
    readonly host: { readonly clock: Clock; readonly log: Pick<Logger, 'error'> }
    readonly codecs: { crc32c(bytes: Uint8Array): number }
  },
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
    crc32c: context.codecs.crc32c,
    log: context.host.log,
  })
  segment.create(config.preallocate ? config.segmentBytes : 0)
  return segment
}
