import {
  BATCH_HEADER_BYTES,
  batchBaseOffset,
  batchLastOffset,
  batchSizeBytes,
} from '../../protocol/records/batch.ts'
import type { LogContext } from './context.ts'
import type { AbortedTransaction } from './results.ts'
import type { Segment } from './segment.ts'
import type { Segments } from './segments.ts'
import { onlyOnce, type TailRead } from './tail-cache.ts'

/** A fetch's bytes come in one buffer; what is more comes with the next fetch. */
const GREATEST_READ_BYTES = 4 * 1024 * 1024
/** How many consumers' places are remembered, so that one who reads on needs no look-up. */
const REMEMBERED_PLACES = 16
/** A consumer that is so near to the end is worth the copies of a tail cache. */
const NEAR_END_BYTES = 1024 * 1024

interface Place {
  readonly offset: number
  readonly segment: Segment
  readonly position: number
}

export interface FileRead extends TailRead {
  readonly isNearEnd: boolean
}

/** Reads whole batches from a log's files. */
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
  }

  /** Whole batches from the one with this offset on, up to `limitOffset`, from one segment. */
  async read(
    offset: number,
    maxBytes: number,
    limitOffset: number,
    minOneBatch: boolean,
  ): Promise<FileRead> {
    const place = await this.#find(offset)
    if (place === null) return nothing(offset)
    const { segment, position } = place
    const left = segment.sizeBytes - position
    const wanted = Math.max(Math.min(maxBytes, GREATEST_READ_BYTES), BATCH_HEADER_BYTES)
    let buffer = this.#context.buffers.take(Math.min(wanted, left))
    let length = await this.#fill(segment, buffer, Math.min(wanted, left), position)
    let kept = wholeBatches(buffer, Math.min(length, maxBytes), limitOffset)
    const firstBytes = length >= BATCH_HEADER_BYTES ? batchSizeBytes(buffer, 0) : 0
    const wantsFirst = minOneBatch && kept.sizeBytes === 0 && firstBytes >= BATCH_HEADER_BYTES
    if (wantsFirst && firstBytes <= left && batchBaseOffset(buffer, 0) < limitOffset) {
      if (firstBytes > length) {
        this.#context.buffers.give(buffer)
        buffer = this.#context.buffers.take(firstBytes)
        length = await this.#fill(segment, buffer, firstBytes, position)
      }
      kept = wholeBatches(buffer, Math.min(length, firstBytes), limitOffset)
    }
    const isNearEnd = segment === this.#segments.active && left - kept.sizeBytes < NEAR_END_BYTES
    if (kept.sizeBytes === 0) {
      this.#context.buffers.give(buffer)
      return { ...nothing(offset), isNearEnd }
    }
    this.#remember({ offset: kept.nextOffset, segment, position: position + kept.sizeBytes })
    const release = onlyOnce(() => this.#context.buffers.give(buffer))
    return { chunks: [buffer.subarray(0, kept.sizeBytes)], ...kept, release, isNearEnd }
  }

  #fill(segment: Segment, buffer: Buffer, lengthBytes: number, position: number): Promise<number> {
    return segment.handle.using((file) => file.read(buffer.subarray(0, lengthBytes), position))
  }

  async #find(offset: number): Promise<Place | null> {
    const known = this.#places.find((place) => place.offset === offset)
    if (known !== undefined && known.position < known.segment.sizeBytes) return known
    for (let segment: Segment | null = this.#segments.floor(offset); segment !== null;) {
      const position = await segment.locate(offset)
      if (segment !== this.#segments.active) this.#context.coldIndexes.touch(segment)
      if (position !== null) return { offset, segment, position }
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

function wholeBatches(
  buffer: Buffer,
  lengthBytes: number,
  limitOffset: number,
): { sizeBytes: number; nextOffset: number } {
  let at = 0
  let nextOffset = -1
  while (at + BATCH_HEADER_BYTES <= lengthBytes) {
    const sizeBytes = batchSizeBytes(buffer, at)
    if (sizeBytes < BATCH_HEADER_BYTES || at + sizeBytes > lengthBytes) break
    if (batchBaseOffset(buffer, at) >= limitOffset) break
    nextOffset = batchLastOffset(buffer, at) + 1
    at += sizeBytes
  }
  return { sizeBytes: at, nextOffset }
}
