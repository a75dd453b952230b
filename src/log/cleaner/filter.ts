import {
  batchAttributes,
  batchBaseOffset,
  batchBaseTimestamp,
  batchDeleteHorizon,
  batchLastOffset,
  batchMaxTimestamp,
  batchNextOffset,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
  compressionType,
  isControl,
  timestampType,
  uncompressedRecords,
} from '../../../protocol/records/batch.ts'
import type { Codecs } from '../../../protocol/records/codecs.ts'
import {
  varintBytes,
  varlongBytes,
  writeVarint,
  writeVarlong,
} from '../../../protocol/records/varint.ts'
import { NO_TIMESTAMP } from '../segment/time-index.ts'
import { emptiedBatch, rewriteBatch } from './batches.ts'
import type { OffsetMap } from './offset-map.ts'
import { RecordRun } from './record-run.ts'
import type { CleanedTransactions } from './transactions.ts'

/** The last of what an active producer has in the log. */
export interface LastRecord {
  readonly producerId: number
  readonly producerEpoch: number
  /** The last offset of its last batch of records; null where only markers are left. */
  readonly lastDataOffset: number | null
}

export interface FilterRules {
  readonly map: OffsetMap
  readonly transactions: CleanedTransactions
  readonly lastRecords: ReadonlyMap<number, LastRecord>
  /** A batch that ends there is kept, as in Kafka 4.4: a log that loses all behind it must not forget the offset. */
  readonly highWatermark: number
  readonly nowMs: number
  /** How long tombstones and markers stay after the clean that meets them first; Infinity: for ever. */
  readonly deleteRetentionMs: number
}

export interface FilterCounts {
  recordsRead: number
  recordsKept: number
  /** Records without a key, which have no place in a compacted log. */
  invalidRecords: number
}

/** What an int64 of the format holds, and no date needs. */
const GREATEST_HORIZON_MS = Number.MAX_SAFE_INTEGER

/** `drop` the batch unread; `ifAny` of its records stay, it stays; `always`, with its header alone if need be. */
type Retention = 'drop' | 'ifAny' | 'always'

/**
 * Decides what stays of a batch, as Kafka's Cleaner and MemoryRecords.filterTo do: of each key the last record, and
 * tombstones and markers until their delete horizon, which is set when the cleaner first meets them (KIP-534).
 */
export class BatchFilter {
  readonly counts: FilterCounts = { recordsRead: 0, recordsKept: 0, invalidRecords: 0 }
  readonly #rules: FilterRules
  readonly #nowMs: bigint
  /** The delete horizon that this clean gives; null where it would never come. */
  readonly #newHorizon: bigint | null
  readonly #codecs: Codecs

  constructor(rules: FilterRules, codecs: Codecs) {
    const horizonMs = rules.nowMs + rules.deleteRetentionMs
    this.#rules = rules
    this.#nowMs = BigInt(rules.nowMs)
    this.#newHorizon = horizonMs < GREATEST_HORIZON_MS ? BigInt(horizonMs) : null
    this.#codecs = codecs
  }

  /**
   * Takes the next batch of the log, which was checked.
   * @returns the same buffer where nothing changes, null where nothing stays
   * @throws CorruptRecordError where its records can't be read
   */
  filter(batch: Buffer): Buffer | null {
    const isUseless = this.#rules.transactions.read(batch, 0)
    const isMarker = isControl(batchAttributes(batch, 0))
    const horizon = batchDeleteHorizon(batch, 0)
    const isDue = horizon !== null && horizon <= this.#nowMs
    const losesAll = isMarker ? isUseless && isDue : isUseless
    const retention = this.#retentionOf(batch, losesAll)
    const recordCount = batchRecordCount(batch, 0)
    if (retention === 'drop') return null
    this.counts.recordsRead += recordCount
    if (recordCount === 0 || losesAll) return this.#emptied(batch, retention)
    const run = new RecordRun(uncompressedRecords(batch, this.#codecs), recordCount)
    const kept = isMarker ? keepAll(run) : this.#kept(batch, run, horizon)
    this.counts.recordsKept += kept.ends.length
    if (kept.ends.length === 0) return this.#emptied(batch, retention)
    const wantsHorizon = kept.hasTombstones || (isMarker && isUseless)
    const newHorizon = horizon === null && wantsHorizon ? this.#newHorizon : horizon
    if (kept.ends.length === recordCount && newHorizon === horizon) return batch
    return this.#rewritten(batch, run, kept, newHorizon)
  }

  #retentionOf(batch: Buffer, losesAll: boolean): Retention {
    if (this.#isLastOfProducer(batch)) return 'always'
    if (batchNextOffset(batch, 0) === this.#rules.highWatermark) return 'always'
    return losesAll ? 'drop' : 'ifAny'
  }

  /** Its last batch keeps a producer's sequence number; where only markers are left, they keep its epoch. */
  #isLastOfProducer(batch: Buffer): boolean {
    const last = this.#rules.lastRecords.get(batchProducerId(batch, 0))
    if (last === undefined) return false
    if (last.lastDataOffset !== null) return batchLastOffset(batch, 0) === last.lastDataOffset
    return (
      isControl(batchAttributes(batch, 0)) && batchProducerEpoch(batch, 0) === last.producerEpoch
    )
  }

  #emptied(batch: Buffer, retention: Retention): Buffer | null {
    return retention === 'always' ? emptiedBatch(batch, this.#codecs.crc32c) : null
  }

  #kept(batch: Buffer, run: RecordRun, horizon: bigint | null): KeptRecords {
    const { map } = this.#rules
    const keepsTombstones = horizon === null || this.#nowMs < horizon
    const baseOffset = batchBaseOffset(batch, 0)
    const kept = noRecords()
    while (run.next()) {
      const offset = baseOffset + run.offsetDelta
      if (offset <= map.latestOffset) {
        if (!run.hasKey) this.counts.invalidRecords++
        if (!run.hasKey || (!run.hasValue && !keepsTombstones)) continue
        if (offset < map.get(run.bytes, run.keyAt, run.keyEnd)) continue
      }
      keep(kept, run)
    }
    return kept
  }

  #rewritten(batch: Buffer, run: RecordRun, kept: KeptRecords, horizon: bigint | null): Buffer {
    const attributes = batchAttributes(batch, 0)
    const oldBase = batchBaseTimestamp(batch, 0)
    const appendTime =
      timestampType(attributes) === 'LogAppendTime' ? batchMaxTimestamp(batch, 0) : null
    const times = kept.timestampsAt.map(
      (at) => appendTime ?? BigInt.asIntN(64, oldBase + run.timestampDeltaAt(at)),
    )
    const baseTimestamp = horizon ?? times[0]!
    const plain = withTimestamps(run.bytes, kept, times, baseTimestamp)
    const compression = compressionType(attributes)!
    return rewriteBatch(
      batch,
      {
        records: compression === 'none' ? plain : this.#codecs.compress(compression, plain),
        recordCount: times.length,
        baseTimestamp,
        maxTimestamp: appendTime ?? greatest(times),
        hasDeleteHorizon: horizon !== null,
      },
      this.#codecs.crc32c,
    )
  }
}

/** Records that stay, by the places of their parts. */
interface KeptRecords {
  readonly timestampsAt: number[]
  readonly offsetDeltas: number[]
  readonly bodies: number[]
  readonly ends: number[]
  hasTombstones: boolean
}

function noRecords(): KeptRecords {
  return { timestampsAt: [], offsetDeltas: [], bodies: [], ends: [], hasTombstones: false }
}

function keep(kept: KeptRecords, run: RecordRun): void {
  kept.timestampsAt.push(run.timestampAt)
  kept.offsetDeltas.push(run.offsetDelta)
  kept.bodies.push(run.bodyAt)
  kept.ends.push(run.end)
  if (!run.hasValue) kept.hasTombstones = true
}

function keepAll(run: RecordRun): KeptRecords {
  const kept = noRecords()
  while (run.next()) keep(kept, run)
  return kept
}

function greatest(times: readonly bigint[]): bigint {
  let found = NO_TIMESTAMP
  for (const time of times) if (time > found) found = time
  return found
}

/** The records with their timestamps told from another base; keys, values and headers are copied as they are. */
function withTimestamps(
  bytes: Buffer,
  kept: KeptRecords,
  times: readonly bigint[],
  baseTimestamp: bigint,
): Buffer {
  const deltas = times.map((time) => BigInt.asIntN(64, time - baseTimestamp))
  const sizes = deltas.map(
    (delta, index) =>
      1 +
      varlongBytes(delta) +
      varintBytes(kept.offsetDeltas[index]!) +
      kept.ends[index]! -
      kept.bodies[index]!,
  )
  const total = sizes.reduce((sum, size) => sum + varintBytes(size) + size, 0)
  const result = Buffer.allocUnsafe(total)
  let at = 0
  for (const [index, delta] of deltas.entries()) {
    at = writeVarint(result, sizes[index]!, at)
    // No attribute of a record has a meaning yet.
    result[at++] = 0
    at = writeVarlong(result, delta, at)
    at = writeVarint(result, kept.offsetDeltas[index]!, at)
    at += bytes.copy(result, at, kept.bodies[index], kept.ends[index])
  }
  return result
}
