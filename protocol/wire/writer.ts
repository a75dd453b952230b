import { errorNumber } from '../errors.ts'
import type { ErrorName } from '../errors.ts'

/** A value can't be written in the version asked for: null where that version has no null, or out of range. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError'
  readonly code = 'ERR_ENCODE'
}

const TWO_32 = 0x1_0000_0000
const MAX_STRING_BYTES = 0x7fff
const SHORT_TEXT = 40

/** Bytes of record batches: one piece, or several that follow each other. */
export type RecordBytes = Uint8Array | readonly Uint8Array[]

/**
 * Writes Kafka's primitive types. Small values go into a growing buffer; record batches are taken by reference, so the
 * result is a list of chunks: nothing large is ever copied.
 */
export class Writer {
  #buffer: Buffer
  #start = 0
  #position = 0
  #finished: Uint8Array[] = []
  #finishedBytes = 0
  readonly #copiedBytes: number
  #hasReferences = false
  /** Where a codec that writes in turns stops next, in bytes written. */
  turnEnd = Infinity

  /**
   * @param memory where to write, all of it free; where it is too small, the writer takes more
   * @param copiedBytes record batches up to this size are copied: to hand the system a chunk of its own costs more
   */
  constructor(memory: Buffer = Buffer.allocUnsafe(256), copiedBytes = 0) {
    this.#buffer = memory
    this.#copiedBytes = copiedBytes
  }

  /** Whether there are record batches that were taken by reference. */
  get hasReferences(): boolean {
    return this.#hasReferences
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#finishedBytes + this.#position - this.#start
  }

  /** Makes room and returns where to write; may move what is not finished yet to a larger buffer. */
  #reserve(size: number): number {
    const at = this.#position
    if (at + size <= this.#buffer.length) {
      this.#position = at + size
      return at
    }
    const pending = at - this.#start
    const larger = Buffer.allocUnsafe(2 * (pending + size) + 256)
    this.#buffer.copy(larger, 0, this.#start, at)
    this.#buffer = larger
    this.#start = 0
    this.#position = pending + size
    return pending
  }

  #finish(): void {
    if (this.#position === this.#start) return
    this.#finished.push(this.#buffer.subarray(this.#start, this.#position))
    this.#finishedBytes += this.#position - this.#start
    this.#start = this.#position
  }

  /**
   * Begins a new piece of memory: growing one that is large already would copy it.
   * @param sizeBytes of the new piece
   */
  cut(sizeBytes: number): void {
    this.#finish()
    this.#buffer = Buffer.allocUnsafe(sizeBytes)
    this.#start = 0
    this.#position = 0
  }

  #refer(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    if (bytes.length <= this.#copiedBytes) return this.raw(bytes)
    this.#hasReferences = true
    this.#finish()
    this.#finished.push(bytes)
    this.#finishedBytes += bytes.length
  }

  /** All that was written, in order. The writer must not be used afterwards. */
  chunks(): Uint8Array[] {
    if (this.#finished.length === 0 && this.#position > this.#start) {
      // An array that grows has spare room, and most messages are one chunk.
      return [this.#buffer.subarray(this.#start, this.#position)]
    }
    this.#finish()
    return this.#finished
  }

  /** All that was written as one buffer; copies if there is more than one chunk. */
  toBuffer(): Buffer {
    const chunks = this.chunks()
    return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
  }

  /** Sets an int32 that was written when the writer had `begin` bytes: a length that is known only now. */
  setInt32(begin: number, value: number): void {
    let from = this.#finishedBytes
    if (begin >= from) {
      this.#word(value, this.#start + begin - from)
      return
    }
    let index = this.#finished.length
    while (begin < from) from -= this.#finished[--index]!.length
    const chunk = this.#finished[index] as Buffer
    chunk.writeInt32BE(value, begin - from)
  }

  fail(what: string): never {
    throw new EncodeError(what)
  }

  bool(value: boolean): void {
    const at = this.#reserve(1)
    this.#buffer[at] = value ? 1 : 0
  }

  /** Integers out of range are a bug of the caller, and would otherwise be cut silently. */
  #outOfRange(value: number, type: string): never {
    this.fail(`${value} is not an ${type}`)
  }

  int8(value: number): void {
    if ((value << 24) >> 24 !== value) this.#outOfRange(value, 'int8')
    const at = this.#reserve(1)
    this.#buffer[at] = value
  }

  int16(value: number): void {
    if ((value << 16) >> 16 !== value) this.#outOfRange(value, 'int16')
    this.#half(value)
  }

  uint16(value: number): void {
    if ((value & 0xffff) !== value) this.#outOfRange(value, 'uint16')
    this.#half(value)
  }

  #half(value: number): void {
    const at = this.#reserve(2)
    const buffer = this.#buffer
    buffer[at] = value >> 8
    buffer[at + 1] = value
  }

  int32(value: number): void {
    if ((value | 0) !== value) this.#outOfRange(value, 'int32')
    this.#word(value, this.#reserve(4))
  }

  uint32(value: number): void {
    if (value >>> 0 !== value) this.#outOfRange(value, 'uint32')
    this.#word(value, this.#reserve(4))
  }

  #word(value: number, at: number): void {
    const buffer = this.#buffer
    buffer[at] = value >> 24
    buffer[at + 1] = value >> 16
    buffer[at + 2] = value >> 8
    buffer[at + 3] = value
  }

  int64(value: number): void {
    if (!Number.isSafeInteger(value)) this.#outOfRange(value, 'exact int64')
    const at = this.#reserve(8)
    this.#word(Math.floor(value / TWO_32), at)
    this.#word(value >>> 0, at + 4)
  }

  saturatedInt64(value: number | bigint): void {
    this.wideInt64(value)
  }

  wideInt64(value: number | bigint): void {
    if (typeof value === 'bigint') this.bigInt64(value)
    else this.int64(value)
  }

  bigInt64(value: bigint): void {
    const at = this.#reserve(8)
    this.#buffer.writeBigInt64BE(value, at)
  }

  float64(value: number): void {
    const at = this.#reserve(8)
    this.#buffer.writeDoubleBE(value, at)
  }

  uuid(value: string): void {
    const at = this.#reserve(16)
    if (value.length !== 22 || this.#buffer.write(value, at, 16, 'base64url') !== 16) {
      this.fail(`${JSON.stringify(value)} is not a uuid`)
    }
  }

  errorCode(value: ErrorName): void {
    this.int16(errorNumber(value))
  }

  uvarint(value: number): void {
    let rest = value >>> 0
    while (rest >= 0x80) {
      const at = this.#reserve(1)
      this.#buffer[at] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    const at = this.#reserve(1)
    this.#buffer[at] = rest
  }

  #textLength(value: string): number {
    const length = Buffer.byteLength(value)
    if (length > MAX_STRING_BYTES) {
      this.fail(`a string of ${length} bytes is longer than ${MAX_STRING_BYTES}`)
    }
    return length
  }

  #text(value: string, length: number): void {
    const at = this.#reserve(length)
    if (length === value.length && length <= SHORT_TEXT) {
      // Only ASCII has as many bytes as characters; for short text a loop is faster than the call into Node.
      for (let i = 0; i < length; i++) this.#buffer[at + i] = value.charCodeAt(i)
    } else {
      this.#buffer.write(value, at, length, 'utf8')
    }
  }

  string(value: string): void {
    const length = this.#textLength(value)
    this.int16(length)
    this.#text(value, length)
  }

  nullableString(value: string | null): void {
    if (value === null) this.int16(-1)
    else this.string(value)
  }

  compactString(value: string): void {
    const length = this.#textLength(value)
    this.uvarint(length + 1)
    this.#text(value, length)
  }

  nullableCompactString(value: string | null): void {
    if (value === null) this.uvarint(0)
    else this.compactString(value)
  }

  /** Bytes without a length, copied. */
  raw(value: Uint8Array): void {
    const at = this.#reserve(value.length)
    this.#buffer.set(value, at)
  }

  plainBytes(value: Uint8Array): void {
    this.int32(value.length)
    this.raw(value)
  }

  nullablePlainBytes(value: Uint8Array | null): void {
    if (value === null) this.int32(-1)
    else this.plainBytes(value)
  }

  compactBytes(value: Uint8Array): void {
    this.uvarint(value.length + 1)
    this.raw(value)
  }

  nullableCompactBytes(value: Uint8Array | null): void {
    if (value === null) this.uvarint(0)
    else this.compactBytes(value)
  }

  /** What another writer has written, by reference. */
  pieces(chunks: readonly Uint8Array[]): void {
    this.#recordChunks(chunks)
  }

  /** Record batches, by reference: they must not change until the chunks were sent. */
  plainRecords(value: RecordBytes | null): void {
    this.int32(value === null ? -1 : recordBytesSize(value))
    this.#recordChunks(value)
  }

  compactRecords(value: RecordBytes | null): void {
    this.uvarint(value === null ? 0 : recordBytesSize(value) + 1)
    this.#recordChunks(value)
  }

  #recordChunks(value: RecordBytes | null): void {
    if (value === null) return
    if (value instanceof Uint8Array) this.#refer(value)
    else for (const chunk of value) this.#refer(chunk)
  }

  /** Puts the size of all that was written since the writer had `begin` bytes before it, as a varint. */
  insertSize(begin: number): void {
    const size = this.size - begin
    const header = varintSize(size)
    this.#reserve(header)
    const end = this.#position
    const from = end - header - size
    if (from < this.#start) this.fail('records inside a tagged field')
    this.#buffer.copyWithin(from + header, from, from + size)
    this.#position = from
    this.uvarint(size)
    this.#position = end
  }
}

function varintSize(value: number): number {
  let size = 1
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) size++
  return size
}

/** The size of record batches in bytes, be they in one piece or in several. */
export function recordBytesSize(value: RecordBytes): number {
  if (value instanceof Uint8Array) return value.length
  let size = 0
  for (const chunk of value) size += chunk.length
  return size
}
