import { DEFAULT_MAX_UNCOMPRESSED_BYTES, type Codecs, type CompressionType } from './codecs.ts'
import { CorruptRecordError } from './errors.ts'
import {
  addToSequence,
  BATCH_HEADER_BYTES,
  batchAttributes,
  batchBaseOffset,
  batchBaseSequence,
  batchBaseTimestamp,
  batchMagic,
  batchMaxTimestamp,
  batchRecordCount,
  batchSizeBytes,
  compressionType,
  CURRENT_MAGIC,
  HEADER_BYTES_UP_TO_MAGIC,
  LEAST_HEADER_BYTES,
  LEAST_LENGTH,
  LEAST_RECORD_BYTES,
  LOG_OVERHEAD_BYTES,
  timestampType,
} from './header.ts'
import { readMessage } from './legacy.ts'
import { NO_HEADERS, type LogRecord, type RecordHeader } from './record.ts'
import { RecordCursor } from './varint.ts'

/**
 * The batches in some bytes, one after the other, as views. Bytes at the end that aren't a whole batch are left out: a
 * fetch may cut a batch in two.
 * @throws CorruptRecordError where a length is less than any batch has, or a magic isn't 0, 1 or 2
 */
export function* readBatches(bytes: Buffer): Generator<Buffer, void> {
  let at = 0
  for (;;) {
    const size = sizeOfNext(bytes, at)
    if (size === null || size > bytes.length - at) return
    yield bytes.subarray(at, at + size)
    at += size
  }
}

function sizeOfNext(bytes: Buffer, at: number): number | null {
  const left = bytes.length - at
  if (left < LOG_OVERHEAD_BYTES) return null
  const size = batchSizeBytes(bytes, at)
  if (size < LEAST_LENGTH + LOG_OVERHEAD_BYTES) {
    throw new CorruptRecordError(`A batch of ${size} bytes is smaller than any can be`)
  }
  if (left < HEADER_BYTES_UP_TO_MAGIC) return null
  const magic = batchMagic(bytes, at)
  if (magic < 0 || magic > CURRENT_MAGIC) {
    throw new CorruptRecordError(`Unknown magic ${magic}`)
  }
  return size
}

/**
 * The records of one batch of any magic, in order, read as they are asked for. Doesn't check the batch's checksum
 * (`checkBatch`, `checkMessage`); checks everything else, so that damaged or hostile bytes end in an error.
 * @param batch begins with the batch; bytes after it are ignored
 * @param maxBytes how much its records may be when they are decompressed
 * @throws CorruptRecordError
 */
export function* readRecords(
  batch: Buffer,
  codecs: Pick<Codecs, 'decompress'>,
  maxBytes: number = DEFAULT_MAX_UNCOMPRESSED_BYTES,
): Generator<LogRecord, void> {
  const size = sizeOfNext(batch, 0)
  if (size === null || size > batch.length) {
    throw new CorruptRecordError('The batch has fewer bytes than it says')
  }
  if (batchMagic(batch, 0) < CURRENT_MAGIC) {
    yield* readMessage(batch.subarray(0, size), codecs, maxBytes)
    return
  }
  if (size < BATCH_HEADER_BYTES) {
    throw new CorruptRecordError(`A batch of ${size} bytes is smaller than its header`)
  }
  const records = uncompressedRecords(batch.subarray(0, size), codecs, maxBytes)
  yield* readRecordRun(batch, records)
}

/**
 * What stands after the header of a batch of magic 2, decompressed.
 * @throws CorruptRecordError
 */
export function uncompressedRecords(
  batch: Buffer,
  codecs: Pick<Codecs, 'decompress'>,
  maxBytes: number = DEFAULT_MAX_UNCOMPRESSED_BYTES,
): Buffer {
  const type = knownCompression(batch)
  const stored = storedRecords(batch)
  return type === 'none' ? stored : codecs.decompress(type, stored, maxBytes)
}

/**
 * As `uncompressedRecords`, but the bytes may be changed when anything else is decompressed.
 * @throws CorruptRecordError
 */
export function borrowUncompressedRecords(
  batch: Buffer,
  codecs: Pick<Codecs, 'borrowDecompressed'>,
): Buffer {
  const type = knownCompression(batch)
  const stored = storedRecords(batch)
  if (type === 'none') return stored
  return codecs.borrowDecompressed(type, stored, DEFAULT_MAX_UNCOMPRESSED_BYTES)
}

function knownCompression(batch: Buffer): CompressionType {
  const type = compressionType(batchAttributes(batch, 0))
  if (type === null) throw new CorruptRecordError('Unknown compression type')
  return type
}

function storedRecords(batch: Buffer): Buffer {
  return batch.subarray(BATCH_HEADER_BYTES, batchSizeBytes(batch, 0))
}

/**
 * The records of a batch of magic 2 from its header and `uncompressedRecords`; otherwise as `readRecords`.
 * @throws CorruptRecordError
 */
export function* readRecordRun(header: Buffer, bytes: Buffer): Generator<LogRecord, void> {
  const count = batchRecordCount(header, 0)
  if (count < 0 || count > bytes.length / LEAST_RECORD_BYTES) {
    throw new CorruptRecordError(`A batch can't have ${count} records in ${bytes.length} bytes`)
  }
  const baseOffset = batchBaseOffset(header, 0)
  const baseSequence = batchBaseSequence(header, 0)
  const baseTimestamp = batchBaseTimestamp(header, 0)
  const appendTime =
    timestampType(batchAttributes(header, 0)) === 'LogAppendTime'
      ? batchMaxTimestamp(header, 0)
      : null
  const cursor = new RecordCursor(bytes, 0, bytes.length)
  for (let index = 0; index < count; index++) {
    cursor.end = bytes.length
    const length = cursor.varint()
    if (length < 0 || length > bytes.length - cursor.position) {
      throw new CorruptRecordError(`A record of ${length} bytes doesn't fit into its batch`)
    }
    cursor.end = cursor.position + length
    cursor.int8()
    const timestampDelta = cursor.varlong()
    const offsetDelta = cursor.varint()
    const offset = baseOffset + offsetDelta
    if (offsetDelta < 0 || !Number.isSafeInteger(offset)) {
      throw new CorruptRecordError(`Invalid offset delta ${offsetDelta}`)
    }
    const record: LogRecord = {
      offset,
      timestamp: appendTime ?? BigInt.asIntN(64, baseTimestamp + timestampDelta),
      sequence: baseSequence < 0 ? -1 : addToSequence(baseSequence, offsetDelta),
      key: cursor.nullableBytes(),
      value: cursor.nullableBytes(),
      headers: readHeaders(cursor),
    }
    if (cursor.position !== cursor.end) {
      throw new CorruptRecordError(`A record has ${cursor.end - cursor.position} bytes too many`)
    }
    yield record
  }
  if (cursor.position !== bytes.length) {
    throw new CorruptRecordError('There are bytes after the last record of a batch')
  }
}

function readHeaders(cursor: RecordCursor): readonly RecordHeader[] {
  const count = cursor.varint()
  if (count === 0) return NO_HEADERS
  if (count < 0 || count > (cursor.end - cursor.position) / LEAST_HEADER_BYTES) {
    throw new CorruptRecordError(`Invalid number of headers ${count}`)
  }
  const headers: RecordHeader[] = []
  for (let index = 0; index < count; index++) {
    const key = cursor.take(cursor.varint()).toString('utf8')
    headers.push({ key, value: cursor.nullableBytes() })
  }
  return headers
}
