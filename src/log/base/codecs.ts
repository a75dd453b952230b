import type { Codecs, CompressionType } from '../../../protocol/records/codecs.ts'
import {
  BATCH_HEADER_BYTES,
  batchAttributes,
  batchRecordCount,
  batchSizeBytes,
  compressionType,
} from '../../../protocol/records/batch.ts'
import { CorruptRecordError } from '../../../protocol/records/errors.ts'

export type LogCodecs = Pick<Codecs, 'compress' | 'crc32c' | 'decompress'>

/** Reading so many bytes of records takes a few milliseconds at most, whatever they are. */
const LIGHT_BYTES = 64 * 1024
/** Making so many records takes a millisecond. */
const LIGHT_RECORDS = 2000
/** Compressed bytes, which take longer. */
const LIGHT_COMPRESSED_BYTES = 4 * 1024
const LIGHT_DECOMPRESSED_BYTES = 32 * 1024
/** The others take most of a millisecond even for little. */
const LIGHT_COMPRESSIONS: readonly CompressionType[] = ['none', 'lz4', 'snappy']

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
  return (
    batchSizeBytes(batch, 0) - BATCH_HEADER_BYTES > LIGHT_COMPRESSED_BYTES &&
    compressionType(batchAttributes(batch, 0)) !== 'none'
  )
}

/** Codecs that give up early. Few compressed bytes may be very many: a frame of 9 KB can say 300 MB. */
function lightCodecs(codecs: LogCodecs): LogCodecs {
  return {
    crc32c: codecs.crc32c,
    compress: (type, bytes, level) => {
      if (bytes.length > LIGHT_DECOMPRESSED_BYTES || !LIGHT_COMPRESSIONS.includes(type)) {
        throw new TooHeavyError()
      }
      return codecs.compress(type, bytes, level)
    },
    decompress: (type, bytes, maxBytes) => {
      if (bytes.length > LIGHT_COMPRESSED_BYTES) throw new TooHeavyError()
      try {
        return codecs.decompress(type, bytes, Math.min(maxBytes, LIGHT_DECOMPRESSED_BYTES))
      } catch (error) {
        // Whether they are damaged or only many, the thread tells.
        if (error instanceof CorruptRecordError) throw new TooHeavyError()
        throw error
      }
    },
  }
}
