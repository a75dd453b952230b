import { createRequire } from 'node:module'
import { CorruptRecordError, tooManyBlocks, tooManyBytes } from '../../protocol/records/errors.ts'

interface Snappy {
  compressSync(bytes: Uint8Array, options: typeof COPY): Buffer
  uncompressSync(bytes: Uint8Array, options: typeof COPY): Buffer
}

/** Otherwise each result is memory of the package's own, which the garbage collector is slow to give back. */
const COPY = { copyOutputData: true }

/**
 * The framing of Java's SnappyOutputStream: this magic, its version and the least version that reads it (both 1), then
 * blocks of plain snappy with an int32 length each.
 */
const FRAMING_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const FRAMING_HEADER = Buffer.concat([FRAMING_MAGIC, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])])

/** How much goes into one block, as in Java. */
const BLOCK_BYTES = 32 * 1024

/** Snappy never makes less than this part of its input; a block that claims more is damaged. */
const GREATEST_RATIO = 64

/** Snappy by the native package, which is loaded when it is first needed. */
export function snappyCodec(): {
  compress(bytes: Uint8Array): Buffer
  decompress(bytes: Uint8Array, maxBytes: number, maxBlocks?: number): Buffer
} {
  let loaded: Snappy | undefined
  const snappy = (): Snappy => (loaded ??= createRequire(import.meta.url)('snappy') as Snappy)

  /** Plain snappy says its length first; the package would allocate that much, so it is checked here. */
  const decompressBlock = (block: Buffer, before: number, maxBytes: number): Buffer => {
    const length = claimedBytes(block)
    if (before + length > maxBytes) throw tooManyBytes(maxBytes)
    if (length > block.length * GREATEST_RATIO) {
      throw new CorruptRecordError('A snappy block claims more than it can hold')
    }
    return snappy().uncompressSync(block, COPY)
  }

  return {
    compress: (bytes) => {
      const parts: Buffer[] = [FRAMING_HEADER]
      for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
        const block = snappy().compressSync(bytes.subarray(at, at + BLOCK_BYTES), COPY)
        const length = Buffer.allocUnsafe(4)
        length.writeInt32BE(block.length)
        parts.push(length, block)
      }
      return Buffer.concat(parts)
    },
    decompress: (bytes, maxBytes, maxBlocks = Infinity) => {
      const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
      if (!input.subarray(0, FRAMING_MAGIC.length).equals(FRAMING_MAGIC)) {
        return decompressBlock(input, 0, maxBytes)
      }
      if (input.length < FRAMING_HEADER.length) {
        throw new CorruptRecordError('A snappy header is cut')
      }
      const parts: Buffer[] = []
      let total = 0
      let at = FRAMING_HEADER.length
      while (at < input.length) {
        if (parts.length === maxBlocks) throw tooManyBlocks(maxBlocks)
        const length = input.length - at < 4 ? -1 : input.readInt32BE(at)
        if (length < 0 || length > input.length - at - 4) {
          throw new CorruptRecordError('A snappy block is cut')
        }
        const block = decompressBlock(input.subarray(at + 4, at + 4 + length), total, maxBytes)
        parts.push(block)
        total += block.length
        at += 4 + length
      }
      return parts.length === 1 ? parts[0]! : Buffer.concat(parts, total)
    },
  }
}

/** The varint that plain snappy begins with. */
function claimedBytes(block: Buffer): number {
  let length = 0
  for (let index = 0; index < 5; index++) {
    const byte = block[index]
    if (byte === undefined) break
    length += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return length
  }
  throw new CorruptRecordError('A snappy block has no length')
}
