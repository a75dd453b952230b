import {
  batchBaseOffset,
  batchLastOffset,
  batchMaxTimestamp,
  batchSizeBytes,
} from '../../../protocol/records/batch.ts'
import { isMissing, readIfThere, readIfThereAsync, syncIfThere, withFile } from '../base/files.ts'
import type { IndexedSegment, Indexes } from './indexes.ts'
import { IndexFile } from './index-file.ts'
import {
  OffsetIndex,
  OFFSET_INDEX_ENTRY_BYTES,
  readOffsetIndex,
  type OffsetEntry,
} from './offset-index.ts'
import { LOOKUP_READ_BYTES, SCAN_READ_BYTES, type BatchVisitor } from './scan.ts'
import { soundIndexesBelow } from './sound-indexes.ts'
import { NO_TIMESTAMP, readTimeIndex, TimeIndex, type TimestampOffset } from './time-index.ts'

export interface SegmentIndexesOptions extends IndexedSegment {
  /** `index.interval.bytes` */
  readonly intervalBytes: number
}

/**
 * A segment's offset and time index: in memory while they are of use, else in their files alone. Files that are missing
 * or damaged are no loss: the batches say it all again.
 */
export class SegmentIndexes {
  readonly #options: SegmentIndexesOptions
  /** Null where they are only in their files. */
  #inMemory: Indexes | null = null
  readonly #offsetFile = new IndexFile()
  readonly #timeFile = new IndexFile()
  /** Of all batches noted; null where only the time index knows. */
  #greatest: TimestampOffset | null = null
  #bytesSinceEntry = 0
  /** There is more in memory than in the files. */
  #isAhead = false
  #isUnsynced = false
  #isPartial = false
  /** How often batches came to them or went. */
  #changes = 0
  /** Where the batch noted last ends; it may not be in the file yet. */
  #notedTo = 0

  constructor(options: SegmentIndexesOptions) {
    this.#options = options
  }

  /** How much memory they take. */
  get memoryBytes(): number {
    if (this.#inMemory === null) return 0
    return this.#inMemory.offsets.bytes().length + this.#inMemory.times.bytes().length
  }

  /** They were made of batches of which some are damaged: they say nothing of those, and aren't kept in files. */
  get isPartial(): boolean {
    return this.#isPartial
  }

  /** The batches that are being noted are not all of the segment's. */
  markPartial(): void {
    this.#isPartial = true
  }

  get isUnsynced(): boolean {
    return this.#isUnsynced
  }

  /** The segment has no batch. */
  reset(): void {
    const { baseOffset } = this.#options
    this.#inMemory = { offsets: new OffsetIndex(baseOffset), times: new TimeIndex(baseOffset) }
    this.#forgetFiles()
    this.#greatest = null
    this.#bytesSinceEntry = 0
    this.#isPartial = false
    this.#changes++
    this.#notedTo = 0
  }

  /** The batches are about to be noted, from the first one on, and the files to be written. */
  begin(): void {
    this.reset()
    this.#isAhead = true
  }

  /** @param maxBytes `segment.index.bytes` */
  isFull(maxBytes: number): boolean {
    const { offsets, times } = this.#residentSync()
    return offsets.isFull(maxBytes) || times.isFull(maxBytes)
  }

  /** Takes the next batch in: it gets an entry exactly where Kafka gives one. */
  note(buffer: Buffer, at: number, sizeBytes: number, position: number): void {
    const { offsets, times } = this.#residentSync()
    const timestamp = batchMaxTimestamp(buffer, at)
    const offset = batchLastOffset(buffer, at)
    let greatest = this.#greatestOf(times)
    if (timestamp > greatest.timestamp) greatest = this.#greatest = { timestamp, offset }
    if (this.#bytesSinceEntry > this.#options.intervalBytes) {
      offsets.append(offset, position)
      times.append(greatest.timestamp, greatest.offset)
      this.#bytesSinceEntry = 0
    }
    this.#isAhead = true
    this.#bytesSinceEntry += sizeBytes
    this.#changes++
    this.#notedTo = position + sizeBytes
  }

  #greatestOf(times: TimeIndex): TimestampOffset {
    return (this.#greatest ??= times.lastEntry())
  }

  /** Ends them as Kafka does when a segment is rolled or closed, and writes their files. */
  finish(): void {
    if (this.#inMemory === null || !this.#isAhead) return
    this.#isAhead = false
    if (this.#isPartial) return this.#removeFiles()
    const { offsets, times } = this.#inMemory
    const greatest = this.#greatestOf(times)
    times.append(greatest.timestamp, greatest.offset)
    this.#save(offsets.bytes(), times.bytes())
  }

  /** What was made of damaged batches must not be taken for the whole by the next start. */
  #removeFiles(): void {
    const { files, pathOf } = this.#options
    this.#forgetFiles()
    for (const kind of ['index', 'timeindex'] as const)
      if (files.disk.exists(pathOf(kind))) files.disk.remove(pathOf(kind))
  }

  /** Has the files say what there is to say of offsets below this one, while the segment is written to. */
  saveBelow(offset: number): void {
    if (this.#isPartial) return this.#removeFiles()
    const { offsets, times } = this.#residentSync()
    this.#save(offsets.bytesBelow(offset), times.bytesBelow(offset))
  }

  #save(offsets: Buffer, times: Buffer): void {
    const { files, pathOf } = this.#options
    this.#isUnsynced = true
    this.#offsetFile.save(files.disk, pathOf('index'), offsets)
    this.#timeFile.save(files.disk, pathOf('timeindex'), times)
  }

  #forgetFiles(): void {
    this.#offsetFile.forget()
    this.#timeFile.forget()
  }

  /** Makes the files durable. */
  async sync(): Promise<void> {
    if (!this.#isUnsynced) return
    const { files, pathOf } = this.#options
    this.#isUnsynced = false
    await syncIfThere(files, pathOf('index'))
    await syncIfThere(files, pathOf('timeindex'))
  }

  /** Leaves them to their files, once all is there. For segments that aren't written to any more. */
  drop(): void {
    this.finish()
    if (!this.#isPartial) this.#inMemory = null
  }

  /** Has them in memory: from their files or, where these are damaged, from the batches. */
  async load(): Promise<void> {
    if (this.#inMemory !== null) return
    const { files, pathOf } = this.#options
    const [index, timeIndex] = await Promise.all([
      readIfThereAsync(files, pathOf('index')),
      readIfThereAsync(files, pathOf('timeindex')),
    ])
    if (this.#inMemory !== null) return
    const indexes = this.#checked(index, timeIndex)
    if (indexes === null) await this.#buildAnew(() => this.#inMemory === null)
    else this.#inMemory = indexes
  }

  /**
   * They have been found to be wrong: builds them anew from the batches, which are taken as they are. Until then they stay as
   * they are: who reads meanwhile would have the files once more, which say the same.
   */
  async rebuild(): Promise<void> {
    const changes = this.#changes
    // Of a segment that is written to, the batches on their way are in no file.
    if (this.#notedTo > this.#options.batches.sizeBytes) return
    await this.#buildAnew(() => this.#changes === changes)
  }

  async #buildAnew(isWanted: () => boolean): Promise<void> {
    const { twin, visitor } = this.#emptyTwin()
    const { batches } = this.#options
    const { damages } = await batches.scanAround(0, 'headers', SCAN_READ_BYTES, visitor)
    if (isWanted()) this.#take(twin, damages.length > 0)
  }

  #residentSync(): Indexes {
    return (this.#inMemory ??= this.#loadSync())
  }

  #loadSync(): Indexes {
    const indexes = this.#checked(...this.#readFiles())
    if (indexes !== null) return indexes
    const { twin, visitor } = this.#emptyTwin()
    const { batches } = this.#options
    const { damages } = batches.scanAroundSync(0, 'headers', SCAN_READ_BYTES, visitor)
    return this.#take(twin, damages.length > 0)
  }

  #readFiles(): [index: Buffer | null, timeIndex: Buffer | null] {
    const { files, pathOf } = this.#options
    return [readIfThere(files.disk, pathOf('index')), readIfThere(files.disk, pathOf('timeindex'))]
  }

  #checked(index: Buffer | null, timeIndex: Buffer | null): Indexes | null {
    const { baseOffset, batches } = this.#options
    if (index === null || timeIndex === null) return null
    const offsets = readOffsetIndex(baseOffset, index, batches.sizeBytes)
    const times = readTimeIndex(baseOffset, timeIndex)
    if (offsets === null || times === null) return null
    // Every segment's last entry tells its greatest timestamp. Where no record has one, this is a read for nothing.
    if (times.entries === 0 && batches.sizeBytes > 0) return null
    return this.#asInFiles({ offsets, times })
  }

  #asInFiles(indexes: Indexes): Indexes {
    this.#offsetFile.holds(indexes.offsets.bytes().length)
    this.#timeFile.holds(indexes.times.bytes().length)
    return indexes
  }

  #emptyTwin(): { twin: SegmentIndexes; visitor: BatchVisitor } {
    const twin = new SegmentIndexes(this.#options)
    twin.reset()
    const visitor: BatchVisitor = (buffer, at, position) => {
      twin.note(buffer, at, batchSizeBytes(buffer, at), position)
      return true
    }
    return { twin, visitor }
  }

  #take(twin: SegmentIndexes, isPartial: boolean): Indexes {
    const indexes = twin.#residentSync()
    this.#inMemory = indexes
    this.#forgetFiles()
    this.#greatest = twin.#greatest
    this.#isPartial = isPartial
    this.#isAhead = true
    return indexes
  }

  /**
   * Keeps what the files say of the batches before an offset, as far as it checks out; from there on the batches are to
   * be noted again. For start-up.
   * @returns the position of the first batch to note; null where nothing could be kept
   */
  beginBelow(limit: number): number | null {
    const kept = soundIndexesBelow(this.#options, limit)
    if (kept === null) return null
    this.#inMemory = this.#asInFiles(kept)
    this.#greatest = null
    this.#isAhead = true
    // The batch at the position has had an entry, and gets it again.
    this.#bytesSinceEntry = this.#options.intervalBytes + 1
    return kept.position
  }

  /** The last batch known that ends at or before this offset; null where there is none. */
  async floor(offset: number): Promise<OffsetEntry | null> {
    await this.load()
    return this.#residentSync().offsets.floor(offset)
  }

  /** Where to begin to look for a record of this timestamp or a later one. */
  async positionForTimestamp(timestamp: bigint, fromOffset: number): Promise<number> {
    await this.load()
    const { offsets, times } = this.#residentSync()
    return offsets.positionFor(Math.max(times.floor(timestamp).offset, fromOffset))
  }

  /** The greatest timestamp and the last offset of its batch; (-1, base offset) where there is none. */
  async greatestTimestamp(): Promise<TimestampOffset> {
    if (this.#greatest !== null) return this.#greatest
    await this.load()
    return this.#greatestOf(this.#residentSync().times)
  }

  /**
   * Holds the greatest timestamp against the batches: that it is the one of its batch, and none behind has a greater one. Index
   * files that say otherwise are damaged.
   */
  async hasSoundGreatest(): Promise<boolean> {
    const greatest = await this.greatestTimestamp()
    const from = this.#residentSync().offsets.positionFor(greatest.offset - 1)
    let isIts = greatest.timestamp === NO_TIMESTAMP
    let isGreatest = true
    await this.#options.batches.scanAround(from, 'headers', LOOKUP_READ_BYTES, (buffer, at) => {
      const timestamp = batchMaxTimestamp(buffer, at)
      isGreatest = timestamp <= greatest.timestamp
      // Kafka before 4.0 wrote the offset of the record, not the last one of its batch.
      if (timestamp === greatest.timestamp && holds(buffer, at, greatest.offset)) isIts = true
      return isGreatest
    })
    return isIts && isGreatest
  }

  /** Where the last entry of the file points, which alone is read: thousands of segments are opened at once. */
  lastPositionInFile(): number {
    const { files, pathOf, batches } = this.#options
    try {
      return withFile(files.disk, pathOf('index'), 'read', (file) => {
        const sizeBytes = file.size()
        if (sizeBytes < OFFSET_INDEX_ENTRY_BYTES) return 0
        const entry = Buffer.alloc(OFFSET_INDEX_ENTRY_BYTES)
        file.readSync(entry, sizeBytes - OFFSET_INDEX_ENTRY_BYTES)
        const position = entry.readInt32BE(4)
        return position > 0 && position < batches.sizeBytes ? position : 0
      })
    } catch (error) {
      if (isMissing(error)) return 0
      throw error
    }
  }

  /** Drops what is said of this offset and later ones, in the files too. `recount` has to follow. */
  truncateTo(offset: number): void {
    const { offsets, times } = this.#residentSync()
    offsets.truncateTo(offset)
    times.truncateTo(offset)
    this.#isAhead = true
    this.#changes++
    this.#notedTo = 0
    if (this.#isPartial) return this.#removeFiles()
    // What the files say of batches that are gone must not be taken for what comes in their place.
    this.#save(offsets.bytes(), times.bytes())
  }

  /** Finds the greatest timestamp of what was left, now that the batches behind it are gone. */
  async recount(): Promise<void> {
    const { offsets, times } = this.#residentSync()
    this.#bytesSinceEntry = 0
    let greatest = times.lastEntry()
    const from = offsets.positionFor(greatest.offset)
    await this.#options.batches.scanAround(from, 'headers', SCAN_READ_BYTES, (buffer, at) => {
      const timestamp = batchMaxTimestamp(buffer, at)
      if (timestamp > greatest.timestamp)
        greatest = { timestamp, offset: batchLastOffset(buffer, at) }
      return true
    })
    this.#greatest = greatest
  }
}

function holds(buffer: Buffer, at: number, offset: number): boolean {
  return batchBaseOffset(buffer, at) <= offset && offset <= batchLastOffset(buffer, at)
}
