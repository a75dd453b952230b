import {
  batchAttributes,
  batchBaseOffset,
  batchBaseSequence,
  batchCrc,
  batchDeleteHorizon,
  batchLastOffset,
  batchLastSequence,
  batchLeaderEpoch,
  batchMagic,
  batchMaxTimestamp,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
  checkBatch,
  checkMessage,
  compressionType,
  CURRENT_MAGIC,
  isControl,
  isTransactional,
  readRecords,
  timestampType,
  type LogRecord,
} from '../../protocol/records/batch.ts'
import type { Codecs } from '../../protocol/records/codecs.ts'

/** What a batch says of itself, and whether it is sound. What its magic doesn't have is left out. */
export interface BatchFacts {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly count: number | null
  readonly baseSequence?: number
  readonly lastSequence?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly partitionLeaderEpoch?: number
  readonly isTransactional?: boolean
  readonly isControl?: boolean
  readonly deleteHorizonMs?: bigint | null
  readonly position: number
  readonly timestampType?: 'CreateTime' | 'LogAppendTime'
  /** Milliseconds since 1970, the greatest of the batch. */
  readonly timestamp?: bigint
  readonly size: number
  readonly magic: number
  readonly compression: string
  readonly crc: number
  readonly isValid: boolean
}

/** @param bytes exactly one batch */
export function batchFacts(bytes: Buffer, position: number, codecs: Codecs): BatchFacts {
  if (batchMagic(bytes, 0) < CURRENT_MAGIC) return messageFacts(bytes, position, codecs)
  const attributes = batchAttributes(bytes, 0)
  return {
    baseOffset: batchBaseOffset(bytes, 0),
    lastOffset: batchLastOffset(bytes, 0),
    count: batchRecordCount(bytes, 0),
    baseSequence: batchBaseSequence(bytes, 0),
    lastSequence: batchLastSequence(bytes, 0),
    producerId: batchProducerId(bytes, 0),
    producerEpoch: batchProducerEpoch(bytes, 0),
    partitionLeaderEpoch: batchLeaderEpoch(bytes, 0),
    isTransactional: isTransactional(attributes),
    isControl: isControl(attributes),
    deleteHorizonMs: batchDeleteHorizon(bytes, 0),
    position,
    timestampType: timestampType(attributes),
    timestamp: batchMaxTimestamp(bytes, 0),
    size: bytes.length,
    magic: CURRENT_MAGIC,
    compression: compressionType(attributes) ?? `unknown (${attributes & 7})`,
    crc: batchCrc(bytes, 0),
    isValid: checkBatch(bytes, 0, bytes.length, (checked) => codecs.crc32c(checked)) === null,
  }
}

/** Messages of magic 0 and 1: their CRC stands in the place of the epoch, their attributes behind the magic. */
function messageFacts(bytes: Buffer, position: number, codecs: Codecs): BatchFacts {
  const fault = checkMessage(bytes, 0, bytes.length, (checked) => codecs.crc32(checked))
  const records: LogRecord[] = fault === null ? [...readRecords(bytes, codecs)] : []
  const offset = batchBaseOffset(bytes, 0)
  const compression = compressionType(bytes[17]! & 7)
  return {
    // A compressed message has the offset of the last one in it.
    baseOffset: records[0]?.offset ?? offset,
    lastOffset: offset,
    count: fault === null ? records.length : null,
    position,
    size: bytes.length,
    magic: batchMagic(bytes, 0),
    compression: compression ?? `unknown (${bytes[17]! & 7})`,
    crc: bytes.readUInt32BE(12),
    isValid: fault === null,
  }
}
