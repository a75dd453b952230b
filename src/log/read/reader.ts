import {
  BATCH_HEADER_BYTES,
  LOG_OVERHEAD_BYTES,
  batchBaseOffset,
  batchNextOffset,
  batchSizeBytes,
  CorruptRecordError,
} from '../../../protocol/records/batch.ts'
import type { LogContext } from '../context.ts'
import { contradiction } from '../segment/damage.ts'
import type { AbortedTransaction } from '../base/results.ts'
import { isPlausibleHeader } from '../segment/scan.ts'
import type { Segment } from '../segment/segment.ts'
import type { Segments } from '../segment/segments.ts'
import { onlyOnce, type TailRead } from './tail-cache.ts'

/** A fetch's bytes come in one buffer; what is more comes with the next fetch. */
const GREATEST_READ_BYTES = 4 * 1024 * 1024
/** How many consumers' places are remembered, so that one who reads on needs no look-up. */
const REMEMBERED_PLACES = 16
/** A consumer that is so near to the end is worth the copies of a tail cache. */
const NEAR_END_BYTES = 1024 * 1024

/** So much is read at once on the event loop: from the page cache that takes some 50 µs. */
const STEP_BYTES = 256 * 1024
/** A step that takes so long waits for a disk, or for a processor that somebody else has... */
const SLOW_STEP_MS = 1
/** ...but so many in a row wait for a disk: the bytes are not in the page cache... */
const SLOW_STEPS = 3
/** ...and so many reads from there on are left to the thread pool. */
const READS_ON_THREADS = 500

/** Where a consumer will read on. */
interface Place {
  readonly offset: number
  readonly segment: Segment
  readonly position: number
  /** Of the segments, when the place was found: it holds as long as none of them goes. */
  readonly version: number
  /** Of the batch there, where its header was seen; else 0. */
  readonly batchBytes: number
  /** The last steps, one after the other, that were slow. */
  readonly slowSteps: number
  /** So many of the next reads leave the event loop alone. */
  readonly readsOnThreads: number
  /** A look-up has just found that there is a batch with this offset, or a later one, and not damage. */
  readonly isVerified: boolean
}

interface Wanted {
  readonly maxBytes: number
  readonly limitOffset: number
  /** The first batch may be so large, where that is more than `maxBytes`. */
  readonly firstBatchBytes: number
  /** Where the log ends. */
  readonly endOffset: number
}

/** Bytes in a buffer, and what reading them says of the next read. */
interface Filled {
  readonly lengthBytes: number
  readonly slowSteps: number
  readonly readsOnThreads: number
}

/**
 * Reads of all logs at places where nobody has just read: one that was slow sends many to the thread pool, since a node
 * with many partitions on a disk has no readers that come to know it one by one.
 */
export class FirstReads {
  #onThreads = 0

  /** Whether the next one leaves the event loop alone. */
  nextOnThreads(): boolean {
    if (this.#onThreads === 0) return false
    this.#onThreads--
    return true
  }

  wasSlow(): void {
    this.#onThreads = READS_ON_THREADS
  }
}

export interface FileRead extends TailRead {
  readonly isNearEnd: boolean
}

/**
 * Reads whole batches from a log's files.
 *
 * Fetches are served on the event loop: most of their bytes are in the page cache, and a trip to the thread pool costs a
 * third of the whole fetch. Node can't ask the kernel whether they are there (preadv2 with RWF_NOWAIT), so time tells:
 * after a few slow steps in a row the reader's bytes are taken to be on the disk, which only the thread pool waits for.
 */
export class LogReader {
  readonly #context: LogContext
  readonly #segments: Segments
  readonly #places: Place[] = []
  #nextPlace = 0

  constructor(context: LogContext, segments: Segments) {
    this.#context = context
    this.#segments = segments
  }

  /** Positions in the files have changed. */
  forgetPlaces(): void {
    this.#places.length = 0
    this.#nextPlace = 0
  }

  /**
   * Whole batches from the one with this offset on, up to `limitOffset`, from one segment, and up to what is damaged.
   * Throws, or rejects with, a CorruptRecordError where the offset is in damage.
   */
  read(offset: number, wanted: Wanted): FileRead | Promise<FileRead> {
    const { version } = this.#segments
    const known = this.#places.find((place) => place.offset === offset && place.version === version)
    const isThere = known !== undefined && known.position < known.segment.sizeBytes
    const place = isThere ? known : this.#beginning(offset, known)
    return place === null ? this.#lookUpAndRead(offset, wanted) : this.#readAt(place, wanted)
  }

  /** The beginning of the segment that has this offset as its own, if there is one: that needs no index. */
  #beginning(offset: number, before: Place | undefined): Place | null {
    const { version } = this.#segments
    const segment = this.#segments.floor(offset)
    if (segment.baseOffset !== offset || segment.sizeBytes === 0) return null
    const { slowSteps, readsOnThreads } = before ?? this.#newcomer()
    return {
      offset,
      segment,
      position: 0,
      version,
      batchBytes: 0,
      slowSteps,
      readsOnThreads,
      isVerified: false,
    }
  }

  #newcomer(): Pick<Place, 'slowSteps' | 'readsOnThreads'> {
    return { slowSteps: 0, readsOnThreads: this.#context.firstReads.nextOnThreads() ? 1 : 0 }
  }

  /** Where a segment, or the log, ends: what says that it ends above is damaged. */
  #endOf(segment: Segment, logEndOffset: number): number {
    if (segment === this.#segments.active) return logEndOffset
    return Math.min(logEndOffset, this.#segments.endOffsetOf(segment))
  }

  async #lookUpAndRead(offset: number, wanted: Wanted): Promise<FileRead> {
    const place = await this.#lookUp(offset, wanted.endOffset)
    return place === null ? nothing(offset) : this.#readAt(place, wanted)
  }

  #readAt(place: Place, wanted: Wanted): FileRead | Promise<FileRead> {
    const left = place.segment.sizeBytes - place.position
    const lengthBytes = Math.min(usefulBytes(place.batchBytes, wanted), left)
    if (lengthBytes === 0) return nothing(place.offset)
    const buffer = this.#context.buffers.take(lengthBytes)
    return whenDone(this.#fill(place, buffer, lengthBytes), (filled) =>
      this.#batchesOf(place, wanted, buffer, filled),
    )
  }

  #batchesOf(
    place: Place,
    wanted: Wanted,
    buffer: Buffer,
    filled: Filled,
  ): FileRead | Promise<FileRead> {
    const { lengthBytes } = filled
    const { maxBytes, limitOffset, firstBatchBytes } = wanted
    const endOffset = this.#endOf(place.segment, wanted.endOffset)
    const bounds = endOffset === wanted.endOffset ? wanted : { ...wanted, endOffset }
    const kept = wholeBatches(buffer, Math.min(lengthBytes, maxBytes), place, bounds)
    if (kept.sizeBytes > 0) return this.#result(place, buffer, kept, filled)
    const left = place.segment.sizeBytes - place.position
    if (!mayBeFirst(buffer, lengthBytes, left, place, bounds)) {
      this.#context.buffers.give(buffer)
      return this.#lookAgain(place, wanted)
    }
    const firstBytes = lengthBytes >= BATCH_HEADER_BYTES ? batchSizeBytes(buffer, 0) : 0
    const isTooMuch = firstBytes > Math.max(maxBytes, firstBatchBytes)
    if (isTooMuch || firstBytes === 0 || batchBaseOffset(buffer, 0) >= limitOffset) {
      return this.#result(place, buffer, kept, filled)
    }
    if (firstBytes <= lengthBytes) {
      return this.#result(place, buffer, wholeBatches(buffer, firstBytes, place, bounds), filled)
    }
    this.#context.buffers.give(buffer)
    const larger = this.#context.buffers.take(firstBytes)
    return whenDone(this.#fill(place, larger, firstBytes), (whole) => {
      const first = wholeBatches(larger, Math.min(whole.lengthBytes, firstBytes), place, bounds)
      return this.#result(place, larger, first, whole)
    })
  }

  /** Where the next batch should be there is none: damage, in which the offset is or which is before it. */
  #lookAgain(place: Place, wanted: Wanted): Promise<FileRead> {
    if (place.isVerified) throw damagedAt(place.segment, place.offset)
    return this.#lookUpAndRead(place.offset, wanted)
  }

  #result(place: Place, buffer: Buffer, kept: WholeBatches, filled: Filled): FileRead {
    const { segment, position, version } = place
    const { buffers } = this.#context
    const left = segment.sizeBytes - position - kept.sizeBytes
    const isNearEnd = segment === this.#segments.active && left < NEAR_END_BYTES
    if (kept.sizeBytes === 0) {
      buffers.give(buffer)
      return { ...nothing(place.offset), isNearEnd }
    }
    const { sizeBytes, nextOffset } = kept
    const { slowSteps, readsOnThreads } = filled
    this.#remember({
      offset: nextOffset,
      segment,
      position: position + sizeBytes,
      version,
      batchBytes: sizeOfBatchAt(buffer, sizeBytes, filled.lengthBytes),
      slowSteps,
      readsOnThreads,
      isVerified: false,
    })
    return {
      chunks: [buffer.subarray(0, sizeBytes)],
      sizeBytes,
      nextOffset,
      release: onlyOnce(() => buffers.give(buffer)),
      isNearEnd,
    }
  }

  #fill(place: Place, buffer: Buffer, lengthBytes: number): Filled | Promise<Filled> {
    if (place.readsOnThreads > 0) {
      const readsOnThreads = place.readsOnThreads - 1
      return this.#fillOnThreads(place, buffer, 0, lengthBytes, readsOnThreads)
    }
    const { clock } = this.#context.host
    const file = place.segment.handle.open()
    let { slowSteps } = place
    let startedMs = clock.monotonic()
    for (let at = 0; at < lengthBytes;) {
      if (slowSteps >= SLOW_STEPS) {
        return this.#fillOnThreads(place, buffer, at, lengthBytes, READS_ON_THREADS)
      }
      const step = buffer.subarray(at, Math.min(at + STEP_BYTES, lengthBytes))
      const count = file.readSync(step, place.position + at)
      const endedMs = clock.monotonic()
      const isSlow = endedMs - startedMs >= SLOW_STEP_MS
      slowSteps = isSlow ? slowSteps + 1 : 0
      if (isSlow) this.#context.firstReads.wasSlow()
      startedMs = endedMs
      at += count
      if (count < step.length) return { lengthBytes: at, slowSteps, readsOnThreads: 0 }
    }
    return { lengthBytes, slowSteps, readsOnThreads: 0 }
  }

  async #fillOnThreads(
    { segment, position }: Place,
    buffer: Buffer,
    from: number,
    to: number,
    readsOnThreads: number,
  ): Promise<Filled> {
    const count = await segment.handle.using((file) =>
      file.read(buffer.subarray(from, to), position + from),
    )
    return { lengthBytes: from + count, slowSteps: 0, readsOnThreads }
  }

  async #lookUp(offset: number, endOffset: number): Promise<Place | null> {
    const { version } = this.#segments
    for (let segment: Segment | null = this.#segments.floor(offset); segment !== null;) {
      const located = await segment.locate(offset, this.#endOf(segment, endOffset))
      if (segment !== this.#segments.active) this.#context.coldIndexes.touch(segment)
      if (located !== null) {
        if (located.damage !== null) throw damagedAt(segment, offset)
        const { position } = located
        const { slowSteps, readsOnThreads } = this.#newcomer()
        return {
          offset,
          segment,
          position,
          version,
          batchBytes: 0,
          slowSteps,
          readsOnThreads,
          isVerified: true,
        }
      }
      segment = this.#segments.after(segment)
    }
    return null
  }

  #remember(place: Place): void {
    this.#places[this.#nextPlace] = place
    this.#nextPlace = (this.#nextPlace + 1) % REMEMBERED_PLACES
  }

  /** The transactions aborted of which records are between two offsets. */
  async abortedBetween(offset: number, nextOffset: number): Promise<AbortedTransaction[]> {
    const found: AbortedTransaction[] = []
    for (let segment: Segment | null = this.#segments.floor(offset); segment !== null;) {
      let isComplete = false
      for (const entry of await segment.abortedTransactions()) {
        if (entry.lastOffset >= offset && entry.firstOffset < nextOffset) {
          found.push({ producerId: entry.producerId, firstOffset: entry.firstOffset })
        }
        isComplete ||= entry.lastStableOffset >= nextOffset
      }
      segment = isComplete ? null : this.#segments.after(segment)
    }
    return found.sort((one, other) => one.firstOffset - other.firstOffset)
  }
}

function nothing(offset: number): FileRead {
  return {
    chunks: [],
    sizeBytes: 0,
    nextOffset: offset,
    isNearEnd: false,
    release: () => undefined,
  }
}

/**
 * How much to read: batches are mostly as long as their neighbours, so what would hold only a part of one is not read at
 * all, but for the header that tells its length.
 * @param batchBytes the length of the first batch, 0 where it isn't known
 */
function usefulBytes(batchBytes: number, { maxBytes, firstBatchBytes }: Wanted): number {
  const most = Math.min(maxBytes, GREATEST_READ_BYTES)
  if (batchBytes === 0) return Math.max(most, BATCH_HEADER_BYTES)
  if (batchBytes > most) return batchBytes <= Math.max(maxBytes, firstBatchBytes) ? batchBytes : 0
  return Math.min(most, Math.floor(most / batchBytes) * batchBytes + BATCH_HEADER_BYTES)
}

function sizeOfBatchAt(buffer: Buffer, at: number, lengthBytes: number): number {
  if (at + LOG_OVERHEAD_BYTES > lengthBytes) return 0
  const sizeBytes = batchSizeBytes(buffer, at)
  return sizeBytes < BATCH_HEADER_BYTES ? 0 : sizeBytes
}

/** Goes on at once where there is nothing to wait for. */
function whenDone<Value, Result>(
  value: Value | Promise<Value>,
  next: (value: Value) => Result | Promise<Result>,
): Result | Promise<Result> {
  return value instanceof Promise ? value.then(next) : next(value)
}

interface WholeBatches {
  readonly sizeBytes: number
  readonly nextOffset: number
}

/** Up to where a limit is reached, the next one isn't whole, or what follows can't be a batch's header (no checksum is looked at). */
function wholeBatches(
  buffer: Buffer,
  lengthBytes: number,
  { offset, isVerified }: Place,
  { limitOffset, endOffset }: Wanted,
): WholeBatches {
  let at = 0
  // What a look-up found may begin before the offset.
  let nextOffset = isVerified ? -1 : offset
  let lastAt = 0
  let lastBase = -1
  let lastOffset = -1
  while (at + BATCH_HEADER_BYTES <= lengthBytes) {
    if (!isPlausibleHeader(buffer, at)) break
    const sizeBytes = batchSizeBytes(buffer, at)
    const baseOffset = batchBaseOffset(buffer, at)
    // Compaction may have taken what was there; or a wrong offset hides it, which a look-up finds out.
    if (at === 0 && !isVerified && baseOffset !== offset) break
    if (baseOffset < nextOffset) {
      // One of the two has a wrong offset: perhaps the one before, which a look-up finds out.
      if (contradiction(lastBase, nextOffset, baseOffset, lastOffset) !== null)
        return { sizeBytes: lastAt, nextOffset: lastOffset }
      break
    }
    if (at + sizeBytes > lengthBytes || baseOffset >= limitOffset) break
    const next = batchNextOffset(buffer, at)
    if (next > endOffset) break
    lastAt = at
    lastBase = baseOffset
    lastOffset = nextOffset
    nextOffset = next
    at += sizeBytes
  }
  return { sizeBytes: at, nextOffset }
}

/** Whether the first bytes that were read can be the batch with the place's offset, as far as its header says. */
function mayBeFirst(
  buffer: Buffer,
  lengthBytes: number,
  left: number,
  { offset, isVerified }: Place,
  { endOffset }: Wanted,
): boolean {
  if (lengthBytes < BATCH_HEADER_BYTES) return left > lengthBytes
  const sizeBytes = batchSizeBytes(buffer, 0)
  if (!isPlausibleHeader(buffer, 0) || sizeBytes > left) return false
  const nextOffset = batchNextOffset(buffer, 0)
  if (nextOffset <= offset || nextOffset > endOffset) return false
  if (!isVerified && batchBaseOffset(buffer, 0) !== offset) return false
  // So much memory is not given for a length that nobody has looked at.
  if (sizeBytes > GREATEST_READ_BYTES && !isVerified) return false
  const after = sizeBytes
  if (isVerified || after + BATCH_HEADER_BYTES > lengthBytes || !isPlausibleHeader(buffer, after))
    return true
  const baseOffset = batchBaseOffset(buffer, 0)
  return contradiction(baseOffset, nextOffset, batchBaseOffset(buffer, after), offset) === null
}

function damagedAt(segment: Segment, offset: number): CorruptRecordError {
  return new CorruptRecordError(`${segment.handle.path} is damaged at offset ${offset}`)
}
