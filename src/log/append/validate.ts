import {
  BATCH_HEADER_BYTES,
  batchAttributes,
  batchMaxTimestamp,
  batchSizeBytes,
  borrowUncompressedRecords,
  compressionType,
  CorruptRecordError,
  isControl,
  readRecordRun,
  RecordWalker,
  setBatchCrc,
  setBatchMaxTimestamp,
  timestampType,
  UNLIMITED,
  withCompression,
} from '../../../protocol/records/batch.ts'
import type { WorkerParts } from '../../host/host.ts'
import { workerJob } from '../../host/job.ts'
import type { TopicCompression } from '../base/config.ts'
import type { LogCodecs } from '../base/codecs.ts'
import { faultOf, tooLarge, type AppendFault } from '../base/faults.ts'
import type { RecordError } from '../base/results.ts'
import { NO_TIMESTAMP } from '../segment/time-index.ts'

/** What a leader's records have to keep to, and what becomes of them; the same for all appends under one configuration. */
export interface RecordRules {
  /** Of the partition, for messages. */
  readonly name: string
  /** The topic is compacted. */
  readonly needsKeys: boolean
  /** The records' timestamps count: they have to be within bounds, and the batch has to tell the greatest. */
  readonly usesTimestamps: boolean
  /** How long before the append a timestamp may be. */
  readonly beforeMaxMs: number
  /** How long after it. */
  readonly afterMaxMs: number
  readonly compression: TopicCompression | null
  readonly maxMessageBytes: number
  /** `max.decompressed.message.bytes`: of a record in a compressed batch. */
  readonly maxRecordBytes: number
}

/** The bytes are those given, in place, or new ones; `isChanged` in either case. */
export type Validated =
  { readonly fault: AppendFault } | { readonly bytes: Buffer; readonly isChanged: boolean }

/** A hostile batch could have millions; the message tells how many there are. */
export const MAX_RECORD_ERRORS = 1000
const SHOWN_ERRORS = 3

/** Whether a batch with these attributes is to be compressed in another way. Markers stay as they are. */
export function isRecompressed(attributes: number, compression: TopicCompression): boolean {
  return compressionType(attributes) !== compression.type && !isControl(attributes)
}

/** Whether the walked records have a timestamp beyond the bounds; one of -1 says that there is none. */
function hasTimestampOutside(walker: RecordWalker, rules: RecordRules, nowMs: number): boolean {
  const { greatestTimestamp, leastTimestamp } = walker
  return (
    (greatestTimestamp !== NO_TIMESTAMP && greatestTimestamp > nowMs + rules.afterMaxMs) ||
    (leastTimestamp !== null && leastTimestamp < nowMs - rules.beforeMaxMs)
  )
}

/** Whether what was walked is as the rules have it, so that nothing has to be said of single records. */
function isWithinRules(walker: RecordWalker, rules: RecordRules, nowMs: number): boolean {
  if (rules.needsKeys && walker.hasKeylessRecord) return false
  return !rules.usesTimestamps || !hasTimestampOutside(walker, rules, nowMs)
}

/** Has the header tell the greatest timestamp that was walked over, if it tells another. */
function setFoundTimestamp(
  batch: Buffer,
  at: number,
  { greatestTimestamp }: RecordWalker,
  codecs: LogCodecs,
): boolean {
  const isRight =
    batchMaxTimestamp(batch, at) === greatestTimestamp &&
    timestampType(batchAttributes(batch, at)) === 'CreateTime'
  if (isRight) return false
  setBatchMaxTimestamp(batch, at, 'CreateTime', greatestTimestamp)
  setBatchCrc(batch, at, codecs.crc32c)
  return true
}

/** How many records and headers are walked over at once on the event loop: half a millisecond at most. */
const LIGHT_STEPS = 20_000
const LIGHT_WALK = { maxRecordBytes: Infinity, maxSteps: LIGHT_STEPS }

/**
 * Walks over the records of one uncompressed batch where it stands, on the event loop, and has its header tell their
 * greatest timestamp.
 * @returns false where `validateBatches` has to say what is wrong, or there is too much to do
 */
export function walkInPlace(
  records: Buffer,
  at: number,
  walker: RecordWalker,
  rules: RecordRules,
  nowMs: number,
  codecs: LogCodecs,
): boolean {
  const end = at + batchSizeBytes(records, at)
  try {
    walker.walk(records, at, records, at + BATCH_HEADER_BYTES, end, LIGHT_WALK)
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) throw error
    return false
  }
  if (walker.isGivenUp || !isWithinRules(walker, rules, nowMs)) return false
  if (rules.usesTimestamps) setFoundTimestamp(records, at, walker, codecs)
  return true
}

/**
 * Reads the records of batches that passed `checkBatches`: checks them, sets the batches' greatest timestamps, and
 * compresses them anew where the topic wants another compression than they have, as Apache Kafka's LogValidator does: one
 * batch becomes one batch with the same header but for compression, length, greatest timestamp and checksum.
 */
export function validateBatches(
  records: Buffer,
  rules: RecordRules,
  nowMs: number,
  codecs: LogCodecs,
): Validated {
  const parts: Buffer[] = []
  let isChanged = false
  let isReplaced = false
  const walker = new RecordWalker()
  for (let at = 0; at < records.length;) {
    const batch = records.subarray(at, at + batchSizeBytes(records, at))
    const validated = validateBatch(batch, walker, rules, nowMs, codecs)
    if ('fault' in validated) return validated
    isChanged ||= validated.isChanged
    isReplaced ||= validated.bytes !== batch
    parts.push(validated.bytes)
    at += batch.length
  }
  if (!isReplaced) return { bytes: records, isChanged }
  return { bytes: parts.length === 1 ? parts[0]! : Buffer.concat(parts), isChanged }
}

function validateBatch(
  batch: Buffer,
  walker: RecordWalker,
  rules: RecordRules,
  nowMs: number,
  codecs: LogCodecs,
): Validated {
  const attributes = batchAttributes(batch, 0)
  const isCompressed = compressionType(attributes) !== 'none'
  const limits = isCompressed
    ? { maxRecordBytes: rules.maxRecordBytes, maxSteps: Infinity }
    : UNLIMITED
  let run: Buffer
  try {
    run = borrowUncompressedRecords(batch, codecs)
    walker.walk(batch, 0, run, 0, run.length, limits)
    if (!isWithinRules(walker, rules, nowMs)) return { fault: refused(batch, run, rules, nowMs) }
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) throw error
    // CORRUPT_MESSAGE would say that sending them again may help.
    return { fault: faultOf('INVALID_RECORD', error.message) }
  }
  if (isCompressed && walker.hasOffsetGap) {
    const errorMessage = 'The offsets of the records in a compressed batch go up by one'
    return { fault: faultOf('INVALID_RECORD', errorMessage) }
  }
  const isStamped = rules.usesTimestamps && setFoundTimestamp(batch, 0, walker, codecs)
  const { compression } = rules
  if (compression === null || !isRecompressed(attributes, compression)) {
    return { bytes: batch, isChanged: isStamped }
  }
  const { type, level } = compression
  const stored = codecs.compress(type, run, level ?? undefined)
  const bytes = withCompression(batch, type, stored, codecs.crc32c)
  if (bytes.length > rules.maxMessageBytes) {
    return { fault: tooLarge(bytes.length, rules.name, rules.maxMessageBytes) }
  }
  return { bytes, isChanged: true }
}

/** Says which of a batch's records are against the rules. As in Kafka, a bad timestamp among the errors decides on the code of all. */
function refused(batch: Buffer, run: Buffer, rules: RecordRules, nowMs: number): AppendFault {
  const recordErrors: RecordError[] = []
  let errorCount = 0
  let batchIndex = -1
  let hasBadTimestamp = false
  const refuse = (batchIndexErrorMessage: string): void => {
    if (++errorCount <= MAX_RECORD_ERRORS) recordErrors.push({ batchIndex, batchIndexErrorMessage })
  }
  const { name, needsKeys, usesTimestamps, beforeMaxMs, afterMaxMs } = rules
  const earliest = nowMs - beforeMaxMs
  const latest = nowMs + afterMaxMs
  const bounds = `[${inLong(nowMs, -beforeMaxMs)}, ${inLong(nowMs, afterMaxMs)}]`
  // The records of a batch that says LogAppendTime would all seem to have its greatest timestamp.
  const header = Buffer.from(batch.subarray(0, BATCH_HEADER_BYTES))
  setBatchMaxTimestamp(header, 0, 'CreateTime', batchMaxTimestamp(batch, 0))
  for (const { key, timestamp } of readRecordRun(header, run)) {
    batchIndex++
    if (needsKeys && key === null) {
      refuse(`Compacted topic cannot accept message without key in topic partition ${name}`)
    } else if (usesTimestamps && isOutside(timestamp, earliest, latest)) {
      hasBadTimestamp = true
      const what = `Timestamp ${timestamp} of message with offset ${batchIndex} is out of range`
      refuse(`${what}. The timestamp should be within ${bounds}`)
    }
  }
  if (hasBadTimestamp) {
    const errorMessage = 'One or more records have been rejected due to invalid timestamp'
    return { errorCode: 'INVALID_TIMESTAMP', errorMessage, recordErrors }
  }
  const shown = recordErrors
    .slice(0, SHOWN_ERRORS)
    .map((each) => `record ${each.batchIndex}: ${each.batchIndexErrorMessage}`)
  const errorMessage = `${errorCount} records were refused, the first ones for: ${shown.join('; ')}`
  return { errorCode: 'INVALID_RECORD', errorMessage, recordErrors }
}

/** Such a timestamp is refused; none at all isn't. */
function isOutside(timestamp: bigint, earliest: number, latest: number): boolean {
  return timestamp !== NO_TIMESTAMP && (timestamp > latest || timestamp < earliest)
}

const GREATEST_LONG = 0x7fff_ffff_ffff_ffffn

/** A sum as Java has it: Infinity is its greatest number, and what is beyond comes in again on the other side. */
function inLong(nowMs: number, moreMs: number): bigint {
  const more = Number.isFinite(moreMs)
    ? BigInt(moreMs)
    : moreMs > 0
      ? GREATEST_LONG
      : -GREATEST_LONG
  return BigInt.asIntN(64, BigInt(nowMs) + more)
}

/** Appends that go to a thread together, one behind the other in `bytes`. */
export interface ValidateTask {
  readonly bytes: Uint8Array
  readonly appends: readonly {
    readonly sizeBytes: number
    readonly rules: RecordRules
    readonly nowMs: number
  }[]
}

/** What became of one of them: new bytes where it has other ones now, null where it stays as it is. */
export type ValidatedInThread =
  { readonly fault: AppendFault } | { readonly bytes: Uint8Array | null }

/** `validateBatches` in a thread. */
export const VALIDATE = workerJob(import.meta.url, validateInThread, 'short')

/** @job */
export function validateInThread(
  { bytes, appends }: ValidateTask,
  { codecs, handOver }: WorkerParts,
): readonly ValidatedInThread[] {
  let at = 0
  return appends.map(({ sizeBytes, rules, nowMs }) => {
    const records = Buffer.from(bytes.buffer, bytes.byteOffset + at, sizeBytes)
    at += sizeBytes
    const validated = validateBatches(records, rules, nowMs, codecs)
    if ('fault' in validated) return validated
    return { bytes: validated.isChanged ? handOver(validated.bytes) : null }
  })
}
