import { CorruptRecordError } from './errors.ts'

/** Reads the zigzag varints and the byte runs of records from start to end, and never beyond `end`. */
export class RecordCursor {
  readonly buffer: Buffer
  position: number
  end: number

  constructor(buffer: Buffer, position: number, end: number) {
    this.buffer = buffer
    this.position = position
    this.end = end
  }

  int8(): number {
    if (this.position >= this.end) throw pastEnd()
    return this.buffer.readInt8(this.position++)
  }

  /** A zigzag varint of 32 bits in at most five bytes. */
  varint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.position >= this.end) throw pastEnd()
      const byte = this.buffer[this.position++]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1)
    }
    throw new CorruptRecordError('A varint has more than five bytes')
  }

  /** A zigzag varint of 64 bits in at most ten bytes. */
  varlong(): bigint {
    let low = 0
    let scale = 1
    for (let count = 0; count < 7; count++) {
      if (this.position >= this.end) throw pastEnd()
      const byte = this.buffer[this.position++]!
      low += (byte & 0x7f) * scale
      scale *= 128
      if (byte < 0x80) return BigInt(low % 2 === 0 ? low / 2 : -(low + 1) / 2)
    }
    let value = BigInt(low)
    for (let shift = 49n; shift < 70n; shift += 7n) {
      if (this.position >= this.end) throw pastEnd()
      const byte = this.buffer[this.position++]!
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) {
        value = BigInt.asUintN(64, value)
        return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
      }
    }
    throw new CorruptRecordError('A varlong has more than ten bytes')
  }

  /** A view of the bytes whose varint length stands before them; null where that is negative. */
  nullableBytes(): Buffer | null {
    const length = this.varint()
    return length < 0 ? null : this.take(length)
  }

  /** A view of the next `length` bytes. */
  take(length: number): Buffer {
    if (length < 0) throw new CorruptRecordError(`Negative length ${length}`)
    if (length > this.end - this.position) throw pastEnd()
    const bytes = this.buffer.subarray(this.position, this.position + length)
    this.position += length
    return bytes
  }
}

function pastEnd(): CorruptRecordError {
  return new CorruptRecordError('A record goes on beyond the bytes that hold it')
}

/** How many bytes `writeVarint` takes for the value. */
export function varintBytes(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  return zigzag < 0x80 ? 1 : Math.ceil((32 - Math.clz32(zigzag)) / 7)
}

/** @returns the position after it */
export function writeVarint(buffer: Buffer, value: number, position: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  let at = position
  while (rest >= 0x80) {
    buffer[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  buffer[at++] = rest
  return at
}

/** How many bytes `writeVarlong` takes for the value. */
export function varlongBytes(value: bigint): number {
  let rest = zigzag64(value)
  let count = 1
  while (rest >= 0x80n) {
    rest >>= 7n
    count++
  }
  return count
}

/** @returns the position after it */
export function writeVarlong(buffer: Buffer, value: bigint, position: number): number {
  let rest = zigzag64(value)
  let at = position
  while (rest >= 0x80n) {
    buffer[at++] = Number(rest & 0x7fn) | 0x80
    rest >>= 7n
  }
  buffer[at++] = Number(rest)
  return at
}

function zigzag64(value: bigint): bigint {
  return BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
}
