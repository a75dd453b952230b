import { CorruptRecordError } from './errors.ts'
import {
  batchBaseTimestamp,
  batchRecordCount,
  LEAST_HEADER_BYTES,
  LEAST_RECORD_BYTES,
} from './header.ts'

const NO_TIMESTAMP = -1
/** The sum of a timestamp up to here and a delta of up to seven varint bytes (48 bits) is exact as a number. */
const GREATEST_EXACT_BASE = 2 ** 52
/** How many varint bytes a number holds without loss. */
const EXACT_VARLONG_BYTES = 7

/** What a walk may come upon and how much it may do. */
export interface WalkLimits {
  /** The most that a record's body may have (`max.decompressed.message.bytes`). */
  readonly maxRecordBytes: number
  /** Records and headers that are looked at before the walk is given up: `isGivenUp`. */
  readonly maxSteps: number
}

export const UNLIMITED: WalkLimits = { maxRecordBytes: Infinity, maxSteps: Infinity }

/**
 * Goes through the records of a batch by their varints: keys, values and headers are stepped over, and nothing is made for a
 * record. What was found stands in its fields until the next walk.
 */
export class RecordWalker {
  /** The greatest timestamp of all records, by value; -1 where none is greater. */
  greatestTimestamp = -1n
  /** The least timestamp, but for those of -1, which say that there is none; null where there is no other. */
  leastTimestamp: bigint | null = null
  /** A record has no key. */
  hasKeylessRecord = false
  /** The records' offsets don't go up by one from the batch's first. */
  hasOffsetGap = false
  /** There was more to do than the limits allow; the other fields say nothing then. */
  isGivenUp = false
  /** Where the number that was last read ends. */
  #next = 0
  /** A delta that a number doesn't hold. */
  #longDelta = 0n

  /**
   * @param header begins with the batch's header at `headerAt`
   * @param bytes has the records, decompressed, from `from` to `end`
   * @throws CorruptRecordError where the bytes aren't the records that the header counts, or one is above the limit
   */
  walk(
    header: Buffer,
    headerAt: number,
    bytes: Buffer,
    from: number,
    end: number,
    { maxRecordBytes, maxSteps }: WalkLimits,
  ): void {
    const count = batchRecordCount(header, headerAt)
    if (count < 0 || count > (end - from) / LEAST_RECORD_BYTES) {
      throw new CorruptRecordError(`A batch can't have ${count} records in ${end - from} bytes`)
    }
    const base = batchBaseTimestamp(header, headerAt)
    const baseNumber = Number(base)
    const isExactBase = Math.abs(baseNumber) <= GREATEST_EXACT_BASE
    let greatest = NO_TIMESTAMP
    let least = Infinity
    let greatestLong = -1n
    let leastLong: bigint | null = null
    this.hasKeylessRecord = false
    this.hasOffsetGap = false
    this.isGivenUp = count > maxSteps
    if (this.isGivenUp) return
    let stepsLeft = maxSteps - count
    let position = from
    for (let index = 0; index < count; index++) {
      const length = this.#varint(bytes, position, end)
      position = this.#next
      if (length < 0 || length > end - position) throw misfit(length)
      if (length > maxRecordBytes) throw tooLong(length, maxRecordBytes)
      const recordEnd = position + length
      // The attributes, of which no bit is used.
      position++
      const delta = this.#varlong(bytes, position, recordEnd)
      position = this.#next
      if (isExactBase && delta === delta) {
        const timestamp = baseNumber + delta
        if (timestamp > greatest) greatest = timestamp
        if (timestamp < least && timestamp !== NO_TIMESTAMP) least = timestamp
      } else {
        const added = delta === delta ? BigInt(delta) : this.#longDelta
        const timestamp = BigInt.asIntN(64, base + added)
        if (timestamp > greatestLong) greatestLong = timestamp
        if (timestamp !== -1n && (leastLong === null || timestamp < leastLong)) {
          leastLong = timestamp
        }
      }
      const offsetDelta = this.#varint(bytes, position, recordEnd)
      position = this.#next
      if (offsetDelta !== index) this.hasOffsetGap = true
      const keyBytes = this.#varint(bytes, position, recordEnd)
      position = this.#next
      if (keyBytes < 0) this.hasKeylessRecord = true
      else position += keyBytes
      const valueBytes = this.#varint(bytes, position, recordEnd)
      position = this.#next
      if (valueBytes > 0) position += valueBytes
      const headers = this.#varint(bytes, position, recordEnd)
      position = this.#next
      if (headers !== 0) {
        stepsLeft -= headers
        if (stepsLeft < 0) {
          this.isGivenUp = true
          return
        }
        position = this.#headers(headers, bytes, position, recordEnd)
      }
      if (position !== recordEnd) {
        throw new CorruptRecordError(`A record doesn't have the ${length} bytes that it says`)
      }
    }
    if (position !== end) {
      throw new CorruptRecordError('There are bytes after the last record of a batch')
    }
    const ofNumbers = BigInt(greatest)
    this.greatestTimestamp = greatestLong > ofNumbers ? greatestLong : ofNumbers
    this.leastTimestamp = lesser(least === Infinity ? null : BigInt(least), leastLong)
  }

  #headers(count: number, bytes: Buffer, from: number, end: number): number {
    if (count < 0 || count > (end - from) / LEAST_HEADER_BYTES) {
      throw new CorruptRecordError(`Invalid number of headers ${count}`)
    }
    let position = from
    for (let left = count; left > 0; left--) {
      const keyBytes = this.#varint(bytes, position, end)
      if (keyBytes < 0) throw new CorruptRecordError(`Negative length ${keyBytes}`)
      position = this.#next + keyBytes
      const valueBytes = this.#varint(bytes, position, end)
      position = this.#next
      if (valueBytes > 0) position += valueBytes
    }
    return position
  }

  /** A zigzag varint of 32 bits. */
  #varint(bytes: Buffer, position: number, end: number): number {
    if (position >= end) throw pastEnd()
    const first = bytes[position]!
    if (first < 0x80) {
      this.#next = position + 1
      return (first >>> 1) ^ -(first & 1)
    }
    let value = first & 0x7f
    for (let shift = 7; shift < 35; shift += 7) {
      if (++position >= end) throw pastEnd()
      const byte = bytes[position]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        this.#next = position + 1
        return (value >>> 1) ^ -(value & 1)
      }
    }
    throw new CorruptRecordError('A varint has more than five bytes')
  }

  /** A zigzag varint of 64 bits; NaN where it is more than a number holds: then it is in `#longDelta`. */
  #varlong(bytes: Buffer, position: number, end: number): number {
    if (position >= end) throw pastEnd()
    const first = bytes[position]!
    if (first < 0x80) {
      this.#next = position + 1
      return (first >>> 1) ^ -(first & 1)
    }
    let value = first & 0x7f
    let scale = 128
    for (let count = 1; count < EXACT_VARLONG_BYTES; count++) {
      if (++position >= end) throw pastEnd()
      const byte = bytes[position]!
      value += (byte & 0x7f) * scale
      scale *= 128
      if (byte < 0x80) {
        this.#next = position + 1
        return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      }
    }
    let long = BigInt(value)
    for (let shift = 49n; shift < 70n; shift += 7n) {
      if (++position >= end) throw pastEnd()
      const byte = bytes[position]!
      long |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) {
        this.#next = position + 1
        const unsigned = BigInt.asUintN(64, long)
        this.#longDelta = BigInt.asIntN(64, (unsigned >> 1n) ^ -(unsigned & 1n))
        return NaN
      }
    }
    throw new CorruptRecordError('A varlong has more than ten bytes')
  }
}

function misfit(length: number): CorruptRecordError {
  return new CorruptRecordError(`A record of ${length} bytes doesn't fit into its batch`)
}

function tooLong(length: number, maxRecordBytes: number): CorruptRecordError {
  return new CorruptRecordError(
    `A record of ${length} bytes is larger than max.decompressed.message.bytes (${maxRecordBytes})`,
  )
}

function pastEnd(): CorruptRecordError {
  return new CorruptRecordError('A record goes on beyond the bytes that hold it')
}

function lesser(left: bigint | null, right: bigint | null): bigint | null {
  if (left === null || right === null) return left ?? right
  return left < right ? left : right
}
