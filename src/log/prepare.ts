import type { ErrorName } from '../../protocol/errors.ts'
import {
  batchAttributes,
  batchBaseOffset,
  batchBaseTimestamp,
  batchLastOffsetDelta,
  batchMagic,
  batchMaxTimestamp,
  batchNextOffset,
  batchSizeBytes,
  checkBatch,
  checkProducedBatch,
  CorruptRecordError,
  CURRENT_MAGIC,
  isControl,
  readRecords,
  setBatchBaseOffset,
  setBatchCrc,
  setBatchLeaderEpoch,
  setBatchMaxTimestamp,
  timestampType,
  type BatchFault,
  type LogRecord,
  type ProducedFault,
} from '../../protocol/records/batch.ts'
import type { Codecs } from '../../protocol/records/codecs.ts'
import type { LogConfig } from './config.ts'
import type { AppendOrigin, RecordError } from './results.ts'
import { NO_TIMESTAMP } from './time-index.ts'

export type LogCodecs = Pick<Codecs, 'crc32c' | 'decompress'>

/** Where a leader's append goes and what it has to keep to. */
export interface AppendTarget {
  readonly name: string
  readonly config: LogConfig
  readonly codecs: LogCodecs
  readonly origin: AppendOrigin
  readonly leaderEpoch: number
  readonly baseOffset: number
  readonly nowMs: number
}

/** Batches that are ready to be written. */
export interface PreparedBatches {
  readonly bytes: Buffer
  readonly batchCount: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly maxTimestamp: bigint
  readonly logAppendTimeMs: number
}

export interface AppendFault {
  readonly errorCode: ErrorName
  readonly errorMessage: string
  readonly recordErrors: readonly RecordError[]
}

export type Preparation = { readonly fault: AppendFault } | { readonly batches: PreparedBatches }

const BATCH_FAULTS: Record<BatchFault, [ErrorName, string]> = {
  'too-short': ['INVALID_RECORD', 'The record batch is cut off'],
  size: ['CORRUPT_MESSAGE', 'The record batch is shorter than its header'],
  magic: ['CORRUPT_MESSAGE', 'The record batch has an unknown magic'],
  crc: ['CORRUPT_MESSAGE', 'The record batch has another checksum than its bytes'],
  offsets: ['INVALID_RECORD', 'The record batch has impossible offsets'],
  count: ['INVALID_RECORD', 'The record batch has another number of records than offsets'],
  compression: ['UNKNOWN_SERVER_ERROR', 'The record batch has an unknown compression'],
}

const PRODUCED_FAULTS: Record<ProducedFault, string> = {
  'base-offset': 'The base offset of a produced record batch has to be 0',
  count: 'A produced record batch has one record for each of its offsets, and at least one',
  control: 'Clients may not write control records',
  sequence: 'A record batch with a producer id needs a sequence number',
}

/**
 * Checks the batches of an append in one pass and gives them their offsets, their leader's epoch and, where the topic
 * wants it, the broker's time: in place.
 */
export function prepareBatches(records: Buffer, target: AppendTarget): Preparation {
  const { config, leaderEpoch } = target
  let offset = target.baseOffset
  let maxTimestamp = NO_TIMESTAMP
  let batchCount = 0
  for (let at = 0; at < records.length;) {
    const fault = checkOne(records, at, target) ?? stamp(records, at, target)
    if (fault !== null) return { fault }
    setBatchBaseOffset(records, at, offset)
    setBatchLeaderEpoch(records, at, leaderEpoch)
    const timestamp = batchMaxTimestamp(records, at)
    if (timestamp > maxTimestamp) maxTimestamp = timestamp
    offset += batchLastOffsetDelta(records, at) + 1
    at += batchSizeBytes(records, at)
    batchCount++
  }
  if (batchCount === 0) return refused('INVALID_RECORD', 'There is no record batch')
  if (records.length > config.segmentBytes) {
    const errorMessage = `The append to ${target.name} has ${records.length} bytes, more than a segment (${config.segmentBytes})`
    return refused('RECORD_LIST_TOO_LARGE', errorMessage)
  }
  return {
    batches: {
      bytes: records,
      batchCount,
      baseOffset: target.baseOffset,
      lastOffset: offset - 1,
      maxTimestamp,
      logAppendTimeMs: isStamped(target) ? target.nowMs : -1,
    },
  }
}

function isStamped({ config, origin }: AppendTarget): boolean {
  return config.messageTimestampType === 'LogAppendTime' && origin !== 'raft'
}

function refused(errorCode: ErrorName, errorMessage: string): { fault: AppendFault } {
  return { fault: { errorCode, errorMessage, recordErrors: [] } }
}

/** As Kafka says it: formats that it knows but doesn't take any more are another thing than noise. */
function batchFault(fault: BatchFault, records: Buffer, at: number): AppendFault {
  if (fault === 'magic' && batchMagic(records, at) >>> 0 < CURRENT_MAGIC) {
    return refused('INVALID_RECORD', 'Only record batches of magic 2 are taken').fault
  }
  return refused(...BATCH_FAULTS[fault]).fault
}

function checkOne(records: Buffer, at: number, target: AppendTarget): AppendFault | null {
  const fault = checkBatch(records, at, records.length, target.codecs.crc32c)
  if (fault !== null) return batchFault(fault, records, at)
  const sizeBytes = batchSizeBytes(records, at)
  const { maxMessageBytes } = target.config
  if (sizeBytes > maxMessageBytes && target.origin !== 'raft') {
    const errorMessage = `The record batch of ${sizeBytes} bytes for ${target.name} is larger than max.message.bytes (${maxMessageBytes})`
    return refused('MESSAGE_TOO_LARGE', errorMessage).fault
  }
  if (target.origin !== 'client') return null
  const produced = checkProducedBatch(records, at)
  if (produced !== null) return refused('INVALID_RECORD', PRODUCED_FAULTS[produced]).fault
  if (!target.config.compacted) return null
  return checkRecords(records, at, target, 'INVALID_RECORD', (record) =>
    record.key === null ? `Compacted topic ${target.name} takes no record without a key` : null,
  )
}

/** Sets the batch's greatest timestamp where it isn't what it has to be. */
function stamp(records: Buffer, at: number, target: AppendTarget): AppendFault | null {
  const { codecs, origin } = target
  const attributes = batchAttributes(records, at)
  if (origin !== 'client' && isControl(attributes)) return null
  if (isStamped(target)) {
    setBatchMaxTimestamp(records, at, 'LogAppendTime', BigInt(target.nowMs))
    setBatchCrc(records, at, codecs.crc32c)
    return null
  }
  if (origin !== 'client') return null
  let maxTimestamp = batchMaxTimestamp(records, at)
  const baseTimestamp = batchBaseTimestamp(records, at)
  const isWrong = maxTimestamp < baseTimestamp || timestampType(attributes) !== 'CreateTime'
  if (isWrong) {
    // Some clients leave the greatest timestamp unset; look-ups by time would miss their records.
    try {
      maxTimestamp = NO_TIMESTAMP
      setBatchMaxTimestamp(records, at, 'CreateTime', baseTimestamp)
      for (const { timestamp } of readRecords(batchAt(records, at), codecs)) {
        if (timestamp > maxTimestamp) maxTimestamp = timestamp
      }
    } catch (error) {
      return asFault(error)
    }
    setBatchMaxTimestamp(records, at, 'CreateTime', maxTimestamp)
    setBatchCrc(records, at, codecs.crc32c)
  }
  return checkTimestamps(records, at, maxTimestamp, baseTimestamp, target)
}

function checkTimestamps(
  records: Buffer,
  at: number,
  maxTimestamp: bigint,
  baseTimestamp: bigint,
  target: AppendTarget,
): AppendFault | null {
  const { config, nowMs } = target
  const latest = nowMs + config.messageTimestampAfterMaxMs
  const earliest = nowMs - config.messageTimestampBeforeMaxMs
  const isOutside = (timestamp: bigint): boolean =>
    timestamp !== NO_TIMESTAMP && (timestamp > latest || timestamp < earliest)
  if (!isOutside(maxTimestamp) && (earliest === -Infinity || !isOutside(baseTimestamp))) return null
  return checkRecords(records, at, target, 'INVALID_TIMESTAMP', (record) =>
    isOutside(record.timestamp)
      ? `Timestamp ${record.timestamp} of the record is out of range: it should be within [${earliest}, ${latest}]`
      : null,
  )
}

function batchAt(records: Buffer, at: number): Buffer {
  return records.subarray(at, at + batchSizeBytes(records, at))
}

const SHOWN_ERRORS = 3

function checkRecords(
  records: Buffer,
  at: number,
  target: AppendTarget,
  errorCode: ErrorName,
  check: (record: LogRecord) => string | null,
): AppendFault | null {
  const recordErrors: RecordError[] = []
  let batchIndex = 0
  try {
    for (const record of readRecords(batchAt(records, at), target.codecs)) {
      const batchIndexErrorMessage = check(record)
      if (batchIndexErrorMessage !== null) recordErrors.push({ batchIndex, batchIndexErrorMessage })
      batchIndex++
    }
  } catch (error) {
    return asFault(error)
  }
  if (recordErrors.length === 0) return null
  const shown = recordErrors
    .slice(0, SHOWN_ERRORS)
    .map((each) => `record ${each.batchIndex}: ${each.batchIndexErrorMessage}`)
  const errorMessage = `${recordErrors.length} records were refused, the first ones for: ${shown.join('; ')}`
  return { errorCode, errorMessage, recordErrors }
}

function asFault(error: unknown): AppendFault {
  if (!(error instanceof CorruptRecordError)) throw error
  return refused('CORRUPT_MESSAGE', error.message).fault
}

/**
 * Checks batches that a leader sent: their checksums, and that their offsets go on from the log's end.
 * @returns the whole batches; what follows them is the cut-off end of a fetch
 */
export function prepareFetched(
  records: Buffer,
  name: string,
  logEndOffset: number,
  codecs: LogCodecs,
): Preparation {
  let at = 0
  let batchCount = 0
  let nextOffset = logEndOffset
  let baseOffset = -1
  let maxTimestamp = NO_TIMESTAMP
  while (at < records.length) {
    const fault = checkBatch(records, at, records.length, codecs.crc32c)
    if (fault === 'too-short') break
    if (fault !== null)
      return refused('CORRUPT_MESSAGE', `${BATCH_FAULTS[fault][1]} (byte ${at}, for ${name})`)
    const first = batchBaseOffset(records, at)
    if (first < nextOffset) {
      const errorMessage = `A batch for ${name} begins with offset ${first}, which is below ${nextOffset}`
      return refused('UNKNOWN_SERVER_ERROR', errorMessage)
    }
    if (baseOffset < 0) baseOffset = first
    nextOffset = batchNextOffset(records, at)
    const timestamp = batchMaxTimestamp(records, at)
    if (timestamp > maxTimestamp) maxTimestamp = timestamp
    at += batchSizeBytes(records, at)
    batchCount++
  }
  const bytes = records.subarray(0, at)
  return {
    batches: {
      bytes,
      batchCount,
      baseOffset,
      lastOffset: nextOffset - 1,
      maxTimestamp,
      logAppendTimeMs: -1,
    },
  }
}
