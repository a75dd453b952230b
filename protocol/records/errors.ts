/**
 * Record bytes that break the format: wrong checksums, lengths that don't fit, unknown magic, or more bytes after
 * decompression than the caller allowed. Where a client sent them the answer is CORRUPT_MESSAGE.
 */
export class CorruptRecordError extends Error {
  readonly code = 'CORRUPT_RECORD'

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CorruptRecordError'
  }
}

/** The error of records that are cut into more blocks than the caller takes. */
export function tooManyBlocks(maxBlocks: number): CorruptRecordError {
  return new CorruptRecordError(`Compressed records are more than ${maxBlocks} blocks`)
}

/** The error of records that are more than the caller takes. */
export function tooManyBytes(maxBytes: number): CorruptRecordError {
  return new CorruptRecordError(`Decompressed records are more than ${maxBytes} bytes`)
}
