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
  if (check.isDeep) {
    const problem = checkRecords(check, bytes)
    if (problem !== null) return problem
  }
  return {
    position,
    baseOffset: batchBaseOffset(bytes, 0),
    lastOffset: batchLastOffset(bytes, 0),
    leaderEpoch: batchLeaderEpoch(bytes, 0),
    maxTimestamp: batchMaxTimestamp(bytes, 0),
    recordCount: batchRecordCount(bytes, 0),
    producerId: batchProducerId(bytes, 0),
    producerEpoch: batchProducerEpoch(bytes, 0),
    lastSequence: batchLastSequence(bytes, 0),
    isTransactional: isTransactional(attributes),
    marker: isControl(attributes) ? markerOf(check, bytes) : null,
    isControl: isControl(attributes),
  }
}

/** Offsets within the batch's and rising; decoding itself finds what doesn't fit. */
function checkRecords(check: Check, bytes: Buffer): string | null {
  let before = batchBaseOffset(bytes, 0) - 1
  const last = batchLastOffset(bytes, 0)
  let count = 0
  for (const { offset } of readRecords(bytes, check.codecs)) {
    if (offset <= before || offset > last) {
      return `its record ${count} has offset ${offset}, which is not between ${before + 1} and ${last}`
    }
    before = offset
    count++
  }
  check.tally.records += count
  return null
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
    recordCount: count,
    producerId: -1,
    producerEpoch: -1,
    lastSequence: -1,
    isTransactional: false,
    marker: null,
    isControl: false,
  }
}
