import type { ErrorName } from '../../protocol/errors.ts'
import {
  batchAttributes,
  batchMaxTimestamp,
  batchSizeBytes,
  compressionType,
  CorruptRecordError,
  isControl,
  readRecordRun,
  setBatchCrc,
  setBatchMaxTimestamp,
  timestampType,
  uncompressedRecords,
  withCompression,
  type LogRecord,
} from '../../protocol/records/batch.ts'
import type { WorkerParts } from '../host/host.ts'
import { workerJob } from '../host/job.ts'
import type { TopicCompression } from './config.ts'
import type { LogCodecs } from './codecs.ts'
import { faultOf, tooLarge, type AppendFault } from './faults.ts'
import type { RecordError } from './results.ts'
import { NO_TIMESTAMP } from './time-index.ts'

/** What a leader's records have to keep to, and what becomes of them. */
export interface RecordRules {
  /** Of the partition, for messages. */
  readonly name: string
  /** The topic is compacted. */
  readonly needsKeys: boolean
  /** The records' timestamps count: they have to be within bounds, and the batch has to tell the greatest. */
  readonly usesTimestamps: boolean
  readonly earliestTimestamp: number
  readonly latestTimestamp: number
  readonly compression: TopicCompression | null
  readonly maxMessageBytes: number
}

/** The bytes are those given, in place, or new ones; `isChanged` in either case. */
export type Examined =
  { readonly fault: AppendFault } | { readonly bytes: Buffer; readonly isChanged: boolean }

/** A hostile batch could have millions; the message tells how many there are. */
export const MAX_RECORD_ERRORS = 1000
const SHOWN_ERRORS = 3

/** Whether a batch with these attributes is to be compressed in another way. Markers stay as they are. */
export function isRecompressed(attributes: number, compression: TopicCompression): boolean {
  return compressionType(attributes) !== compression.type && !isControl(attributes)
}

/** Such a timestamp is refused; none at all isn't. */
export function isOutside(timestamp: bigint, earliest: number, latest: number): boolean {
  return timestamp !== NO_TIMESTAMP && (timestamp > latest || timestamp < earliest)
}

/**
 * Reads the records of batches that passed `checkBatches`: checks them, sets the batches' greatest timestamps, and
 * compresses them anew where the topic wants another compression than they have, as Apache Kafka's LogValidator does: one
 * batch becomes one batch with the same header but for compression, length, greatest timestamp and checksum.
 */
export function examineBatches(records: Buffer, rules: RecordRules, codecs: LogCodecs): Examined {
  const parts: Buffer[] = []
  let isChanged = false
  let isReplaced = false
  for (let at = 0; at < records.length;) {
    const batch = records.subarray(at, at + batchSizeBytes(records, at))
    const examined = examineBatch(batch, rules, codecs)
    if ('fault' in examined) return examined
    isChanged ||= examined.isChanged
    isReplaced ||= examined.bytes !== batch
    parts.push(examined.bytes)
    at += batch.length
  }
  if (!isReplaced) return { bytes: records, isChanged }
  return { bytes: parts.length === 1 ? parts[0]! : Buffer.concat(parts), isChanged }
}

function examineBatch(batch: Buffer, rules: RecordRules, codecs: LogCodecs): Examined {
  const attributes = batchAttributes(batch, 0)
  const { compression, usesTimestamps } = rules
  const maxTimestampBefore = batchMaxTimestamp(batch, 0)
  let run: Buffer
  let found: { maxTimestamp: bigint } | { fault: AppendFault }
  try {
    run = uncompressedRecords(batch, codecs)
    // Otherwise the records of a batch that says LogAppendTime would all seem to have its greatest timestamp.
    if (usesTimestamps) setBatchMaxTimestamp(batch, 0, 'CreateTime', maxTimestampBefore)
    found = checkRecords(readRecordRun(batch, run), rules)
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) throw error
    // CORRUPT_MESSAGE would say that sending them again may help.
    return { fault: faultOf('INVALID_RECORD', error.message) }
  }
  if ('fault' in found) return found
  const isStampedAnew =
    usesTimestamps &&
    (found.maxTimestamp !== maxTimestampBefore || timestampType(attributes) !== 'CreateTime')
  if (isStampedAnew) setBatchMaxTimestamp(batch, 0, 'CreateTime', found.maxTimestamp)
  if (compression === null || !isRecompressed(attributes, compression)) {
    if (isStampedAnew) setBatchCrc(batch, 0, codecs.crc32c)
    return { bytes: batch, isChanged: isStampedAnew }
  }
  const { type, level } = compression
  const stored = codecs.compress(type, run, level ?? undefined)
  const bytes = withCompression(batch, type, stored, codecs.crc32c)
  if (bytes.length > rules.maxMessageBytes) {
    return { fault: tooLarge(bytes.length, rules.name, rules.maxMessageBytes) }
  }
  return { bytes, isChanged: true }
}

/** As in Kafka, a bad timestamp among the errors decides on the code of all. */
function checkRecords(
  records: Iterable<LogRecord>,
  rules: RecordRules,
): { maxTimestamp: bigint } | { fault: AppendFault } {
  const recordErrors: RecordError[] = []
  let errorCode: ErrorName = 'INVALID_RECORD'
  let maxTimestamp = NO_TIMESTAMP
  let errorCount = 0
  let batchIndex = -1
  const refuse = (batchIndexErrorMessage: string): void => {
    if (++errorCount <= MAX_RECORD_ERRORS) recordErrors.push({ batchIndex, batchIndexErrorMessage })
  }
  const { name, needsKeys, usesTimestamps, earliestTimestamp, latestTimestamp } = rules
  for (const { key, timestamp } of records) {
    batchIndex++
    if (timestamp > maxTimestamp) maxTimestamp = timestamp
    if (needsKeys && key === null) {
      refuse(`Compacted topic ${name} takes no record without a key`)
    } else if (usesTimestamps && isOutside(timestamp, earliestTimestamp, latestTimestamp)) {
      errorCode = 'INVALID_TIMESTAMP'
      refuse(
        `Timestamp ${timestamp} of the record is out of range: it should be within [${earliestTimestamp}, ${latestTimestamp}]`,
      )
    }
  }
  if (errorCount === 0) return { maxTimestamp }
  const shown = recordErrors
    .slice(0, SHOWN_ERRORS)
    .map((each) => `record ${each.batchIndex}: ${each.batchIndexErrorMessage}`)
  const errorMessage = `${errorCount} records were refused, the first ones for: ${shown.join('; ')}`
  return { fault: { errorCode, errorMessage, recordErrors } }
}

/** `examineBatches` in a thread. The bytes are null where they are as they were. */
export const EXAMINE = workerJob(import.meta.url, examineInThread, 'short')

export function examineInThread(
  { bytes, rules }: { readonly bytes: Uint8Array; readonly rules: RecordRules },
  { codecs, handOver }: WorkerParts,
): { readonly fault: AppendFault } | { readonly bytes: Uint8Array | null } {
  const records = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const examined = examineBatches(records, rules, codecs)
  if ('fault' in examined) return examined
  return { bytes: examined.isChanged ? handOver(examined.bytes) : null }
}
