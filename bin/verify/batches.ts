import {
  batchAttributes,
  batchBaseOffset,
  batchLastOffset,
  batchLastSequence,
  batchLeaderEpoch,
  batchMagic,
  batchMaxTimestamp,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
  checkBatch,
  controlType,
  CorruptRecordError,
  CURRENT_MAGIC,
  isControl,
  isTransactional,
  readRecords,
  timestampType,
  type BatchFault,
} from '../../protocol/records/batch.ts'
import { batchFacts } from '../dump/batch-facts.ts'
import type { Check } from './check.ts'

/** What the checks of indexes and snapshots need to know of a sound batch. */
export interface SeenBatch {
  readonly position: number
  readonly baseOffset: number
  readonly lastOffset: number
  /** -1 where batches had none. */
  readonly leaderEpoch: number
  readonly maxTimestamp: bigint
  /** What its records say that it should be; null where they weren't asked, or say nothing of it. */
  readonly greatestOfRecords: bigint | null
  /** Less than its offsets where a cleaner took some. */
  readonly recordCount: number
  /** -1 outside of idempotence. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly lastSequence: number
  readonly isTransactional: boolean
  /** Of a control batch about transactions. */
  readonly marker: 'ABORT' | 'COMMIT' | null
  readonly isControl: boolean
}

const FAULTS: Readonly<Record<BatchFault, string>> = {
  'too-short': 'it is shorter than it says',
  size: 'its size is less than a header',
  magic: 'its magic is unknown',
  crc: 'its checksum is wrong',
  offsets: 'its offsets are impossible',
  count: 'it has more records than offsets',
  compression: 'its compression is unknown',
}

/** Checks one batch by itself. @returns what is wrong, or what it is */
export function checkOne(check: Check, bytes: Buffer, position: number): string | SeenBatch {
  try {
    return batchMagic(bytes, 0) === CURRENT_MAGIC
      ? checkCurrent(check, bytes, position)
      : checkOld(check, bytes, position)
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) throw error
    return error.message
  }
}

function checkCurrent(check: Check, bytes: Buffer, position: number): string | SeenBatch {
  const fault = checkBatch(bytes, 0, bytes.length, (checked) => check.codecs.crc32c(checked))
  if (fault !== null) return FAULTS[fault]
  const attributes = batchAttributes(bytes, 0)
  let greatestOfRecords: bigint | null = null
  if (check.isDeep) {
    const checked = checkRecords(check, bytes)
    if (typeof checked === 'string') return checked
    const isTold = batchRecordCount(bytes, 0) > 0 && timestampType(attributes) === 'CreateTime'
    if (isTold) greatestOfRecords = checked
  }
  return {
    position,
    baseOffset: batchBaseOffset(bytes, 0),
    lastOffset: batchLastOffset(bytes, 0),
    leaderEpoch: batchLeaderEpoch(bytes, 0),
    maxTimestamp: batchMaxTimestamp(bytes, 0),
    greatestOfRecords,
    recordCount: batchRecordCount(bytes, 0),
    producerId: batchProducerId(bytes, 0),
    producerEpoch: batchProducerEpoch(bytes, 0),
    lastSequence: batchLastSequence(bytes, 0),
    isTransactional: isTransactional(attributes),
    marker: isControl(attributes) ? markerOf(check, bytes) : null,
    isControl: isControl(attributes),
  }
}

/**
 * Offsets within the batch's and rising; decoding itself finds what doesn't fit.
 * @returns what is wrong, or the greatest timestamp
 */
function checkRecords(check: Check, bytes: Buffer): string | bigint {
  let before = batchBaseOffset(bytes, 0) - 1
  const last = batchLastOffset(bytes, 0)
  let count = 0
  let greatest = -1n
  for (const { offset, timestamp } of readRecords(bytes, check.codecs)) {
    if (offset <= before || offset > last) {
      return `its record ${count} has offset ${offset}, which is not between ${before + 1} and ${last}`
    }
    before = offset
    if (timestamp > greatest) greatest = timestamp
    count++
  }
  check.tally.records += count
  return greatest
}

function markerOf(check: Check, bytes: Buffer): SeenBatch['marker'] {
  for (const { key } of readRecords(bytes, check.codecs)) {
    const type = controlType(key)
    if (type === 'ABORT' || type === 'COMMIT') return type
  }
  return null
}

/** Messages of magic 0 and 1. */
function checkOld(check: Check, bytes: Buffer, position: number): string | SeenBatch {
  const { isValid, baseOffset, lastOffset, count } = batchFacts(bytes, position, check.codecs)
  if (!isValid || count === null) return 'its checksum or a field of it is wrong'
  let maxTimestamp = -1n
  for (const { timestamp } of readRecords(bytes, check.codecs)) {
    if (timestamp > maxTimestamp) maxTimestamp = timestamp
  }
  check.tally.records += count
  return {
    position,
    baseOffset,
    lastOffset,
    leaderEpoch: -1,
    maxTimestamp,
    greatestOfRecords: null,
    recordCount: count,
    producerId: -1,
    producerEpoch: -1,
    lastSequence: -1,
    isTransactional: false,
    marker: null,
    isControl: false,
  }
}
