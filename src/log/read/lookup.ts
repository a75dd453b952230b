import {
  batchLastOffset,
  batchLeaderEpoch,
  batchMaxTimestamp,
  batchSizeBytes,
  CorruptRecordError,
  readRecords,
} from '../../../protocol/records/batch.ts'
import type { WorkerParts } from '../../host/host.ts'
import { workerJob } from '../../host/job.ts'
import { tryHere, type LogCodecs } from '../base/codecs.ts'
import type { LogContext } from '../context.ts'
import type { TimestampedOffset } from '../base/results.ts'
import type { BatchVisitor } from '../segment/scan.ts'
import type { Segment } from '../segment/segment.ts'
import type { Segments } from '../segment/segments.ts'

const SCAN_READ_BYTES = 64 * 1024

/** The first record, from an offset on, with a timestamp or a later one. */
export async function recordAtTimestamp(
  context: LogContext,
  segments: Segments,
  timestamp: bigint,
  fromOffset: number,
): Promise<TimestampedOffset | null> {
  const first = segments.floor(fromOffset)
  for (let segment: Segment | null = first; segment !== null; segment = segments.after(segment)) {
    if (segment.sizeBytes === 0) continue
    const greatest = await segment.greatestTimestamp()
    touch(context, segments, segment)
    if (greatest.timestamp < timestamp && !segment.isTimeUnknown) continue
    const position = await segment.positionForTimestamp(timestamp, fromOffset)
    const wanted = { timestamp, isExact: false, fromOffset }
    const found = await firstRecord(context, segment, position, wanted)
    if (found !== null) return found
  }
  return null
}

/** The first of the records with the greatest timestamp of the log: its first record where none has a timestamp. */
export async function recordOfGreatestTimestamp(
  context: LogContext,
  segments: Segments,
  logStartOffset: number,
): Promise<TimestampedOffset | null> {
  let best: { segment: Segment; timestamp: bigint; offset: number } | null = null
  for (const segment of segments.all.slice()) {
    if (segment.sizeBytes === 0) continue
    const greatest = await segment.greatestTimestamp()
    touch(context, segments, segment)
    if (best === null || greatest.timestamp > best.timestamp) best = { segment, ...greatest }
  }
  if (best === null) return null
  const { segment, timestamp, offset } = best
  const position = await segment.positionForTimestamp(timestamp - 1n, segment.baseOffset)
  // The index tells the offset of the last record of the batch.
  const wanted = { timestamp, isExact: true, fromOffset: logStartOffset }
  return firstRecord(context, segment, position, wanted, Math.max(offset, logStartOffset))
}

/** A record of this timestamp, or (where that isn't exact) a later one, and from this offset on. */
interface WantedRecord {
  readonly timestamp: bigint
  readonly isExact: boolean
  readonly fromOffset: number
}

interface FoundRecord {
  readonly offset: number
  readonly timestamp: bigint
}

function touch(context: LogContext, segments: Segments, segment: Segment): void {
  if (segment !== segments.active) context.coldIndexes.touch(segment)
}

/** @param fromBatch the least last offset of a batch that is worth a look */
async function firstRecord(
  context: LogContext,
  segment: Segment,
  from: number,
  wanted: WantedRecord,
  fromBatch = wanted.fromOffset,
): Promise<TimestampedOffset | null> {
  for (let next: number | null = from; next !== null;) {
    let sizeBytes = 0
    let position = -1
    const visit: BatchVisitor = (buffer, at, batchPosition) => {
      const mayHaveIt =
        batchMaxTimestamp(buffer, at) >= wanted.timestamp &&
        batchLastOffset(buffer, at) >= fromBatch
      if (!mayHaveIt) return true
      sizeBytes = batchSizeBytes(buffer, at)
      position = batchPosition
      return false
    }
    const { damages } = await segment.scanAround(next, 'headers', SCAN_READ_BYTES, visit)
    // The record asked for may be one of those that can't be read.
    const isUnknown = damages.some(({ toOffset }) => toOffset > fromBatch)
    if (isUnknown && !(wanted.isExact && position >= 0)) {
      throw new CorruptRecordError(
        `${segment.handle.path} is damaged at offset ${damages[0]!.fromOffset}`,
      )
    }
    if (position < 0) return null
    // A thread may take it, with all of the memory that it is in.
    const batch = Buffer.allocUnsafeSlow(sizeBytes)
    const read = await segment.handle.using((file) => file.read(batch, position))
    if (read < sizeBytes) return null
    const leaderEpoch = batchLeaderEpoch(batch, 0)
    const found = await findInBatch(context, batch, wanted)
    if (found !== null) return { ...found, leaderEpoch }
    next = position + sizeBytes
  }
  return null
}

async function findInBatch(
  { codecs, host }: LogContext,
  batch: Buffer<ArrayBuffer>,
  wanted: WantedRecord,
): Promise<FoundRecord | null> {
  const here = tryHere(batch, codecs, (light) => findRecord(batch, wanted, light))
  if (here !== null) return here.result
  try {
    const options = { transfer: [batch.buffer] }
    return await host.workers.run(FIND_RECORD, { bytes: batch, wanted }, options)
  } catch (error) {
    if (error instanceof CorruptRecordError) throw error
    // Nothing is wrong with the disk when a thread ends.
    throw new CorruptRecordError('Records could not be read in a thread', { cause: error })
  }
}

function findRecord(batch: Buffer, wanted: WantedRecord, codecs: LogCodecs): FoundRecord | null {
  for (const { offset, timestamp } of readRecords(batch, codecs)) {
    const isIt = wanted.isExact ? timestamp === wanted.timestamp : timestamp >= wanted.timestamp
    if (isIt && offset >= wanted.fromOffset) return { offset, timestamp }
  }
  return null
}

/** `findRecord` in a thread. */
const FIND_RECORD = workerJob(import.meta.url, findRecordInThread, 'short')

/** @job */
export function findRecordInThread(
  { bytes, wanted }: { readonly bytes: Uint8Array; readonly wanted: WantedRecord },
  { codecs }: WorkerParts,
): FoundRecord | null {
  return findRecord(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), wanted, codecs)
}
