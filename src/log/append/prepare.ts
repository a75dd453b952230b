import type { ErrorName } from '../../../protocol/errors.ts'
import {
  batchAttributes,
  batchBaseOffset,
  batchLastOffsetDelta,
  batchMagic,
  batchMaxTimestamp,
  batchNextOffset,
  batchRecordCount,
  batchSizeBytes,
  checkBatch,
  checkProducedBatch,
  compressionType,
  CURRENT_MAGIC,
  isControl,
  type RecordWalker,
  setBatchBaseOffset,
  setBatchCrc,
  setBatchLeaderEpoch,
  setBatchMaxTimestamp,
  timestampType,
  type BatchFault,
  type ProducedFault,
} from '../../../protocol/records/batch.ts'
import type { LogCodecs } from '../base/codecs.ts'
import type { LogConfig } from '../base/config.ts'
import { isRecompressed, MAX_RECORD_ERRORS, walkInPlace, type RecordRules } from './validate.ts'
import { faultOf, tooLarge, type AppendFault } from '../base/faults.ts'
import type { AppendOrigin, TransactionTerms } from '../base/results.ts'
import { NO_TIMESTAMP } from '../segment/time-index.ts'

/** Where a leader's append goes and what it has to keep to. */
export interface AppendTarget {
  readonly name: string
  readonly config: LogConfig
  readonly rules: RecordRules
  readonly codecs: LogCodecs
  readonly origin: AppendOrigin
  readonly leaderEpoch: number
  /** Null for what is part of no transaction, and where only the batch itself counts. */
  readonly terms: TransactionTerms | null
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
 * Checks the batches of an append by their headers, and the records of those that aren't compressed.
 * @param walker is used for that
 * @returns null where they may be placed at once, `validate` where they have to be decompressed first, or compressed in
 * another way, or something is wrong with a record
 */
export function checkBatches(
  records: Buffer,
  target: AppendTarget,
  walker: RecordWalker,
): AppendFault | 'validate' | null {
  const { rules, nowMs, codecs } = target
  let mustValidate = false
  for (let at = 0; at < records.length; at += batchSizeBytes(records, at)) {
    const fault = checkOne(records, at, target)
    if (fault !== null) return fault
    const attributes = batchAttributes(records, at)
    if (mustValidate || !asksForRecords(attributes, target)) continue
    mustValidate =
      compressionType(attributes) !== 'none' ||
      changesCompression(attributes, rules) ||
      !walkInPlace(records, at, walker, rules, nowMs, codecs)
  }
  if (records.length === 0) return faultOf('INVALID_RECORD', 'There is no record batch')
  return mustValidate ? 'validate' : null
}

/**
 * Gives batches that were checked, and validated where that was due, their offsets, their leader's epoch and, where the
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

/** What the records of an append to a partition are held against. */
export function rulesOf(name: string, config: LogConfig, origin: AppendOrigin): RecordRules {
  const isClient = origin === 'client'
  return {
    name,
    needsKeys: isClient && config.compacted,
    usesTimestamps: isClient && config.messageTimestampType !== 'LogAppendTime',
    beforeMaxMs: isClient ? config.messageTimestampBeforeMaxMs : Infinity,
    afterMaxMs: isClient ? config.messageTimestampAfterMaxMs : Infinity,
    compression: origin === 'raft' ? null : config.compression,
    maxMessageBytes: config.maxMessageBytes,
    maxRecordBytes: isClient ? config.maxDecompressedMessageBytes : Infinity,
  }
}

/** LogAppendTime: the records' own times are of no account. */
function stampsBatches({ config, origin }: AppendTarget): boolean {
  return config.messageTimestampType === 'LogAppendTime' && origin !== 'raft'
}

/**
 * Whether the records have to be looked at. Those of a client always, as in Kafka: what can't be decoded would stop every
 * consumer, and the greatest timestamp of a batch is worked out from them, since clients tell anything, and retention and
 * look-ups by time go by it.
 */
function asksForRecords(attributes: number, { origin, rules }: AppendTarget): boolean {
  return origin === 'client' || changesCompression(attributes, rules)
}

function changesCompression(attributes: number, { compression }: RecordRules): boolean {
  return compression !== null && isRecompressed(attributes, compression)
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
