import { buildBatch, type BatchToWrite } from './builder.ts'
import { DEFAULT_MAX_UNCOMPRESSED_BYTES, type Codecs, type CompressionType } from './codecs.ts'
import { CorruptRecordError, tooManyBytes } from './errors.ts'
import {
  batchMagic,
  batchSizeBytes,
  compressionType,
  encodeAttributes,
  HEADER_BYTES_UP_TO_MAGIC,
  LOG_OVERHEAD_BYTES,
  readSafeInt64,
  timestampType,
  writeSafeInt64,
} from './header.ts'
import { setMagic0HeaderChecksum } from './lz4.ts'
import { NO_HEADERS, type LogRecord, type RecordToWrite } from './record.ts'

/**
 * A message of magic 0 or 1, as logs before Kafka 0.11 have them (no client of today may send one):
 *
 *     0 offset int64 | 8 length int32 | 12 crc uint32 (CRC-32 of all that follows) | 16 magic int8 | 17 attributes int8
 *     [18 timestamp int64, magic 1 only] | keyLength int32, key | valueLength int32, value
 *
 * Compressed messages stand in the value of a wrapper message. Its offset is that of the last of them; inside, magic 0 has
 * the real offsets and magic 1 has them from 0.
 */
const CRC_AT = 12
const MAGIC_AT = 16
const ATTRIBUTES_AT = 17
const TIMESTAMP_AT = 18
const NO_TIMESTAMP = -1n

/** What a message has besides its key and value. */
function overheadBytes(magic: number): number {
  return magic === 0 ? 26 : 34
}

/** Why bytes aren't a message of magic 0 or 1; the words are those of `BatchFault`. */
export type MessageFault = 'too-short' | 'size' | 'magic' | 'crc' | 'compression'

/** Checks a message of magic 0 or 1 as `checkBatch` does a batch of magic 2. */
export function checkMessage(
  buffer: Buffer,
  at: number,
  end: number,
  crc32: (bytes: Uint8Array) => number,
): MessageFault | null {
  if (end - at < HEADER_BYTES_UP_TO_MAGIC) return 'too-short'
  const magic = batchMagic(buffer, at)
  const size = batchSizeBytes(buffer, at)
  if (size < overheadBytes(0)) return 'size'
  if (magic !== 0 && magic !== 1) return 'magic'
  if (size < overheadBytes(magic)) return 'size'
  if (end - at < size) return 'too-short'
  const crc = crc32(buffer.subarray(at + MAGIC_AT, at + size))
  if (crc !== buffer.readUInt32BE(at + CRC_AT)) return 'crc'
  const compression = compressionType(buffer.readInt8(at + ATTRIBUTES_AT))
  return compression === null || compression === 'zstd' ? 'compression' : null
}

/** The timestamp of a message, or of the last one in a wrapper; -1 for magic 0. */
export function messageTimestamp(buffer: Buffer, at: number): bigint {
  return batchMagic(buffer, at) === 0 ? NO_TIMESTAMP : buffer.readBigInt64BE(at + TIMESTAMP_AT)
}

/**
 * The records of a message of magic 0 or 1: itself, or those it wraps.
 * @param message exactly the message
 * @throws CorruptRecordError
 */
export function* readMessage(
  message: Buffer,
  codecs: Pick<Codecs, 'decompress'>,
  maxBytes: number = DEFAULT_MAX_UNCOMPRESSED_BYTES,
): Generator<LogRecord, void> {
  const outer = readOne(message, 0, message.length)
  if (outer.compression === 'none') {
    yield outer.record
    return
  }
  if (outer.compression === 'zstd' || outer.record.value === null) {
    throw new CorruptRecordError('A wrapper message has no value, or a codec that it may not have')
  }
  const inner = codecs.decompress(outer.compression, outer.record.value, maxBytes)
  const positions = messagePositions(inner)
  const last = positions.at(-1)
  if (last === undefined) throw new CorruptRecordError('A wrapper message holds no messages')
  const shift = outer.magic === 0 ? 0 : wrapperShift(outer.record.offset, readOffset(inner, last))
  const appendTime = outer.isAppendTime ? outer.record.timestamp : null
  for (const at of positions) {
    const { record, compression, magic } = readOne(inner, at, at + batchSizeBytes(inner, at))
    if (compression !== 'none') throw new CorruptRecordError('A wrapped message is compressed')
    const offset = record.offset + shift
    if (!Number.isSafeInteger(offset)) throw new CorruptRecordError('Offset is beyond 2^53')
    const timestamp = magic === 1 && appendTime !== null ? appendTime : record.timestamp
    yield { ...record, offset, timestamp }
  }
}

/** What to add to a wrapped message's offset. Some producers left the wrapper's own at 0. */
function wrapperShift(wrapperOffset: number, lastInnerOffset: number): number {
  if (wrapperOffset === 0) return 0
  if (wrapperOffset < lastInnerOffset) {
    throw new CorruptRecordError('A wrapper has a lower offset than the last message in it')
  }
  return wrapperOffset - lastInnerOffset
}

/** Where the whole messages in some bytes begin. */
function messagePositions(bytes: Buffer): number[] {
  const positions: number[] = []
  let at = 0
  while (bytes.length - at >= LOG_OVERHEAD_BYTES) {
    const size = batchSizeBytes(bytes, at)
    if (size < overheadBytes(0)) throw new CorruptRecordError(`A message of ${size} bytes`)
    if (size > bytes.length - at) break
    positions.push(at)
    at += size
  }
  return positions
}

function readOffset(bytes: Buffer, at: number): number {
  return readSafeInt64(bytes, at, 'Offset')
}

interface OneMessage {
  readonly record: LogRecord
  readonly magic: number
  readonly compression: CompressionType
  readonly isAppendTime: boolean
}

function readOne(bytes: Buffer, at: number, end: number): OneMessage {
  const magic = batchMagic(bytes, at)
  if ((magic !== 0 && magic !== 1) || end - at < overheadBytes(magic)) {
    throw new CorruptRecordError('A message has an unknown magic or is too small for its own')
  }
  const attributes = bytes.readInt8(at + ATTRIBUTES_AT)
  const compression = compressionType(attributes)
  if (compression === null) throw new CorruptRecordError('Unknown compression type')
  const keyAt = at + (magic === 0 ? TIMESTAMP_AT : TIMESTAMP_AT + 8)
  const key = readNullable(bytes, keyAt, end)
  const value = readNullable(bytes, keyAt + 4 + (key?.length ?? 0), end)
  const record = {
    offset: readOffset(bytes, at),
    timestamp: messageTimestamp(bytes, at),
    sequence: -1,
    key,
    value,
    headers: NO_HEADERS,
  }
  return {
    record,
    magic,
    compression,
    isAppendTime: magic === 1 && timestampType(attributes) === 'LogAppendTime',
  }
}

function readNullable(bytes: Buffer, at: number, end: number): Buffer | null {
  if (end - at < 4) throw new CorruptRecordError('A message is cut')
  const length = bytes.readInt32BE(at)
  if (length < 0) return null
  if (length > end - at - 4) {
    throw new CorruptRecordError(`A key or value of ${length} bytes doesn't fit into its message`)
  }
  return bytes.subarray(at + 4, at + 4 + length)
}

export interface MessagesToWrite {
  readonly magic: 0 | 1
  readonly records: readonly RecordToWrite[]
  readonly baseOffset?: number
  readonly compression?: CompressionType
  /** Magic 1 only: milliseconds since 1970 that hold for all the records. */
  readonly logAppendTime?: bigint | number
}

/** Builds messages of magic 0 or 1 one after the other or, compressed, in one wrapper. */
export function buildMessages(
  set: MessagesToWrite,
  codecs: Pick<Codecs, 'crc32' | 'compress'>,
): Buffer {
  const { magic, records, baseOffset = 0, compression = 'none' } = set
  const offsets = records.map((record, index) => record.offset ?? baseOffset + index)
  const times = records.map((record) => BigInt(set.logAppendTime ?? record.timestamp))
  const isRelative = compression !== 'none' && magic === 1
  const messages = records.map((record, index) =>
    buildOne(set, 'none', isRelative ? offsets[index]! - baseOffset : offsets[index]!, {
      timestamp: times[index]!,
      key: record.key,
      value: record.value,
    }),
  )
  for (const message of messages) setMessageCrc(message, codecs)
  if (compression === 'none' || records.length === 0) return Buffer.concat(messages)
  const value = codecs.compress(compression, Buffer.concat(messages))
  if (magic === 0 && compression === 'lz4') setMagic0HeaderChecksum(value)
  const timestamp = times.reduce((greatest, each) => (each > greatest ? each : greatest))
  const wrapper = buildOne(set, compression, offsets.at(-1)!, { timestamp, key: null, value })
  setMessageCrc(wrapper, codecs)
  return wrapper
}

function buildOne(
  set: MessagesToWrite,
  compression: CompressionType,
  offset: number,
  record: RecordToWrite,
): Buffer {
  const { magic } = set
  const { key, value } = record
  const size = overheadBytes(magic) + (key?.length ?? 0) + (value?.length ?? 0)
  const message = Buffer.allocUnsafe(size)
  const isAppendTime = magic === 1 && set.logAppendTime !== undefined
  const attributes = encodeAttributes({
    compression,
    timestampType: isAppendTime ? 'LogAppendTime' : 'CreateTime',
    isTransactional: false,
    isControl: false,
    hasDeleteHorizon: false,
  })
  writeSafeInt64(message, offset, 0)
  message.writeInt32BE(size - LOG_OVERHEAD_BYTES, 8)
  message.writeInt8(magic, MAGIC_AT)
  message.writeInt8(attributes, ATTRIBUTES_AT)
  if (magic === 1) message.writeBigInt64BE(BigInt(record.timestamp), TIMESTAMP_AT)
  const keyAt = magic === 0 ? TIMESTAMP_AT : TIMESTAMP_AT + 8
  writeNullable(message, value, writeNullable(message, key, keyAt))
  return message
}

function writeNullable(message: Buffer, bytes: Uint8Array | null, at: number): number {
  message.writeInt32BE(bytes?.length ?? -1, at)
  if (bytes !== null) message.set(bytes, at + 4)
  return at + 4 + (bytes?.length ?? 0)
}

function setMessageCrc(message: Buffer, codecs: Pick<Codecs, 'crc32'>): void {
  message.writeUInt32BE(codecs.crc32(message.subarray(MAGIC_AT)) >>> 0, CRC_AT)
}

/**
 * Converts messages of magic 0 and 1 into one batch of magic 2, as a Kafka broker does on append: offsets are given anew,
 * one by one from `target.baseOffset`; messages of magic 0 stay without a timestamp (-1).
 * @throws CorruptRecordError
 */
export function convertMessages(
  messages: Iterable<Buffer>,
  target: Omit<BatchToWrite, 'records'>,
  codecs: Codecs,
  maxBytes: number = DEFAULT_MAX_UNCOMPRESSED_BYTES,
): Buffer {
  const records: RecordToWrite[] = []
  let leftBytes = maxBytes
  for (const message of messages) {
    for (const { timestamp, key, value } of readMessage(message, codecs, leftBytes)) {
      records.push({ timestamp, key, value })
      leftBytes -= (key?.length ?? 0) + (value?.length ?? 0)
      if (leftBytes < 0) throw tooManyBytes(maxBytes)
    }
  }
  return buildBatch({ ...target, records }, codecs)
}
