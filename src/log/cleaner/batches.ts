import {
  BATCH_HEADER_BYTES,
  batchAttributes,
  batchRecordCount,
  LOG_OVERHEAD_BYTES,
  setBatchCrc,
} from '../../../protocol/records/batch.ts'

const LENGTH_AT = 8
const ATTRIBUTES_AT = 21
const BASE_TIMESTAMP_AT = 27
const MAX_TIMESTAMP_AT = 35
const RECORD_COUNT_AT = 57

const COMPRESSION_MASK = 0x07
/** Compression, timestamp type, transactional, control. */
const KEPT_ATTRIBUTES = 0x3f
const DELETE_HORIZON = 0x40
const NO_BASE_TIMESTAMP = -1n

type Crc32c = (bytes: Uint8Array) => number

/** Whether nothing but the header is left of a batch. */
export function isEmptyBatch(buffer: Buffer, at: number): boolean {
  return batchRecordCount(buffer, at) === 0
}

export interface RewrittenBatch {
  /** As they are stored: compressed where the batch's attributes say so. */
  readonly records: Buffer
  readonly recordCount: number
  readonly baseTimestamp: bigint
  readonly maxTimestamp: bigint
  /** The base timestamp is the time from which on tombstones and markers may go. */
  readonly hasDeleteHorizon: boolean
}

/** A batch with other records: all else, the offsets that it spans before all, stays as in the original. */
export function rewriteBatch(original: Buffer, change: RewrittenBatch, crc32c: Crc32c): Buffer {
  const { records } = change
  const batch = Buffer.allocUnsafe(BATCH_HEADER_BYTES + records.length)
  original.copy(batch, 0, 0, BATCH_HEADER_BYTES)
  records.copy(batch, BATCH_HEADER_BYTES)
  const attributes = batchAttributes(original, 0) & KEPT_ATTRIBUTES
  batch.writeInt32BE(batch.length - LOG_OVERHEAD_BYTES, LENGTH_AT)
  batch.writeInt16BE(
    change.hasDeleteHorizon ? attributes | DELETE_HORIZON : attributes,
    ATTRIBUTES_AT,
  )
  batch.writeBigInt64BE(change.baseTimestamp, BASE_TIMESTAMP_AT)
  batch.writeBigInt64BE(change.maxTimestamp, MAX_TIMESTAMP_AT)
  batch.writeInt32BE(change.recordCount, RECORD_COUNT_AT)
  setBatchCrc(batch, 0, crc32c)
  return batch
}

/** The header alone: it says which offsets, and which sequence numbers of its producer, have been. */
export function emptiedBatch(original: Buffer, crc32c: Crc32c): Buffer {
  const batch = rewriteBatch(
    original,
    {
      records: Buffer.alloc(0),
      recordCount: 0,
      baseTimestamp: NO_BASE_TIMESTAMP,
      maxTimestamp: original.readBigInt64BE(MAX_TIMESTAMP_AT),
      hasDeleteHorizon: false,
    },
    crc32c,
  )
  batch.writeInt16BE(batchAttributes(batch, 0) & ~COMPRESSION_MASK, ATTRIBUTES_AT)
  setBatchCrc(batch, 0, crc32c)
  return batch
}
