/** The compression of a batch's records, by the number in its attributes. */
export const COMPRESSION_TYPES = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type CompressionType = (typeof COMPRESSION_TYPES)[number]

/**
 * Checksums and compression, which records need and which the machine has faster than JavaScript could be.
 *
 * Snappy is written in the framing of Java's SnappyOutputStream and read in that framing or raw. LZ4 is the frame format
 * with independent blocks; the wrong header checksum of magic 0 is accepted in reading.
 */
export interface Codecs {
  /**
   * CRC-32C (Castagnoli), unsigned: the checksum of magic 2.
   * @param seed the checksum of the bytes before these, where there are any
   */
  crc32c(bytes: Uint8Array, seed?: number): number
  /** CRC-32 (IEEE), unsigned: the checksum of magic 0 and 1. */
  crc32(bytes: Uint8Array, seed?: number): number
  /**
   * @param level how hard to try: gzip 1 to 9, -1 for its default; zstd up to 22; the others have none. Without it, as
   * Java's client does when nothing is said.
   */
  compress(type: CompressionType, bytes: Uint8Array, level?: number): Buffer
  /**
   * Never allocates much more than `maxBytes`, whatever the bytes say of themselves.
   * @param maxBlocks LZ4 and snappy: into how many blocks they may be cut, each of which costs some time by itself
   * @throws CorruptRecordError when the bytes are damaged, or would be more than `maxBytes`
   */
  decompress(type: CompressionType, bytes: Uint8Array, maxBytes: number, maxBlocks?: number): Buffer
  /**
   * As `decompress`, for whoever only looks at the bytes: they may be changed by the next call of either, since memory that is
   * new for each batch costs more than LZ4 itself.
   */
  borrowDecompressed(
    type: CompressionType,
    bytes: Uint8Array,
    maxBytes: number,
    maxBlocks?: number,
  ): Buffer
}

/**
 * How much the records of one batch may be at most when nothing else is said: far above what
 * `message.max.bytes` lets through with usual data, far below what a hostile batch can claim.
 */
export const DEFAULT_MAX_UNCOMPRESSED_BYTES = 128 * 1024 * 1024
