import { createRequire } from 'node:module'
import zlib from 'node:zlib'
import type { Codecs, CompressionType } from '../../protocol/records/codecs.ts'
import { CorruptRecordError, tooManyBytes } from '../../protocol/records/errors.ts'
import { decodeLz4Frame, type Lz4BlockDecoder } from '../../protocol/records/lz4.ts'
import { fastCrc32c } from './checksums.ts'
import { snappyCodec } from './snappy.ts'
import { zstdCodec } from './zstd.ts'

interface Lz4 {
  compressFrameSync(bytes: Buffer): Buffer
  /** A block behind the most that it may be decoded, as uint32 LE. */
  uncompressSync(bytes: Buffer, before?: Buffer): Buffer
}

interface Compressor {
  compress(bytes: Uint8Array, level?: number): Buffer
  decompress(bytes: Uint8Array, maxBytes: number, maxBlocks?: number): Buffer
}

/** Of LZ4, compressed: clients' have 64 KiB before. */
const USUAL_BLOCK_BYTES = 128 * 1024

/** Checksums and compression by this machine's libraries, each loaded when it is first needed. */
export function nodeCodecs(): Codecs {
  const compressors: Record<CompressionType, Compressor> = {
    none: {
      compress: asBuffer,
      decompress: (bytes, maxBytes) => {
        if (bytes.length > maxBytes) throw tooManyBytes(maxBytes)
        return asBuffer(bytes)
      },
    },
    gzip: {
      compress: (bytes, level = zlib.constants.Z_DEFAULT_COMPRESSION) =>
        zlib.gzipSync(bytes, { level }),
      decompress: (bytes, maxBytes) =>
        zlib.gunzipSync(bytes, { maxOutputLength: Math.max(1, maxBytes) }),
    },
    snappy: snappyCodec(),
    lz4: lz4Codec(),
    zstd: zstdCodec(),
  }
  return {
    crc32c: fastCrc32c(),
    crc32: (bytes, seed) => zlib.crc32(bytes, seed),
    compress: (type, bytes, level) => compressors[type].compress(bytes, level),
    decompress: (type, bytes, maxBytes, maxBlocks) => {
      try {
        return compressors[type].decompress(bytes, maxBytes, maxBlocks)
      } catch (error) {
        if (error instanceof CorruptRecordError) throw error
        if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
          throw tooManyBytes(maxBytes)
        }
        throw new CorruptRecordError(`Records can't be decompressed with ${type}`, { cause: error })
      }
    },
  }
}

/**
 * LZ4 by the native package. Its decoder of frames has no limit, and takes no checksum of magic 0: frames are taken apart by
 * our own, and only their blocks are decoded there.
 */
function lz4Codec(): Compressor {
  let loaded: Lz4 | undefined
  const lz4 = (): Lz4 => (loaded ??= createRequire(import.meta.url)('lz4-napi') as Lz4)
  // Fresh memory for each block would cost more than to decode it, and have the garbage collector run all the time.
  let usual = Buffer.alloc(0)
  const inputFor = (bytes: number): Buffer => {
    if (bytes > USUAL_BLOCK_BYTES) return Buffer.allocUnsafe(bytes)
    if (usual.length === 0) usual = Buffer.allocUnsafeSlow(USUAL_BLOCK_BYTES)
    return usual.subarray(0, bytes)
  }
  const decodeBlock: Lz4BlockDecoder = (block, maxBytes, before) => {
    const input = inputFor(4 + block.length)
    input.writeUInt32LE(maxBytes)
    block.copy(input, 4)
    try {
      return before === null ? lz4().uncompressSync(input) : lz4().uncompressSync(input, before)
    } catch {
      // Our own decoder is asked then: it tells damage from too much.
      return null
    }
  }
  return {
    compress: (bytes) => lz4().compressFrameSync(asBuffer(bytes)),
    decompress: (bytes, maxBytes, maxBlocks) =>
      decodeLz4Frame(bytes, maxBytes, decodeBlock, maxBlocks),
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
