import {
  BATCH_HEADER_BYTES,
  batchBaseOffset,
  batchCrc,
  batchNextOffset,
  batchSizeBytes,
  checkBatch,
} from '../../../protocol/records/batch.ts'
import { ChecksumShift } from './checksum-shift.ts'
import { isPlausibleHeader, type Reading } from './scan.ts'

/** So much is read at once: a fraction of a millisecond on the event loop. */
const SEARCH_READ_BYTES = 128 * 1024
/** What says that it is longer is not held against its checksum, and not believed. */
export const GREATEST_CHECKED_BYTES = 64 * 1024 * 1024
/** Of so many at once the checksums are computed: some ten megabytes. */
const MOST_CANDIDATES = 2 ** 18
/** Where the bytes begin that a batch's checksum is of. */
const CHECKED_FROM = 21

/** Where the search may look, and for what. */
export interface SearchedPart {
  readonly end: number
  /** No batch may end above it. */
  readonly endOffset: number
  readonly crc32c: (bytes: Uint8Array) => number
}

/** A batch, by its header. */
export interface Candidate {
  readonly position: number
  readonly sizeBytes: number
  readonly baseOffset: number
  readonly nextOffset: number
}

interface Unchecked extends Candidate {
  readonly crc: number
  /** The checksum of all bytes from where the round begins to where its own begin. */
  before: number
}

export function candidateAt(buffer: Buffer, at: number, position: number): Candidate {
  return {
    position,
    sizeBytes: batchSizeBytes(buffer, at),
    baseOffset: batchBaseOffset(buffer, at),
    nextOffset: batchNextOffset(buffer, at),
  }
}

/**
 * Finds the batches in bytes that may be anything: those whose checksum holds. A client may have filled its records with
 * headers that claim all that follows, so the checksums of many are computed in one round over the bytes, and each round
 * looks for headers in as many bytes as the one before had to go over: altogether the search goes over a segment's bytes a few times.
 */
export class BatchSearch {
  readonly #part: SearchedPart
  readonly #shift = new ChecksumShift()
  /** In order; of those that begin before `#decidedTo`. */
  #sound: Candidate[] = []
  #decidedTo = 0
  #roundBytes = SEARCH_READ_BYTES

  constructor(part: SearchedPart) {
    this.#part = part
  }

  /**
   * The first one from a position on that could come next by its offsets; null where there is none.
   * @param from never before that of an earlier call
   * @param except where a batch begins that is out of order, whatever its checksum says
   */
  *next(from: number, fromOffset: number, except: number): Reading<Candidate | null> {
    for (;;) {
      const found = this.#sound.findIndex(
        ({ position, baseOffset }) =>
          position >= from && position !== except && baseOffset >= fromOffset,
      )
      const batch = this.#sound[found]
      if (batch !== undefined) {
        this.#sound.splice(0, found)
        return batch
      }
      this.#sound = []
      const begin = Math.max(from, this.#decidedTo)
      if (begin + BATCH_HEADER_BYTES > this.#part.end) return null
      const candidates = yield* this.#collect(begin, fromOffset)
      if (candidates === null) return null
      if (candidates.length > 0) yield* this.#check(candidates)
    }
  }

  /** Notes what looks like a batch; null where the file is shorter than it was. */
  *#collect(begin: number, fromOffset: number): Reading<Unchecked[] | null> {
    const { end, endOffset } = this.#part
    const candidates: Unchecked[] = []
    const roundEnd = Math.min(end, begin + this.#roundBytes + BATCH_HEADER_BYTES - 1)
    const buffer = Buffer.allocUnsafe(Math.min(SEARCH_READ_BYTES, roundEnd - begin))
    let position = begin
    while (position + BATCH_HEADER_BYTES <= roundEnd && candidates.length < MOST_CANDIDATES) {
      const part = buffer.subarray(0, Math.min(buffer.length, roundEnd - position))
      const count = yield { buffer: part, position }
      if (count < BATCH_HEADER_BYTES) return null
      const last = count - BATCH_HEADER_BYTES
      for (let at = 0; at <= last; at++) {
        if (!isPlausibleHeader(part, at)) continue
        const candidate = candidateAt(part, at, position + at)
        const { sizeBytes, baseOffset, nextOffset } = candidate
        const mayCome =
          sizeBytes <= Math.min(GREATEST_CHECKED_BYTES, end - position - at) &&
          baseOffset >= fromOffset &&
          nextOffset <= endOffset &&
          isHeaderSound(part, at)
        if (mayCome) candidates.push({ ...candidate, crc: batchCrc(part, at), before: 0 })
      }
      position += last + 1
    }
    this.#decidedTo = position
    return candidates
  }

  /** One round over the bytes from the first one's on to where the last ends. */
  *#check(candidates: readonly Unchecked[]): Reading<void> {
    const { crc32c } = this.#part
    const begin = candidates[0]!.position + CHECKED_FROM
    const ends = endsInOrder(candidates, begin)
    const buffer = Buffer.allocUnsafe(SEARCH_READ_BYTES)
    let read = buffer.subarray(0, 0)
    let readAt = begin
    let position = begin
    /** Of all bytes from the beginning to this position. */
    let checksum = 0
    const sound: Candidate[] = []
    let started = 0
    for (const { index, end } of ends) {
      for (;;) {
        const start = candidates[started]
        const isStart = start !== undefined && start.position + CHECKED_FROM <= end
        const mark = isStart ? start.position + CHECKED_FROM : end
        while (position < mark) {
          if (position === readAt + read.length) {
            readAt = position
            const wanted = buffer.subarray(0, Math.min(buffer.length, this.#part.end - position))
            const count = yield { buffer: wanted, position }
            if (count === 0) return
            read = wanted.subarray(0, count)
          }
          const bytes = read.subarray(position - readAt, mark - readAt)
          checksum = this.#shift.shift(checksum, bytes.length) ^ crc32c(bytes)
          position += bytes.length
        }
        if (!isStart) break
        start.before = checksum
        started++
      }
      const { before, crc, position: at, ...offsets } = candidates[index]!
      const own = checksum ^ this.#shift.shift(before, end - at - CHECKED_FROM)
      if (own >>> 0 === crc) sound.push({ position: at, ...offsets })
    }
    const goneOver = Math.max(SEARCH_READ_BYTES, position - begin)
    this.#roundBytes = Math.min(goneOver, GREATEST_CHECKED_BYTES)
    this.#sound = sound.sort((one, other) => one.position - other.position)
  }
}

/** Everything about a batch but its checksum. */
function isHeaderSound(buffer: Buffer, at: number): boolean {
  return checkBatch(buffer, at, Infinity, () => batchCrc(buffer, at)) === null
}

/** Where batches end, and which: sorted as numbers, since they may be very many. */
function* endsInOrder(
  candidates: readonly Unchecked[],
  begin: number,
): Generator<{ readonly index: number; readonly end: number }> {
  const keys = Float64Array.from(
    candidates,
    ({ position, sizeBytes }, index) =>
      (position + sizeBytes - begin) * 2 * MOST_CANDIDATES + index,
  ).sort()
  for (const key of keys) {
    const index = key % (2 * MOST_CANDIDATES)
    yield { index, end: begin + (key - index) / (2 * MOST_CANDIDATES) }
  }
}
