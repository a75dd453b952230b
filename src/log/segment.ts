import { batchLastOffset, batchMaxTimestamp, batchSizeBytes } from '../../protocol/records/batch.ts'
import type { Clock, Disk, DiskFile } from '../host/host.ts'
import type { LogConfig } from './config.ts'
import { fitsRelativeOffset, OffsetIndex, readOffsetIndex } from './offset-index.ts'
import { FileHandle, type OpenFiles } from './open-files.ts'
import { segmentFileName, type SegmentFile } from './paths.ts'
import { scanAsync, scanSync, type BatchVisitor, type ScanResult } from './scan.ts'
import { NO_TIMESTAMP, readTimeIndex, TimeIndex, type TimestampOffset } from './time-index.ts'
import {
  ABORTED_TRANSACTION_BYTES,
  decodeAborted,
  encodeAborted,
  type AbortedTransactionEntry,
} from './transaction-index.ts'

/** How much is read at once to find a batch near a position that an index gave. */
const LOOKUP_READ_BYTES = 16 * 1024
/** How much is read at once to build indexes anew. */
export const SCAN_READ_BYTES = 1024 * 1024

const SEGMENT_FILES = ['log', 'index', 'timeindex', 'txnindex'] as const
export const DELETED_SUFFIX = '.deleted'

export interface SegmentOptions {
  readonly files: OpenFiles
  /** The partition's directory. */
  readonly path: string
  readonly baseOffset: number
  readonly sizeBytes: number
  readonly hasTransactionIndex: boolean
  readonly indexIntervalBytes: number
  /** Where the log is one that was there before: its file isn't made. */
  readonly createdMs: number
}

interface Indexes {
  readonly offsets: OffsetIndex
  readonly times: TimeIndex
}

/** A run of a log's batches in one file, with the indexes that find them by offset and by time. */
export class Segment {
  readonly baseOffset: number
  readonly createdMs: number
  readonly handle: FileHandle
  readonly #options: SegmentOptions
  #path: string
  /** What is in the file. */
  #sizeBytes: number
  /** What will be in the file when everything noted has been written. */
  #notedBytes: number
  #bytesSinceIndexEntry = 0
  /** The indexes have more than their files. */
  #hasNewIndexEntries = false
  #isPreallocated = false
  #indexes: Indexes | null = null
  #maxTimestamp: TimestampOffset | null = null
  #firstTimestamp: bigint | null = null
  #aborted: AbortedTransactionEntry[] | null
  #abortedCount = 0

  constructor(options: SegmentOptions) {
    this.#options = options
    this.#path = options.path
    this.baseOffset = options.baseOffset
    this.createdMs = options.createdMs
    this.#sizeBytes = options.sizeBytes
    this.#notedBytes = options.sizeBytes
    this.#aborted = options.hasTransactionIndex ? null : []
    this.handle = new FileHandle(options.files, this.filePath('log'))
    if (options.sizeBytes === 0) this.resetIndexes()
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get notedBytes(): number {
    return this.#notedBytes
  }

  get hasIndexes(): boolean {
    return this.#indexes !== null
  }

  get indexBytes(): number {
    if (this.#indexes === null) return 0
    return this.#indexes.offsets.bytes().length + this.#indexes.times.bytes().length
  }

  get mayHaveAborted(): boolean {
    return this.#aborted === null || this.#aborted.length > 0
  }

  filePath(kind: SegmentFile): string {
    return `${this.#path}/${segmentFileName(this.baseOffset, kind)}`
  }

  /** The partition's directory has another name now. */
  movedTo(path: string): void {
    this.#path = path
    this.handle.renamed(this.filePath('log'))
  }

  /** Makes the file of a new segment. */
  create(preallocatedBytes: number): void {
    const file = this.handle.open('create')
    this.#hasNewIndexEntries = true
    this.#isPreallocated = preallocatedBytes > 0
    if (this.#isPreallocated) file.truncate(preallocatedBytes)
  }

  /** Begins with empty indexes: a new segment, or one that is about to be scanned. */
  resetIndexes(): void {
    this.#indexes = {
      offsets: new OffsetIndex(this.baseOffset),
      times: new TimeIndex(this.baseOffset),
    }
    this.#maxTimestamp = null
    this.#bytesSinceIndexEntry = 0
  }

  /** Whether the next batches have to go into a new segment. */
  needsRollFor(batches: {
    sizeBytes: number
    lastOffset: number
    maxTimestamp: bigint
    segmentBytes: number
    segmentMs: number
    segmentIndexBytes: number
    nowMs: number
  }): boolean {
    if (this.#notedBytes > batches.segmentBytes - batches.sizeBytes) return true
    if (!fitsRelativeOffset(this.baseOffset, batches.lastOffset)) return true
    const { offsets, times } = this.#residentIndexes()
    if (offsets.isFull(batches.segmentIndexBytes) || times.isFull(batches.segmentIndexBytes))
      return true
    if (this.#notedBytes === 0) return false
    const first = this.#firstBatchTimestamp()
    const waitedMs =
      first >= 0n ? Number(batches.maxTimestamp - first) : batches.nowMs - this.createdMs
    return waitedMs > batches.segmentMs
  }

  #firstBatchTimestamp(): bigint {
    if (this.#firstTimestamp === null) {
      this.#firstTimestamp = NO_TIMESTAMP
      this.scanSync(0, 'headers', LOOKUP_READ_BYTES, (buffer, at) => {
        this.#firstTimestamp = batchMaxTimestamp(buffer, at)
        return false
      })
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
    const { offsets, times } = this.#residentIndexes()
    const maxTimestamp = batchMaxTimestamp(buffer, at)
    const lastOffset = batchLastOffset(buffer, at)
    if (this.#notedBytes === 0) this.#firstTimestamp = maxTimestamp
    let greatest = this.#maxTimestampSoFar(times)
    if (maxTimestamp > greatest.timestamp) {
      greatest = this.#maxTimestamp = { timestamp: maxTimestamp, offset: lastOffset }
    }
    if (this.#bytesSinceIndexEntry > this.#options.indexIntervalBytes) {
      offsets.append(lastOffset, this.#notedBytes)
      times.append(greatest.timestamp, greatest.offset)
      this.#bytesSinceIndexEntry = 0
    }
    this.#hasNewIndexEntries = true
    this.#notedBytes += sizeBytes
    this.#bytesSinceIndexEntry += sizeBytes
  }

  #maxTimestampSoFar(times: TimeIndex): TimestampOffset {
    return (this.#maxTimestamp ??= times.lastEntry())
  }

  writeSync(chunks: readonly Buffer[], sizeBytes: number): void {
    this.handle.open().writeSync(chunks, this.#sizeBytes)
    this.#sizeBytes += sizeBytes
  }

  async write(chunks: readonly Buffer[], sizeBytes: number): Promise<void> {
    await this.handle.using((file) => file.write(chunks, this.#sizeBytes))
    this.#sizeBytes += sizeBytes
  }

  /** Ends the indexes as Kafka does when a segment is rolled or closed, and writes them. */
  finish(): void {
    if (this.#isPreallocated) this.handle.open().truncate(this.#sizeBytes)
    this.#isPreallocated = false
    if (this.#indexes === null || !this.#hasNewIndexEntries) return
    this.#hasNewIndexEntries = false
    const greatest = this.#maxTimestampSoFar(this.#indexes.times)
    this.#indexes.times.append(greatest.timestamp, greatest.offset)
    const disk = this.#options.files.disk
    replaceContent(disk, this.filePath('index'), this.#indexes.offsets.bytes())
    replaceContent(disk, this.filePath('timeindex'), this.#indexes.times.bytes())
  }

  /** Forgets the indexes, which are in their files. */
  dropIndexes(): void {
    this.#indexes = null
  }

  #residentIndexes(): Indexes {
    this.#indexes ??= this.#readIndexesSync()
    return this.#indexes
  }

  #readIndexesSync(): Indexes {
    const disk = this.#options.files.disk
    const indexes = this.#checked(
      readIfThere(disk, this.filePath('index')),
      readIfThere(disk, this.filePath('timeindex')),
    )
    if (indexes !== null) return indexes
    this.rebuildIndexesSync()
    return this.#indexes!
  }

  #checked(index: Buffer | null, timeIndex: Buffer | null): Indexes | null {
    if (index === null || timeIndex === null) return null
    const offsets = readOffsetIndex(this.baseOffset, index, this.#sizeBytes)
    const times = readTimeIndex(this.baseOffset, timeIndex)
    return offsets === null || times === null ? null : { offsets, times }
  }

  /** Builds the indexes anew from the batches, which are taken as they are. */
  rebuildIndexesSync(): void {
    const sizeBytes = this.#sizeBytes
    this.beginRebuild()
    this.scanSync(0, 'headers', SCAN_READ_BYTES, (buffer, at) => {
      this.noteBatch(buffer, at, batchSizeBytes(buffer, at))
      return true
    })
    this.#notedBytes = sizeBytes
  }

  /** Empties the indexes: the batches are about to be noted again, from the first one on. */
  beginRebuild(): void {
    this.#notedBytes = 0
    this.#hasNewIndexEntries = true
    this.resetIndexes()
  }

  /** Has the indexes in memory, from their files or, where these are damaged, from the batches. */
  async loadIndexes(): Promise<void> {
    if (this.#indexes !== null) return
    const files = this.#options.files
    const [index, timeIndex] = await Promise.all([
      readWhole(new FileHandle(files, this.filePath('index'))),
      readWhole(new FileHandle(files, this.filePath('timeindex'))),
    ])
    if (this.#indexes !== null) return
    const indexes = this.#checked(index, timeIndex)
    if (indexes !== null) {
      this.#indexes = indexes
      return
    }
    this.rebuildIndexesSync()
    this.finish()
  }

  /** Goes through the batches from a position on; for start-up. */
  scanSync(
    from: number,
    what: 'headers' | 'whole',
    readBytes: number,
    visit: BatchVisitor,
  ): ScanResult {
    const file = this.handle.open()
    return scanSync({ file, from, end: this.#sizeBytes, what, readBytes, visit })
  }

  /** Goes through the batches from a position on, in `.log`'s own order. */
  scan(
    from: number,
    what: 'headers' | 'whole',
    readBytes: number,
    visit: BatchVisitor,
  ): Promise<void> {
    return this.handle.using(async (file) => {
      await scanAsync({ file, from, end: this.#sizeBytes, what, readBytes, visit })
    })
  }

  /** The position of the first batch that ends at or after this offset; null where there is none. */
  async locate(offset: number): Promise<number | null> {
    await this.loadIndexes()
    let found: number | null = null
    const from = this.#indexes?.offsets.positionFor(offset) ?? 0
    await this.scan(from, 'headers', LOOKUP_READ_BYTES, (buffer, at, position) => {
      if (batchLastOffset(buffer, at) < offset) return true
      found = position
      return false
    })
    return found
  }

  /** The offset after the last batch; the base offset where there is none. For start-up. */
  nextOffsetSync(): number {
    let next = this.baseOffset
    const from = this.#sizeBytes > SCAN_READ_BYTES ? this.#lastIndexedPosition() : 0
    this.scanSync(from, 'headers', LOOKUP_READ_BYTES, (buffer, at) => {
      next = batchLastOffset(buffer, at) + 1
      return true
    })
    return next
  }

  #lastIndexedPosition(): number {
    return this.#residentIndexes().offsets.positionFor(Number.MAX_SAFE_INTEGER)
  }

  /** The greatest timestamp and the last offset of its batch; (-1, base offset) where there is none. */
  async greatestTimestamp(): Promise<TimestampOffset> {
    if (this.#maxTimestamp !== null) return this.#maxTimestamp
    await this.loadIndexes()
    return this.#indexes === null
      ? this.greatestTimestamp()
      : this.#maxTimestampSoFar(this.#indexes.times)
  }

  /** Where to begin to look for a record of this timestamp or a later one. */
  async positionForTimestamp(timestamp: bigint, fromOffset: number): Promise<number> {
    await this.loadIndexes()
    const { offsets, times } = this.#residentIndexes()
    return offsets.positionFor(Math.max(times.floor(timestamp).offset, fromOffset))
  }

  async abortedTransactions(): Promise<readonly AbortedTransactionEntry[]> {
    if (this.#aborted !== null) return this.#aborted
    const file = await readWhole(new FileHandle(this.#options.files, this.filePath('txnindex')))
    const aborted = (file === null ? [] : decodeAborted(file, this.baseOffset)) ?? []
    this.#aborted ??= aborted
    return this.#aborted
  }

  /** Kafka too writes the transaction index right behind the marker. */
  addAborted(entry: AbortedTransactionEntry): void {
    const disk = this.#options.files.disk
    this.#aborted ??= decodeAborted(disk.readFile(this.filePath('txnindex')), this.baseOffset) ?? []
    this.#abortedCount = this.#aborted.length
    withFile(disk, this.filePath('txnindex'), (file) => {
      file.writeSync([encodeAborted(entry)], this.#abortedCount * ABORTED_TRANSACTION_BYTES)
    })
    this.#aborted.push(entry)
  }

  /** Empties the transaction index before a scan fills it again. */
  resetAborted(): void {
    if (!this.mayHaveAborted) return
    replaceContent(this.#options.files.disk, this.filePath('txnindex'), Buffer.alloc(0))
    this.#aborted = []
  }

  /** Whether the transaction index can be read; for start-up. */
  hasSoundAborted(): boolean {
    if (this.#aborted !== null) return true
    const file = readIfThere(this.#options.files.disk, this.filePath('txnindex'))
    return file !== null && decodeAborted(file, this.baseOffset) !== null
  }

  /** Cuts the file, and what the indexes say of it, at the batch with this offset. */
  async truncateTo(offset: number): Promise<void> {
    const position = await this.locate(offset)
    const { offsets, times } = this.#residentIndexes()
    offsets.truncateTo(offset)
    times.truncateTo(offset)
    this.#hasNewIndexEntries = true
    const aborted = await this.abortedTransactions()
    const kept = aborted.filter((entry) => entry.lastOffset < offset)
    if (kept.length < aborted.length) {
      replaceContent(
        this.#options.files.disk,
        this.filePath('txnindex'),
        Buffer.concat(kept.map(encodeAborted)),
      )
      this.#aborted = kept
    }
    if (position !== null) this.cutAt(position)
    this.#bytesSinceIndexEntry = 0
    let greatest = times.lastEntry()
    await this.scan(
      offsets.positionFor(greatest.offset),
      'headers',
      SCAN_READ_BYTES,
      (buffer, at) => {
        const timestamp = batchMaxTimestamp(buffer, at)
        if (timestamp > greatest.timestamp)
          greatest = { timestamp, offset: batchLastOffset(buffer, at) }
        return true
      },
    )
    this.#maxTimestamp = greatest
  }

  /** Cuts the file at a position. The indexes are the caller's affair. */
  cutAt(position: number): void {
    this.handle.open().truncate(position)
    this.#sizeBytes = position
    this.#notedBytes = position
    if (position === 0) this.#firstTimestamp = null
  }

  /** Gives the files names that the next start removes. */
  markDeleted(): void {
    const { disk } = this.#options.files
    for (const kind of SEGMENT_FILES) {
      const path = this.filePath(kind)
      if (disk.exists(path)) disk.rename(path, `${path}${DELETED_SUFFIX}`)
    }
    this.handle.renamed(`${this.filePath('log')}${DELETED_SUFFIX}`)
  }

  /** Removes the files of a segment that was marked deleted. */
  removeFiles(): void {
    const { disk } = this.#options.files
    for (const kind of SEGMENT_FILES) {
      const path = `${this.filePath(kind)}${DELETED_SUFFIX}`
      if (disk.exists(path)) disk.remove(path)
    }
  }

  /** Makes what was written durable. */
  async sync(withIndexes: boolean): Promise<void> {
    await this.handle.using((file) => file.sync())
    if (!withIndexes) return
    const files = this.#options.files
    for (const kind of ['index', 'timeindex'] as const) await syncFile(files, this.filePath(kind))
    if (this.#abortedCount > 0) await syncFile(files, this.filePath('txnindex'))
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

async function syncFile(files: OpenFiles, path: string): Promise<void> {
  const handle = new FileHandle(files, path)
  try {
    await handle.using((file) => file.sync())
  } finally {
    handle.close()
  }
}

async function readWhole(handle: FileHandle): Promise<Buffer | null> {
  try {
    return await handle.using(async (file) => {
      const bytes = Buffer.allocUnsafeSlow(file.size())
      return bytes.subarray(0, await file.read(bytes, 0))
    })
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  } finally {
    handle.close()
  }
}

export function isMissing(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ENOENT'
}

export function readIfThere(disk: Disk, path: string): Buffer | null {
  try {
    return disk.readFile(path)
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

export function withFile(disk: Disk, path: string, use: (file: DiskFile) => void): void {
  const file = disk.open(path, 'create')
  try {
    use(file)
  } finally {
    file.close()
  }
}

/** Without any durability: for files that can be built anew. */
export function replaceContent(disk: Disk, path: string, content: Buffer): void {
  withFile(disk, path, (file) => {
    file.truncate(0)
    if (content.length > 0) file.writeSync([content], 0)
  })
}
