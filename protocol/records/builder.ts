import type { Codecs, CompressionType } from './codecs.ts'
import {
  BATCH_HEADER_BYTES,
  CURRENT_MAGIC,
  encodeAttributes,
  LOG_OVERHEAD_BYTES,
  setBatchCompression,
  setBatchCrc,
  writeSafeInt64,
  type TimestampType,
} from './header.ts'
import type { RecordToWrite } from './record.ts'
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from './varint.ts'

/** What is left out is as in a plain batch of offset 0: no producer, no epoch, the producer's times, uncompressed. */
export interface BatchToWrite {
  readonly records: readonly RecordToWrite[]
  readonly baseOffset?: number
  readonly leaderEpoch?: number
  readonly compression?: CompressionType
  /** Makes it a batch of LogAppendTime: milliseconds since 1970 that hold for all its records. */
  readonly logAppendTime?: bigint | number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly isTransactional?: boolean
  readonly isControl?: boolean
  /** When compaction may drop the batch's tombstones or marker, in milliseconds since 1970. */
  readonly deleteHorizonMs?: bigint | number
  /** Where compaction has removed the last records, the offset that the batch reaches all the same. */
  readonly lastOffset?: number
  /** Where compaction has removed records, the greatest timestamp that the batch had. */
  readonly maxTimestamp?: bigint | number
}

/** Builds a batch of magic 2. */
export function buildBatch(
  batch: BatchToWrite,
  codecs: Pick<Codecs, 'crc32c' | 'compress'>,
): Buffer {
  const { records, baseOffset = 0, compression = 'none' } = batch
  const baseTimestamp = BigInt(batch.deleteHorizonMs ?? records[0]?.timestamp ?? -1)
  const deltas = records.map((record, index) => ({
    offset: (record.offset ?? baseOffset + index) - baseOffset,
    timestamp: BigInt.asIntN(64, BigInt(record.timestamp) - baseTimestamp),
  }))
  const bodies = records.map((record, index) =>
    bodyBytes(record, deltas[index]!.offset, varlongBytes(deltas[index]!.timestamp)),
  )
  const runBytes = bodies.reduce((sum, body) => sum + varintBytes(body) + body, 0)
  const plain = compression === 'none'
  let result = Buffer.allocUnsafe((plain ? BATCH_HEADER_BYTES : 0) + runBytes)
  let position = plain ? BATCH_HEADER_BYTES : 0
  for (let index = 0; index < records.length; index++) {
    position = writeVarint(result, bodies[index]!, position)
    position = writeRecord(result, records[index]!, deltas[index]!, position)
  }
  if (!plain) {
    const compressed = codecs.compress(compression, result)
    result = Buffer.allocUnsafe(BATCH_HEADER_BYTES + compressed.length)
    compressed.copy(result, BATCH_HEADER_BYTES)
  }
  const lastOffset = batch.lastOffset ?? baseOffset + (deltas.at(-1)?.offset ?? 0)
  writeHeader(result, batch, baseTimestamp, lastOffset - baseOffset)
  setBatchCrc(result, 0, codecs.crc32c)
  return result
}

/**
 * A batch with the header of another and the same records in another compression. The header's length, compression and
 * checksum are its own.
 * @param records the records of `batch`, compressed in this way already
 */
export function withCompression(
  batch: Buffer,
  compression: CompressionType,
  records: Uint8Array,
  crc32c: Codecs['crc32c'],
): Buffer {
  const result = Buffer.allocUnsafe(BATCH_HEADER_BYTES + records.length)
  batch.copy(result, 0, 0, BATCH_HEADER_BYTES)
  result.set(records, BATCH_HEADER_BYTES)
  setBatchCompression(result, compression)
  setBatchCrc(result, 0, crc32c)
  return result
}

function writeHeader(
  target: Buffer,
  batch: BatchToWrite,
  baseTimestamp: bigint,
  lastOffsetDelta: number,
): void {
  const timestampType: TimestampType =
    batch.logAppendTime === undefined ? 'CreateTime' : 'LogAppendTime'
  const attributes = encodeAttributes({
    compression: batch.compression ?? 'none',
    timestampType,
    isTransactional: batch.isTransactional ?? false,
    isControl: batch.isControl ?? false,
    hasDeleteHorizon: batch.deleteHorizonMs !== undefined,
  })
  writeSafeInt64(target, batch.baseOffset ?? 0, 0)
  target.writeInt32BE(target.length - LOG_OVERHEAD_BYTES, 8)
  target.writeInt32BE(batch.leaderEpoch ?? -1, 12)
  target.writeInt8(CURRENT_MAGIC, 16)
  target.writeInt16BE(attributes, 21)
  target.writeInt32BE(lastOffsetDelta, 23)
  target.writeBigInt64BE(baseTimestamp, 27)
  target.writeBigInt64BE(BigInt(batch.logAppendTime ?? batch.maxTimestamp ?? latest(batch)), 35)
  writeSafeInt64(target, batch.producerId ?? -1, 43)
  target.writeInt16BE(batch.producerEpoch ?? -1, 51)
  target.writeInt32BE(batch.baseSequence ?? -1, 53)
  target.writeInt32BE(batch.records.length, 57)
}

function latest(batch: BatchToWrite): bigint {
  let greatest = -1n
  for (const record of batch.records) {
    const timestamp = BigInt(record.timestamp)
    if (timestamp > greatest) greatest = timestamp
  }
  return greatest
}

interface Deltas {
  readonly offset: number
  readonly timestamp: bigint
}

/** How many bytes a record has after its length. */
function bodyBytes(
  record: Omit<RecordToWrite, 'timestamp'>,
  offsetDelta: number,
  timestampBytes: number,
): number {
  let count = 1 + timestampBytes + varintBytes(offsetDelta)
  count += nullableBytes(record.key) + nullableBytes(record.value)
  const { headers } = record
  if (headers === undefined) return count + 1
  count += varintBytes(headers.length)
  for (const header of headers) {
    const keyBytes = Buffer.byteLength(header.key)
    count += varintBytes(keyBytes) + keyBytes + nullableBytes(header.value)
  }
  return count
}

/** How many bytes a record takes in an uncompressed batch whose first record has the same time. */
export function recordBytes(record: Omit<RecordToWrite, 'timestamp'>, offsetDelta: number): number {
  const body = bodyBytes(record, offsetDelta, 1)
  return varintBytes(body) + body
}

function nullableBytes(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : varintBytes(bytes.length) + bytes.length
}

function writeRecord(target: Buffer, record: RecordToWrite, deltas: Deltas, at: number): number {
  // No attribute of a record has a meaning yet.
  target[at] = 0
  let position = writeVarlong(target, deltas.timestamp, at + 1)
  position = writeVarint(target, deltas.offset, position)
  position = writeNullable(target, record.key, position)
  position = writeNullable(target, record.value, position)
  const headers = record.headers ?? []
  position = writeVarint(target, headers.length, position)
  for (const header of headers) {
    position = writeVarint(target, Buffer.byteLength(header.key), position)
    position += target.write(header.key, position, 'utf8')
    position = writeNullable(target, header.value, position)
  }
  return position
}

function writeNullable(target: Buffer, bytes: Uint8Array | null, at: number): number {
  if (bytes === null) return writeVarint(target, -1, at)
  const position = writeVarint(target, bytes.length, at)
  target.set(bytes, position)
  return position + bytes.length
}
