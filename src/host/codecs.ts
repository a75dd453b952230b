import zlib from 'node:zlib'
import type { Codecs, CompressionType } from '../../protocol/records/codecs.ts'
import { CorruptRecordError, tooManyBytes } from '../../protocol/records/errors.ts'
import { fastCrc32c } from './checksums.ts'
import { lz4Codec } from './lz4.ts'
import { snappyCodec } from './snappy.ts'
import { zstdCodec } from './zstd.ts'

interface Compressor {
  compress(bytes: Uint8Array, level?: number): Buffer
  decompress(bytes: Uint8Array, maxBytes: number, maxBlocks?: number): Buffer
  /** Where there is memory that is used again. */
  borrowDecompressed?(bytes: Uint8Array, maxBytes: number, maxBlocks?: number): Buffer
}

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
        throw corruptFrom(error, type, maxBytes)
      }
    },
    borrowDecompressed: (type, bytes, maxBytes, maxBlocks) => {
      const of = compressors[type]
      try {
        return of.borrowDecompressed === undefined
          ? of.decompress(bytes, maxBytes, maxBlocks)
          : of.borrowDecompressed(bytes, maxBytes, maxBlocks)
      } catch (error) {
        throw corruptFrom(error, type, maxBytes)
      }
    },
  }
}

function corruptFrom(error: unknown, type: CompressionType, maxBytes: number): CorruptRecordError {
  if (error instanceof CorruptRecordError) return error
  if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
    return tooManyBytes(maxBytes)
  return new CorruptRecordError(`Records can't be decompressed with ${type}`, { cause: error })
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
