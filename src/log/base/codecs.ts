import type { Codecs, CompressionType } from '../../../protocol/records/codecs.ts'
import {
  BATCH_HEADER_BYTES,
  batchAttributes,
  batchRecordCount,
  batchSizeBytes,
  compressionType,
} from '../../../protocol/records/batch.ts'
import { CorruptRecordError } from '../../../protocol/records/errors.ts'

export type LogCodecs = Pick<Codecs, 'borrowDecompressed' | 'compress' | 'crc32c' | 'decompress'>

/** Reading so many bytes of records takes a few milliseconds at most, whatever they are. */
const LIGHT_BYTES = 64 * 1024
/** Making so many records takes a millisecond. */
const LIGHT_RECORDS = 2000
/** Bytes to compress, which takes longer. */
const LIGHT_UNCOMPRESSED_BYTES = 32 * 1024
/** The others take most of a millisecond even for little. */
const LIGHT_COMPRESSIONS: readonly CompressionType[] = ['none', 'lz4', 'snappy']

/** What is decompressed here at most. */
interface LightLimits {
  readonly compressedBytes: number
  readonly decompressedBytes: number
}
const SLOW: LightLimits = { compressedBytes: 4 * 1024, decompressedBytes: 32 * 1024 }
/** A tenth of a millisecond, as the way to a thread and back takes at least. */
const FAST: LightLimits = { compressedBytes: LIGHT_BYTES, decompressedBytes: 256 * 1024 }
const LIGHT_LIMITS: Readonly<Record<CompressionType, LightLimits>> = {
  none: FAST,
  lz4: FAST,
  snappy: FAST,
  gzip: SLOW,
  zstd: SLOW,
}
/** Clients' blocks have 64 KiB (LZ4) or 32 KiB (snappy); each costs some microseconds, however little is in it. */
const LIGHT_BLOCKS = 16

/** Work turned out to be too much for the event loop. */
class TooHeavyError extends Error {}

/**
 * Does work on batches here, if it is little, so that small batches cost no way to a thread and back.
 * Changes to the bytes that it has made before it is given up remain.
 * @param work uses only the codecs that it is given
 * @returns null where it should be done in a thread
 */
export function tryHere<Result>(
  batches: Buffer,
  codecs: LogCodecs,
  work: (codecs: LogCodecs) => Result,
): { readonly result: Result } | null {
  if (batches.length > LIGHT_BYTES || batchRecordCount(batches, 0) > LIGHT_RECORDS) return null
  // Most of those that are too much are seen to be so at once: an error would cost more than their way to a thread.
  if (isHeavilyCompressed(batches)) return null
  try {
    return { result: work(lightCodecs(codecs)) }
  } catch (error) {
    if (error instanceof TooHeavyError) return null
    throw error
  }
}

function isHeavilyCompressed(batch: Buffer): boolean {
  const type = compressionType(batchAttributes(batch, 0))
  const { compressedBytes } = type === null ? SLOW : LIGHT_LIMITS[type]
  return batchSizeBytes(batch, 0) - BATCH_HEADER_BYTES > compressedBytes
}

/** Codecs that give up early. Few compressed bytes may be very many: a frame of 9 KB can say 300 MB. */
function lightCodecs(codecs: LogCodecs): LogCodecs {
  return {
    crc32c: codecs.crc32c,
    compress: (type, bytes, level) => {
      if (bytes.length > LIGHT_UNCOMPRESSED_BYTES || !LIGHT_COMPRESSIONS.includes(type)) {
        throw new TooHeavyError()
      }
      return codecs.compress(type, bytes, level)
    },
    decompress: (type, bytes, maxBytes) => lightly(codecs.decompress, type, bytes, maxBytes),
    borrowDecompressed: (type, bytes, maxBytes) =>
      lightly(codecs.borrowDecompressed, type, bytes, maxBytes),
  }
}

function lightly(
  decompress: Codecs['decompress'],
  type: CompressionType,
  bytes: Uint8Array,
  maxBytes: number,
): Buffer {
  const { compressedBytes, decompressedBytes } = LIGHT_LIMITS[type]
  if (bytes.length > compressedBytes) throw new TooHeavyError()
  try {
    return decompress(type, bytes, Math.min(maxBytes, decompressedBytes), LIGHT_BLOCKS)
  } catch (error) {
    // Whether they are damaged or only many, the thread tells.
    if (error instanceof CorruptRecordError) throw new TooHeavyError()
    throw error
  }
}
