import { CorruptRecordError, tooManyBlocks, tooManyBytes } from './errors.ts'

/**
 * The LZ4 frame format as Kafka uses it (github.com/lz4/lz4, doc/lz4_Frame_format.md):
 *
 *     magic uint32 LE | FLG | BD | [contentSize uint64 LE] | HC | blocks: size uint32 LE, bytes, [checksum] | 0 | [checksum]
 *
 * HC is the second byte of the XXH32 of the descriptor, which goes from FLG to before HC. Kafka's first clients took the
 * magic into it as well, and magic 0 keeps that: it is written so, and read either way.
 */
const FRAME_MAGIC = 0x184d2204
const DESCRIPTOR_AT = 4

const BLOCK_CHECKSUM = 0x10
const CONTENT_SIZE = 0x08
const CONTENT_CHECKSUM = 0x04
const STORED_BLOCK = 0x80000000

const PRIME_1 = 0x9e3779b1
const PRIME_2 = 0x85ebca77
const PRIME_3 = 0xc2b2ae3d
const PRIME_4 = 0x27d4eb2f
const PRIME_5 = 0x165667b1

/** XXH32 with seed 0 of fewer than 16 bytes, which is all that a frame's header takes. */
function shortXxh32(bytes: Buffer): number {
  let hash = (PRIME_5 + bytes.length) >>> 0
  let at = 0
  for (; at + 4 <= bytes.length; at += 4) {
    hash = (hash + Math.imul(bytes.readUInt32LE(at), PRIME_3)) >>> 0
    hash = Math.imul((hash << 17) | (hash >>> 15), PRIME_4)
  }
  for (; at < bytes.length; at++) {
    hash = (hash + Math.imul(bytes[at]!, PRIME_5)) >>> 0
    hash = Math.imul((hash << 11) | (hash >>> 21), PRIME_1)
  }
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2)
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3)
  return (hash ^ (hash >>> 16)) >>> 0
}

function checksumAt(frame: Buffer): number {
  return DESCRIPTOR_AT + ((frame[DESCRIPTOR_AT]! & CONTENT_SIZE) === 0 ? 2 : 10)
}

/** Gives a frame the header checksum that messages of magic 0 have. Changes it in place. */
export function setMagic0HeaderChecksum(frame: Buffer): void {
  const at = checksumAt(frame)
  frame[at] = (shortXxh32(frame.subarray(0, at)) >>> 8) & 0xff
}

/** How far back a match may reach: where blocks are linked, into those before. */
const WINDOW_BYTES = 64 * 1024
/** No frame has larger blocks. */
export const GREATEST_BLOCK_BYTES = 4 * 1024 * 1024
/** What a decoder's memory holds at least. */
export const DECODER_OUTPUT_BYTES = WINDOW_BYTES + GREATEST_BLOCK_BYTES

/** What is shorter is decoded here: in a large frame, what is before would have to be copied for it. */
const FAST_FROM_BYTES = 256

/** Decodes blocks of the LZ4 block format by something faster than JavaScript, into memory of its own. */
export interface Lz4BlockDecoder {
  /** `DECODER_OUTPUT_BYTES` that every frame is decoded into from the start, so that none needs new memory. */
  readonly output: Buffer
  /**
   * Decodes a block into `output`. Its matches may reach back to whatever is before it there.
   * @param at where its bytes go
   * @param limit where they have to end at the latest; a few bytes behind that may change as well
   * @returns where they end; -1 where it can't be decoded, for whatever reason
   */
  decode(block: Buffer, at: number, limit: number): number
}

/**
 * Decodes a frame, into the decoder's memory as far as that goes: then the bytes are there until the next frame is decoded.
 * Else the output grows as blocks are decoded, so that memory follows what is really there.
 * @param fast decodes the blocks; those that it can't are decoded here, which says what is wrong with them
 * @throws CorruptRecordError when the frame is damaged, or has more than `maxBytes` or `maxBlocks`
 */
export function decodeLz4Frame(
  input: Uint8Array,
  maxBytes: number,
  fast?: Lz4BlockDecoder,
  maxBlocks = Infinity,
): Buffer {
  const frame = Buffer.from(input.buffer, input.byteOffset, input.length)
  if (frame.length < 7 || frame.readUInt32LE(0) !== FRAME_MAGIC) throw damaged('no frame')
  const flags = frame[DESCRIPTOR_AT]!
  const blockCode = (frame[DESCRIPTOR_AT + 1]! >> 4) & 7
  if (flags >> 6 !== 1 || blockCode < 4) throw damaged('an unknown version or block size')
  const maxBlockBytes = 1 << (2 * blockCode + 8)
  let at = checksumAt(frame)
  if (at >= frame.length) throw damaged('a cut header')
  const matches = (from: number): boolean =>
    ((shortXxh32(frame.subarray(from, at)) >>> 8) & 0xff) === frame[at]
  if (!matches(DESCRIPTOR_AT) && !(at < 16 && matches(0))) throw damaged('a wrong header checksum')
  at++
  const output = new Output(maxBytes, Math.min(maxBytes, Math.max(1024, frame.length * 4)), fast)
  for (let blocks = 0; ; blocks++) {
    if (frame.length - at < 4) throw damaged('no end')
    const word = frame.readUInt32LE(at)
    at += 4
    if (word === 0) break
    if (blocks === maxBlocks) throw tooManyBlocks(maxBlocks)
    const stored = word >= STORED_BLOCK
    const size = stored ? word - STORED_BLOCK : word
    if (size > maxBlockBytes || size > frame.length - at) throw damaged('a block of a wrong size')
    output.beginBlock(maxBlockBytes)
    if (stored) output.append(frame, at, size)
    else if (!output.appendFast(frame.subarray(at, at + size))) {
      decodeBlock(frame, at, at + size, output)
    }
    at += size + ((flags & BLOCK_CHECKSUM) === 0 ? 0 : 4)
  }
  if ((flags & CONTENT_CHECKSUM) !== 0 && frame.length - at < 4) throw damaged('no end')
  return output.bytes.subarray(0, output.length)
}

const NOTHING = Buffer.alloc(0)

/** What has been decoded: in the memory of the decoder, or in a buffer that grows up to a limit. */
class Output {
  bytes: Buffer
  length = 0
  /** Where the current block has to end. */
  #blockEnd = 0
  readonly #maxBytes: number
  readonly #firstBytes: number
  readonly #fast: Lz4BlockDecoder | undefined

  /** @param firstBytes how much memory is taken at first, where there is no decoder's */
  constructor(maxBytes: number, firstBytes: number, fast: Lz4BlockDecoder | undefined) {
    this.#maxBytes = maxBytes
    this.#firstBytes = firstBytes
    this.#fast = fast
    this.bytes = fast?.output ?? NOTHING
  }

  beginBlock(maxBlockBytes: number): void {
    this.#blockEnd = this.length + maxBlockBytes
  }

  /** Makes room for `count` more. */
  reserve(count: number): void {
    const needed = this.length + count
    if (needed > this.#blockEnd) throw damaged('a block of more than the frame says')
    if (needed > this.#maxBytes) throw tooManyBytes(this.#maxBytes)
    if (needed > this.bytes.length) this.#move(needed)
  }

  /** Into memory that holds more. */
  #move(needed: number): void {
    const moved = Buffer.allocUnsafeSlow(
      Math.min(this.#maxBytes, Math.max(needed, this.bytes.length * 2, this.#firstBytes)),
    )
    this.bytes.copy(moved, 0, 0, this.length)
    this.bytes = moved
  }

  append(from: Buffer, at: number, count: number): void {
    this.reserve(count)
    from.copy(this.bytes, this.length, at, at + count)
    this.length += count
  }

  /** @returns whether the block was decoded and its bytes are here */
  appendFast(block: Buffer): boolean {
    const fast = this.#fast
    if (fast === undefined || block.length < FAST_FROM_BYTES) return false
    const limit = Math.min(this.#maxBytes, this.#blockEnd)
    if (this.bytes === fast.output) {
      if (limit <= this.bytes.length) {
        const end = fast.decode(block, this.length, limit)
        if (end >= 0) this.length = end
        return end >= 0
      }
      // The rest of the frame is decoded over what is there.
      this.#move(this.length)
    }
    const { length } = this
    const at = this.bytes.copy(fast.output, 0, Math.max(0, length - WINDOW_BYTES), length)
    const end = fast.decode(block, at, at + limit - length)
    if (end >= 0) this.append(fast.output, at, end - at)
    return end >= 0
  }

  /** Repeats what stands `distance` bytes before the end; where that is less than `count`, itself again and again. */
  repeat(distance: number, count: number): void {
    if (distance === 0 || distance > this.length) throw damaged('a match before the beginning')
    this.reserve(count)
    const { bytes } = this
    let to = this.length
    const end = to + count
    if (distance >= count && count > 32) bytes.copyWithin(to, to - distance, to - distance + count)
    else while (to < end) bytes[to] = bytes[to++ - distance]!
    this.length = end
  }
}

/** Decodes one block of the LZ4 block format: literals, then a match, and again. */
function decodeBlock(input: Buffer, from: number, end: number, output: Output): void {
  let at = from
  while (at < end) {
    const token = input[at++]!
    let literals = token >> 4
    if (literals === 15) {
      let more = 255
      while (more === 255) {
        if (at >= end) throw damaged('a cut block')
        more = input[at++]!
        literals += more
      }
    }
    if (literals > 0) {
      if (literals > end - at) throw damaged('a cut block')
      output.append(input, at, literals)
      at += literals
    }
    if (at === end) return
    if (end - at < 2) throw damaged('a cut block')
    const distance = input[at]! | (input[at + 1]! << 8)
    at += 2
    let count = (token & 15) + 4
    if (count === 19) {
      let more = 255
      while (more === 255) {
        if (at >= end) throw damaged('a cut block')
        more = input[at++]!
        count += more
      }
    }
    output.repeat(distance, count)
  }
}

function damaged(what: string): CorruptRecordError {
  return new CorruptRecordError(`Damaged LZ4 frame: ${what}`)
}
