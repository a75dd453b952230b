import { growable } from '../base/growable.ts'

/** Relative offset int32, position int32. */
export const OFFSET_INDEX_ENTRY_BYTES = 8

const GREATEST_RELATIVE_OFFSET = 0x7fffffff
/** What an index can express. */
export const OFFSETS_IN_A_SEGMENT = GREATEST_RELATIVE_OFFSET + 1

/** What an offset index says of one batch: the last of its offsets, and where it is in the file. */
export interface OffsetEntry {
  readonly lastOffset: number
  readonly position: number
}

/**
 * Where in a segment's `.log` some of its batches begin: the last offset of a batch, relative to the segment's base, and
 * its position. Lives in memory while its segment is in use; `bytes` is the file's content.
 */
export class OffsetIndex {
  readonly #baseOffset: number
  #buffer: Buffer
  #entries: number

  /** @param bytes what the file holds, checked by `readOffsetIndex`; the index keeps it */
  constructor(baseOffset: number, bytes: Buffer = Buffer.alloc(0)) {
    this.#baseOffset = baseOffset
    this.#buffer = bytes
    this.#entries = bytes.length / OFFSET_INDEX_ENTRY_BYTES
  }

  get entries(): number {
    return this.#entries
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#entries * OFFSET_INDEX_ENTRY_BYTES)
  }

  isFull(maxBytes: number): boolean {
    return this.#entries >= Math.floor(maxBytes / OFFSET_INDEX_ENTRY_BYTES)
  }

  append(offset: number, position: number): void {
    const at = this.#entries * OFFSET_INDEX_ENTRY_BYTES
    this.#buffer = growable(this.#buffer, at, OFFSET_INDEX_ENTRY_BYTES)
    this.#buffer.writeInt32BE(offset - this.#baseOffset, at)
    this.#buffer.writeInt32BE(position, at + 4)
    this.#entries++
  }

  /** Only what is said of offsets below this one. */
  bytesBelow(offset: number): Buffer {
    const slot = this.#floorSlot(offset - 1)
    return this.#buffer.subarray(0, (slot + 1) * OFFSET_INDEX_ENTRY_BYTES)
  }

  /** The last batch known that ends at or before this offset; null where there is none. */
  floor(offset: number): OffsetEntry | null {
    const slot = this.#floorSlot(offset)
    if (slot < 0) return null
    const position = this.#buffer.readInt32BE(slot * OFFSET_INDEX_ENTRY_BYTES + 4)
    return { lastOffset: this.#offsetAt(slot), position }
  }

  /** The position of the last batch known that ends at or before this offset; 0 where there is none. */
  positionFor(offset: number): number {
    const slot = this.#floorSlot(offset)
    return slot < 0 ? 0 : this.#buffer.readInt32BE(slot * OFFSET_INDEX_ENTRY_BYTES + 4)
  }

  /** Drops what is said of this offset and later ones. */
  truncateTo(offset: number): void {
    const slot = this.#floorSlot(offset)
    const isExact = slot >= 0 && this.#offsetAt(slot) === offset
    this.#entries = isExact ? slot : slot + 1
  }

  #offsetAt(slot: number): number {
    return this.#baseOffset + this.#buffer.readInt32BE(slot * OFFSET_INDEX_ENTRY_BYTES)
  }

  #floorSlot(offset: number): number {
    let low = -1
    let high = this.#entries - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#offsetAt(middle) <= offset) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** Whether a segment's indexes can say anything of this offset. */
export function fitsRelativeOffset(baseOffset: number, offset: number): boolean {
  return offset >= baseOffset && offset - baseOffset <= GREATEST_RELATIVE_OFFSET
}

/**
 * An index from its file, which may have zeros at its end (Kafka preallocates), but no other entries out of order or
 * beyond the log.
 * @returns null where it is damaged and has to be built anew from the log
 */
export function readOffsetIndex(
  baseOffset: number,
  file: Buffer,
  logSizeBytes: number,
): OffsetIndex | null {
  if (file.length % OFFSET_INDEX_ENTRY_BYTES !== 0) return null
  const index = readSoundOffsetIndex(baseOffset, file, logSizeBytes)
  return index.bytes().length === usedBytes(file) ? index : null
}

/** The entries at the beginning of an index's file that are in order and within the log. */
export function readSoundOffsetIndex(
  baseOffset: number,
  file: Buffer,
  logSizeBytes: number,
): OffsetIndex {
  let lastOffset = -1
  let lastPosition = 0
  let at = 0
  for (; at + OFFSET_INDEX_ENTRY_BYTES <= file.length; at += OFFSET_INDEX_ENTRY_BYTES) {
    const relativeOffset = file.readInt32BE(at)
    const position = file.readInt32BE(at + 4)
    if (relativeOffset <= lastOffset || position <= lastPosition) break
    if (position >= logSizeBytes) break
    lastOffset = relativeOffset
    lastPosition = position
  }
  return new OffsetIndex(baseOffset, file.subarray(0, at))
}

/** Without what Kafka preallocates. */
function usedBytes(file: Buffer): number {
  let end = file.length - (file.length % OFFSET_INDEX_ENTRY_BYTES)
  while (end > 0 && isZero(file, end - OFFSET_INDEX_ENTRY_BYTES)) end -= OFFSET_INDEX_ENTRY_BYTES
  return end
}

function isZero(file: Buffer, at: number): boolean {
  return file.readInt32BE(at) === 0 && file.readInt32BE(at + 4) === 0
}
