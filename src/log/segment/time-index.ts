import { growable } from '../base/growable.ts'

/** Timestamp int64, relative offset int32. */
const TIME_INDEX_ENTRY_BYTES = 12

export const NO_TIMESTAMP = -1n

export interface TimestampOffset {
  readonly timestamp: bigint
  readonly offset: number
}

/**
 * How far the timestamps of a segment had got at some of its offsets: the greatest timestamp so far, and the last offset
 * of the batch that it is in, relative to the segment's base. Timestamps only rise.
 */
export class TimeIndex {
  readonly #baseOffset: number
  #buffer: Buffer
  #entries: number

  /** @param bytes what the file holds, checked by `readTimeIndex`; the index keeps it */
  constructor(baseOffset: number, bytes: Buffer = Buffer.alloc(0)) {
    this.#baseOffset = baseOffset
    this.#buffer = bytes
    this.#entries = bytes.length / TIME_INDEX_ENTRY_BYTES
  }

  get entries(): number {
    return this.#entries
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#entries * TIME_INDEX_ENTRY_BYTES)
  }

  /** Only what is said of offsets below this one. */
  bytesBelow(offset: number): Buffer {
    let entries = this.#entries
    while (entries > 0 && this.#entry(entries - 1).offset >= offset) entries--
    return this.#buffer.subarray(0, entries * TIME_INDEX_ENTRY_BYTES)
  }

  /** One entry is kept free for the one that the segment's end adds. */
  isFull(maxBytes: number): boolean {
    return this.#entries >= Math.floor(maxBytes / TIME_INDEX_ENTRY_BYTES) - 1
  }

  /** (-1, base offset) where the index is empty. */
  lastEntry(): TimestampOffset {
    return this.#entries === 0 ? this.#none() : this.#entry(this.#entries - 1)
  }

  /** Adds an entry unless the last one's timestamp is as great. */
  append(timestamp: bigint, offset: number): void {
    const last =
      this.#entries === 0
        ? NO_TIMESTAMP
        : this.#buffer.readBigInt64BE((this.#entries - 1) * TIME_INDEX_ENTRY_BYTES)
    if (timestamp <= last) return
    const at = this.#entries * TIME_INDEX_ENTRY_BYTES
    this.#buffer = growable(this.#buffer, at, TIME_INDEX_ENTRY_BYTES)
    this.#buffer.writeBigInt64BE(timestamp, at)
    this.#buffer.writeInt32BE(offset - this.#baseOffset, at + 8)
    this.#entries++
  }

  /** The last entry with a timestamp less than or equal to this one; (-1, base offset) where there is none. */
  floor(timestamp: bigint): TimestampOffset {
    let low = -1
    let high = this.#entries - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#buffer.readBigInt64BE(middle * TIME_INDEX_ENTRY_BYTES) <= timestamp) low = middle
      else high = middle - 1
    }
    return low < 0 ? this.#none() : this.#entry(low)
  }

  /** Drops what is said of this offset and later ones. */
  truncateTo(offset: number): void {
    while (this.#entries > 0 && this.#entry(this.#entries - 1).offset >= offset) this.#entries--
  }

  #entry(slot: number): TimestampOffset {
    const at = slot * TIME_INDEX_ENTRY_BYTES
    return {
      timestamp: this.#buffer.readBigInt64BE(at),
      offset: this.#baseOffset + this.#buffer.readInt32BE(at + 8),
    }
  }

  #none(): TimestampOffset {
    return { timestamp: NO_TIMESTAMP, offset: this.#baseOffset }
  }
}

/**
 * An index from its file, which may have zeros at its end (Kafka preallocates), but no other entries out of order.
 * @returns null where it is damaged and has to be built anew from the log
 */
export function readTimeIndex(baseOffset: number, file: Buffer): TimeIndex | null {
  if (file.length % TIME_INDEX_ENTRY_BYTES !== 0) return null
  const index = readSoundTimeIndex(baseOffset, file)
  return index.bytes().length === usedBytes(file) ? index : null
}

/** The entries at the beginning of an index's file that are in order. */
export function readSoundTimeIndex(baseOffset: number, file: Buffer): TimeIndex {
  let lastTimestamp = NO_TIMESTAMP
  let lastOffset = -1
  const end = usedBytes(file)
  let at = 0
  for (; at + TIME_INDEX_ENTRY_BYTES <= end; at += TIME_INDEX_ENTRY_BYTES) {
    const timestamp = file.readBigInt64BE(at)
    const relativeOffset = file.readInt32BE(at + 8)
    if (timestamp <= lastTimestamp || relativeOffset < lastOffset || relativeOffset < 0) break
    lastTimestamp = timestamp
    lastOffset = relativeOffset
  }
  return new TimeIndex(baseOffset, file.subarray(0, at))
}

/** Without what Kafka preallocates. */
function usedBytes(file: Buffer): number {
  let end = file.length - (file.length % TIME_INDEX_ENTRY_BYTES)
  while (end > 0 && isZero(file, end - TIME_INDEX_ENTRY_BYTES)) end -= TIME_INDEX_ENTRY_BYTES
  return end
}

function isZero(file: Buffer, at: number): boolean {
  return file.readBigInt64BE(at) === 0n && file.readInt32BE(at + 8) === 0
}
