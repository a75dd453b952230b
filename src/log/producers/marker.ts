import { controlType, CorruptRecordError, readRecords } from '../../../protocol/records/batch.ts'
import { buildBatch } from '../../../protocol/records/builder.ts'
import { encodeControlRecord } from '../../../protocol/state/control-records.ts'
import type { LogCodecs } from '../base/codecs.ts'
import type { MarkerToWrite } from '../base/results.ts'

/** What ended a transaction. */
export interface Marker {
  readonly type: 'ABORT' | 'COMMIT'
  readonly coordinatorEpoch: number
  readonly timestamp: bigint
}

/** Control batches are never compressed. */
const noCompression = {
  decompress: (): Buffer => {
    throw new CorruptRecordError('A control batch is compressed')
  },
}

/** Version int16, coordinator epoch int32. */
const MARKER_VALUE_BYTES = 6

/**
 * @returns null where the control batch isn't a transaction's marker, compaction has emptied it, or it can't be read:
 * what a log holds is no reason to stop
 */
export function readMarker(buffer: Buffer, at: number): Marker | null {
  try {
    for (const record of readRecords(buffer.subarray(at), noCompression)) {
      const type = controlType(record.key)
      if (type !== 'ABORT' && type !== 'COMMIT') return null
      if (record.value === null || record.value.length < MARKER_VALUE_BYTES) return null
      return { type, coordinatorEpoch: record.value.readInt32BE(2), timestamp: record.timestamp }
    }
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) throw error
  }
  return null
}

/** The control batch that ends a transaction in a partition. */
export function buildMarker(
  { producerId, producerEpoch, coordinatorEpoch, result }: MarkerToWrite,
  timestamp: number,
  codecs: LogCodecs,
): Buffer {
  const record = {
    timestamp,
    ...encodeControlRecord({ type: result, value: { coordinatorEpoch } }),
  }
  const marks = { isTransactional: true, isControl: true }
  return buildBatch({ records: [record], producerId, producerEpoch, ...marks }, codecs)
}
