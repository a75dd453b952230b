import { COMPRESSION_TYPES, type CompressionType } from './codecs.ts'
import { CorruptRecordError } from './errors.ts'

/**
 * A record batch of magic 2 as it stands in a log, a request or an answer:
 *
 *     0 baseOffset int64 | 8 length int32 (of what follows) | 12 partitionLeaderEpoch int32 | 16 magic int8
 *     17 crc uint32 (CRC-32C of all that follows) | 21 attributes int16 | 23 lastOffsetDelta int32
 *     27 baseTimestamp int64 | 35 maxTimestamp int64 | 43 producerId int64 | 51 producerEpoch int16
 *     53 baseSequence int32 | 57 recordCount int32 | 61 records
 *
 * Messages of magic 0 and 1 share the first 17 bytes but for the epoch, in whose place their CRC stands. The functions
 * below take a buffer and the position where the batch begins; what they read must be there.
 */
const LENGTH_AT = 8
const LEADER_EPOCH_AT = 12
const MAGIC_AT = 16
const CRC_AT = 17
const ATTRIBUTES_AT = 21
const LAST_OFFSET_DELTA_AT = 23
const BASE_TIMESTAMP_AT = 27
const MAX_TIMESTAMP_AT = 35
const PRODUCER_ID_AT = 43
const PRODUCER_EPOCH_AT = 51
const BASE_SEQUENCE_AT = 53
const RECORD_COUNT_AT = 57

/** What a batch of magic 2 has before its records. */
export const BATCH_HEADER_BYTES = 61
/** Offset and length, which every magic begins with and which the length doesn't count. */
export const LOG_OVERHEAD_BYTES = 12
/** How far one must read to know the magic. */
export const HEADER_BYTES_UP_TO_MAGIC = 17
/** The least that can stand in the length field: a message of magic 0 without key and value. */
export const LEAST_LENGTH = 14

export const CURRENT_MAGIC = 2

/** A record's length, attributes, two deltas, lengths of key and value, number of headers: a byte each at least. */
export const LEAST_RECORD_BYTES = 7
/** The lengths of a record header's key and value. */
export const LEAST_HEADER_BYTES = 2

const COMPRESSION_MASK = 0x07
const TIMESTAMP_TYPE_MASK = 0x08
const TRANSACTIONAL_MASK = 0x10
const CONTROL_MASK = 0x20
const DELETE_HORIZON_MASK = 0x40

const GREATEST_INT32 = 0x7fffffff

/** `CreateTime`: the producer's time. `LogAppendTime`: the broker's, and all records of a batch have its maxTimestamp. */
export type TimestampType = 'CreateTime' | 'LogAppendTime'

/** An int64 that has to be a safe integer. */
export function readSafeInt64(buffer: Buffer, position: number, what: string): number {
  const value = buffer.readInt32BE(position) * 0x100000000 + buffer.readUInt32BE(position + 4)
  if (!Number.isSafeInteger(value)) throw new CorruptRecordError(`${what} is beyond 2^53`)
  return value
}

/** Any int64. One that a number holds is made a bigint in one step; Buffer's own reader makes five on the way. */
function readInt64(buffer: Buffer, position: number): bigint {
  const value = buffer.readInt32BE(position) * 0x100000000 + buffer.readUInt32BE(position + 4)
  return Number.isSafeInteger(value) ? BigInt(value) : buffer.readBigInt64BE(position)
}

function isSafeInt64(buffer: Buffer, position: number): boolean {
  const high = buffer.readInt32BE(position)
  return (
    high < 0x200000 &&
    high >= -0x200000 &&
    !(high === -0x200000 && buffer.readUInt32BE(position + 4) === 0)
  )
}

export function writeSafeInt64(buffer: Buffer, value: number, position: number): void {
  buffer.writeInt32BE(Math.floor(value / 0x100000000), position)
  buffer.writeUInt32BE(value >>> 0, position + 4)
}

/** @throws CorruptRecordError when the offset is beyond 2^53 (so do the other functions that return an int64) */
export function batchBaseOffset(buffer: Buffer, at: number): number {
  return readSafeInt64(buffer, at, 'Base offset')
}

/** The whole batch with its first 12 bytes; nothing says that the buffer holds them all. */
export function batchSizeBytes(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + LENGTH_AT) + LOG_OVERHEAD_BYTES
}

export function batchLeaderEpoch(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + LEADER_EPOCH_AT)
}

export function batchMagic(buffer: Buffer, at: number): number {
  return buffer.readInt8(at + MAGIC_AT)
}

/** The checksum as stored, unsigned. */
export function batchCrc(buffer: Buffer, at: number): number {
  return buffer.readUInt32BE(at + CRC_AT)
}

export function batchAttributes(buffer: Buffer, at: number): number {
  return buffer.readInt16BE(at + ATTRIBUTES_AT)
}

export function batchLastOffsetDelta(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + LAST_OFFSET_DELTA_AT)
}

export function batchLastOffset(buffer: Buffer, at: number): number {
  return batchBaseOffset(buffer, at) + batchLastOffsetDelta(buffer, at)
}

/** The offset that follows this batch. */
export function batchNextOffset(buffer: Buffer, at: number): number {
  return batchLastOffset(buffer, at) + 1
}

/** What the records' timestamp deltas add to; where the batch has a delete horizon, that. */
export function batchBaseTimestamp(buffer: Buffer, at: number): bigint {
  return readInt64(buffer, at + BASE_TIMESTAMP_AT)
}

export function batchMaxTimestamp(buffer: Buffer, at: number): bigint {
  return readInt64(buffer, at + MAX_TIMESTAMP_AT)
}

/** -1 where the producer is neither idempotent nor transactional. */
export function batchProducerId(buffer: Buffer, at: number): number {
  return readSafeInt64(buffer, at + PRODUCER_ID_AT, 'Producer id')
}

/** Whether `batchProducerId` can tell it: no producer has an id beyond 2^53. `checkBatch` refuses such a batch. */
export function isProducerIdSafe(buffer: Buffer, at: number): boolean {
  return isSafeInt64(buffer, at + PRODUCER_ID_AT)
}

/** Whether two batches say the same id and epoch of their producer, whatever that may be. */
export function haveSameProducer(one: Buffer, oneAt: number, other: Buffer, at: number): boolean {
  const from = oneAt + PRODUCER_ID_AT
  const otherFrom = at + PRODUCER_ID_AT
  const size = BASE_SEQUENCE_AT - PRODUCER_ID_AT
  return one.compare(other, otherFrom, otherFrom + size, from, from + size) === 0
}

export function batchProducerEpoch(buffer: Buffer, at: number): number {
  return buffer.readInt16BE(at + PRODUCER_EPOCH_AT)
}

export function batchBaseSequence(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + BASE_SEQUENCE_AT)
}

/** The sequence number of the last offset; -1 where there are none. */
export function batchLastSequence(buffer: Buffer, at: number): number {
  const base = batchBaseSequence(buffer, at)
  return base < 0 ? -1 : addToSequence(base, batchLastOffsetDelta(buffer, at))
}

export function batchRecordCount(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + RECORD_COUNT_AT)
}

/** Outside the checksum, so that a broker may assign it in place. */
export function setBatchBaseOffset(buffer: Buffer, at: number, offset: number): void {
  writeSafeInt64(buffer, offset, at)
}

/** Outside the checksum, too. */
export function setBatchLeaderEpoch(buffer: Buffer, at: number, epoch: number): void {
  buffer.writeInt32BE(epoch, at + LEADER_EPOCH_AT)
}

/**
 * Stamps the batch: with LogAppendTime its maxTimestamp is the time of all its records. Changes bytes under the checksum:
 * `setBatchCrc` must follow.
 */
export function setBatchMaxTimestamp(
  buffer: Buffer,
  at: number,
  type: TimestampType,
  timestamp: bigint,
): void {
  const others = batchAttributes(buffer, at) & ~TIMESTAMP_TYPE_MASK
  buffer.writeInt16BE(
    type === 'LogAppendTime' ? others | TIMESTAMP_TYPE_MASK : others,
    at + ATTRIBUTES_AT,
  )
  buffer.writeBigInt64BE(timestamp, at + MAX_TIMESTAMP_AT)
}

/** Says how the records of a batch are compressed that is all of the buffer, and its length. `setBatchCrc` must follow. */
export function setBatchCompression(batch: Buffer, compression: CompressionType): void {
  const others = batchAttributes(batch, 0) & ~COMPRESSION_MASK
  batch.writeInt16BE(others | COMPRESSION_TYPES.indexOf(compression), ATTRIBUTES_AT)
  batch.writeInt32BE(batch.length - LOG_OVERHEAD_BYTES, LENGTH_AT)
}

/** Computes the checksum of the batch as it is now and stores it. */
export function setBatchCrc(
  buffer: Buffer,
  at: number,
  crc32c: (bytes: Uint8Array) => number,
): void {
  const bytes = buffer.subarray(at + ATTRIBUTES_AT, at + batchSizeBytes(buffer, at))
  buffer.writeUInt32BE(crc32c(bytes) >>> 0, at + CRC_AT)
}

/** @returns null for the three numbers that mean nothing (yet) */
export function compressionType(attributes: number): CompressionType | null {
  return COMPRESSION_TYPES[attributes & COMPRESSION_MASK] ?? null
}

export function timestampType(attributes: number): TimestampType {
  return (attributes & TIMESTAMP_TYPE_MASK) === 0 ? 'CreateTime' : 'LogAppendTime'
}

export function isTransactional(attributes: number): boolean {
  return (attributes & TRANSACTIONAL_MASK) !== 0
}

/** Markers of transactions and of the quorum, which clients never see as records. */
export function isControl(attributes: number): boolean {
  return (attributes & CONTROL_MASK) !== 0
}

/** When compaction may drop the batch's tombstones and markers, in milliseconds since 1970; null where none is set. */
export function batchDeleteHorizon(buffer: Buffer, at: number): bigint | null {
  return (batchAttributes(buffer, at) & DELETE_HORIZON_MASK) === 0
    ? null
    : batchBaseTimestamp(buffer, at)
}

export interface Attributes {
  readonly compression: CompressionType
  readonly timestampType: TimestampType
  readonly isTransactional: boolean
  readonly isControl: boolean
  readonly hasDeleteHorizon: boolean
}

export function encodeAttributes(attributes: Attributes): number {
  return (
    COMPRESSION_TYPES.indexOf(attributes.compression) |
    (attributes.timestampType === 'LogAppendTime' ? TIMESTAMP_TYPE_MASK : 0) |
    (attributes.isTransactional ? TRANSACTIONAL_MASK : 0) |
    (attributes.isControl ? CONTROL_MASK : 0) |
    (attributes.hasDeleteHorizon ? DELETE_HORIZON_MASK : 0)
  )
}

/** Sequence numbers go on with 0 after 2^31-1. */
export function addToSequence(sequence: number, increment: number): number {
  const sum = sequence + increment
  return sum > GREATEST_INT32 ? sum - GREATEST_INT32 - 1 : sum
}

/**
 * Why bytes aren't a batch that may be in a log:
 * `too-short` there are fewer bytes than the batch says (the tail of a fetch, or of a torn write); `size` its length
 * is less than a header; `magic` not 2; `crc`; `offsets` its last offset is before its first, or beyond 2^53, or its
 * producer id is; `count` fewer than none or more records than offsets; `compression` an unknown one. To a producer,
 * Kafka answers INVALID_RECORD for `offsets` and `count`, UNKNOWN_SERVER_ERROR for `compression`, and CORRUPT_MESSAGE for
 * the others.
 */
export type BatchFault =
  'too-short' | 'size' | 'magic' | 'crc' | 'offsets' | 'count' | 'compression'

/**
 * Checks a batch of magic 2 as recovery, a follower and Produce need it: everything but its records, whose bytes the
 * checksum covers. When this says null the functions above don't throw.
 * @param end where the buffer's valid bytes end
 */
export function checkBatch(
  buffer: Buffer,
  at: number,
  end: number,
  crc32c: (bytes: Uint8Array) => number,
): BatchFault | null {
  if (end - at < HEADER_BYTES_UP_TO_MAGIC) return 'too-short'
  if (buffer.readInt32BE(at + LENGTH_AT) < LEAST_LENGTH) return 'size'
  if (batchMagic(buffer, at) !== CURRENT_MAGIC) return 'magic'
  const size = batchSizeBytes(buffer, at)
  if (size < BATCH_HEADER_BYTES) return 'size'
  if (end - at < size) return 'too-short'
  if (crc32c(buffer.subarray(at + ATTRIBUTES_AT, at + size)) !== batchCrc(buffer, at)) return 'crc'
  if (!isSafeInt64(buffer, at) || !isSafeInt64(buffer, at + PRODUCER_ID_AT)) return 'offsets'
  const lastOffsetDelta = batchLastOffsetDelta(buffer, at)
  if (lastOffsetDelta < 0 || !Number.isSafeInteger(batchLastOffset(buffer, at) + 1))
    return 'offsets'
  const count = batchRecordCount(buffer, at)
  if (count < 0 || count > lastOffsetDelta + 1) return 'count'
  if (compressionType(batchAttributes(buffer, at)) === null) return 'compression'
  return null
}

/**
 * What a producer must keep to beyond `checkBatch`, in the order and with the meaning of Kafka's LogValidator and
 * UnifiedLog (all are INVALID_RECORD there): `base-offset` isn't 0; `count` isn't one record for each offset, and at least
 * one; `control` is a control batch; `sequence` is missing beside a producer id.
 */
export type ProducedFault = 'base-offset' | 'count' | 'control' | 'sequence'

/** Checks what only a producer's batch must keep to, once `checkBatch` said null. */
export function checkProducedBatch(buffer: Buffer, at: number): ProducedFault | null {
  if (batchBaseOffset(buffer, at) !== 0) return 'base-offset'
  const count = batchRecordCount(buffer, at)
  if (count <= 0 || count !== batchLastOffsetDelta(buffer, at) + 1) return 'count'
  if (isControl(batchAttributes(buffer, at))) return 'control'
  if (batchProducerId(buffer, at) > -1 && batchBaseSequence(buffer, at) < 0) return 'sequence'
  return null
}
