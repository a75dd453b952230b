import type { ErrorName } from '../../protocol/errors.ts'
import {
  batchAttributes,
  batchBaseOffset,
  batchBaseTimestamp,
  batchLastOffsetDelta,
  batchMagic,
  batchMaxTimestamp,
  batchNextOffset,
  batchRecordCount,
  batchSizeBytes,
  checkBatch,
  checkProducedBatch,
  CURRENT_MAGIC,
  isControl,
  setBatchBaseOffset,
  setBatchCrc,
  setBatchLeaderEpoch,
  setBatchMaxTimestamp,
  timestampType,
  type BatchFault,
  type ProducedFault,
} from '../../protocol/records/batch.ts'
import type { LogCodecs } from './codecs.ts'
import type { LogConfig } from './config.ts'
import { isOutside, isRecompressed, MAX_RECORD_ERRORS, type RecordRules } from './examine.ts'
import { faultOf, tooLarge, type AppendFault } from './faults.ts'
import type { AppendOrigin } from './results.ts'
import { NO_TIMESTAMP } from './time-index.ts'

/** Where a leader's append goes and what it has to keep to. */
export interface AppendTarget {
  readonly name: string
  readonly config: LogConfig
  readonly codecs: LogCodecs
  readonly origin: AppendOrigin
  readonly leaderEpoch: number
  /** When the append arrived. */
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
 * Checks the batches of an append by their headers.
 * @returns null where they may be placed at once, `examine` where a setting of the topic, or a header that is not filled
 * in, asks for a look at the records
 */
export function checkBatches(
  records: Buffer,
  target: AppendTarget,
): AppendFault | 'examine' | null {
  let mustExamine = false
  for (let at = 0; at < records.length; at += batchSizeBytes(records, at)) {
    const fault = checkOne(records, at, target)
    if (fault !== null) return fault
    mustExamine ||= asksForRecords(records, at, target)
  }
  if (records.length === 0) return faultOf('INVALID_RECORD', 'There is no record batch')
  return mustExamine ? 'examine' : null
}

/**
 * Gives batches that were checked, and examined where that was due, their offsets, their leader's epoch and, where the
 * topic wants it, the broker's time: in place.
 */
export function placeBatches(
  records: Buffer,
  target: AppendTarget,
  baseOffset: number,
): Preparation {
  const { config, leaderEpoch } = target
  if (records.length > config.segmentBytes) {
    const errorMessage = `The append to ${target.name} has ${records.length} bytes, more than a segment (${config.segmentBytes})`
    return { fault: faultOf('RECORD_LIST_TOO_LARGE', errorMessage) }
  }
  const isStamped = stampsBatches(target)
  let offset = baseOffset
  let maxTimestamp = NO_TIMESTAMP
  let batchCount = 0
  for (let at = 0; at < records.length; at += batchSizeBytes(records, at)) {
    if (isStamped) stamp(records, at, target)
    setBatchBaseOffset(records, at, offset)
    setBatchLeaderEpoch(records, at, leaderEpoch)
    const timestamp = batchMaxTimestamp(records, at)
    if (timestamp > maxTimestamp) maxTimestamp = timestamp
    offset += batchLastOffsetDelta(records, at) + 1
    batchCount++
  }
  return {
    batches: {
      bytes: records,
      batchCount,
      baseOffset,
      lastOffset: offset - 1,
      maxTimestamp,
      logAppendTimeMs: isStamped ? target.nowMs : -1,
    },
  }
}

/** What the records are held against where they are looked at. */
export function rulesOf(target: AppendTarget): RecordRules {
  const { config, origin, nowMs } = target
  return {
    name: target.name,
    needsKeys: origin === 'client' && config.compacted,
    usesTimestamps: !stampsBatches(target),
    earliestTimestamp: origin === 'client' ? nowMs - config.messageTimestampBeforeMaxMs : -Infinity,
    latestTimestamp: origin === 'client' ? nowMs + config.messageTimestampAfterMaxMs : Infinity,
    compression: config.compression,
    maxMessageBytes: config.maxMessageBytes,
  }
}

/** LogAppendTime: the records' own times are of no account. */
function stampsBatches({ config, origin }: AppendTarget): boolean {
  return config.messageTimestampType === 'LogAppendTime' && origin !== 'raft'
}

function asksForRecords(records: Buffer, at: number, target: AppendTarget): boolean {
  const { config, origin, nowMs } = target
  if (origin === 'raft') return false
  const attributes = batchAttributes(records, at)
  if (config.compression !== null && isRecompressed(attributes, config.compression)) return true
  if (origin !== 'client') return false
  if (config.compacted) return true
  if (config.messageTimestampType === 'LogAppendTime') return false
  const maxTimestamp = batchMaxTimestamp(records, at)
  const baseTimestamp = batchBaseTimestamp(records, at)
  // Some clients leave the greatest timestamp unset; look-ups by time would miss their records.
  if (maxTimestamp < baseTimestamp || timestampType(attributes) !== 'CreateTime') return true
  const latest = nowMs + config.messageTimestampAfterMaxMs
  const earliest = nowMs - config.messageTimestampBeforeMaxMs
  return (
    isOutside(maxTimestamp, earliest, latest) ||
    (earliest !== -Infinity && isOutside(baseTimestamp, earliest, latest))
  )
}

/** The broker's time for a batch and all its records. Markers keep the coordinator's. */
function stamp(records: Buffer, at: number, { codecs, origin, nowMs }: AppendTarget): void {
  if (origin !== 'client' && isControl(batchAttributes(records, at))) return
  setBatchMaxTimestamp(records, at, 'LogAppendTime', BigInt(nowMs))
  setBatchCrc(records, at, codecs.crc32c)
}

/** As Kafka says it: formats that it knows but doesn't take any more are another thing than noise. */
function batchFault(fault: BatchFault, records: Buffer, at: number): AppendFault {
  if (fault === 'magic' && batchMagic(records, at) >>> 0 < CURRENT_MAGIC) {
    return faultOf('INVALID_RECORD', 'Only record batches of magic 2 are taken')
  }
  return faultOf(...BATCH_FAULTS[fault])
}

function checkOne(records: Buffer, at: number, target: AppendTarget): AppendFault | null {
  const fault = checkBatch(records, at, records.length, target.codecs.crc32c)
  if (fault !== null) return batchFault(fault, records, at)
  const sizeBytes = batchSizeBytes(records, at)
  const { maxMessageBytes } = target.config
  if (sizeBytes > maxMessageBytes && target.origin !== 'raft') {
    return tooLarge(sizeBytes, target.name, maxMessageBytes)
  }
  if (target.origin !== 'client') return null
  const produced = checkProducedBatch(records, at)
  if (produced !== null) return faultOf('INVALID_RECORD', PRODUCED_FAULTS[produced])
  const claimsOurTime = timestampType(batchAttributes(records, at)) === 'LogAppendTime'
  return claimsOurTime && stampsBatches(target) ? wrongTimestampType(records, at) : null
}

/** As in Kafka, which lists all records of such a batch, and takes it where the topic has CreateTime. */
function wrongTimestampType(records: Buffer, at: number): AppendFault {
  const batchIndexErrorMessage = 'A producer may not set the timestamp type to LogAppendTime'
  const length = Math.min(batchRecordCount(records, at), MAX_RECORD_ERRORS)
  const recordErrors = Array.from({ length }, (_, batchIndex) => ({
    batchIndex,
    batchIndexErrorMessage,
  }))
  return { errorCode: 'INVALID_TIMESTAMP', errorMessage: batchIndexErrorMessage, recordErrors }
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
    if (fault !== null) {
      const errorMessage = `${BATCH_FAULTS[fault][1]} (byte ${at}, for ${name})`
      return { fault: faultOf('CORRUPT_MESSAGE', errorMessage) }
    }
    const first = batchBaseOffset(records, at)
    if (first < nextOffset) {
      const errorMessage = `A batch for ${name} begins with offset ${first}, which is below ${nextOffset}`
      return { fault: faultOf('UNKNOWN_SERVER_ERROR', errorMessage) }
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
