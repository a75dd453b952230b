import {
  batchLastOffset,
  batchLeaderEpoch,
  batchMaxTimestamp,
  batchSizeBytes,
  readRecords,
  type LogRecord,
} from '../../protocol/records/batch.ts'
import type { LogContext } from './context.ts'
import type { TimestampedOffset } from './results.ts'
import type { Segment } from './segment.ts'
import type { Segments } from './segments.ts'

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
    if (greatest.timestamp < timestamp) continue
    const position = await segment.positionForTimestamp(timestamp, fromOffset)
    const found = await firstRecord(context, segment, position, {
      inBatch: (buffer, at) =>
        batchMaxTimestamp(buffer, at) >= timestamp && batchLastOffset(buffer, at) >= fromOffset,
      record: (record) => record.timestamp >= timestamp && record.offset >= fromOffset,
    })
    if (found !== null) return found
  }
  return null
}

/** The first of the records with the greatest timestamp of the log. */
export async function recordOfGreatestTimestamp(
  context: LogContext,
  segments: Segments,
): Promise<TimestampedOffset | null> {
  let best: { segment: Segment; timestamp: bigint; offset: number } | null = null
  for (const segment of segments.all.slice()) {
    if (segment.sizeBytes === 0) continue
    const greatest = await segment.greatestTimestamp()
    touch(context, segments, segment)
    if (best === null || greatest.timestamp > best.timestamp) best = { segment, ...greatest }
  }
  if (best === null || best.timestamp < 0n) return null
  const { segment, timestamp, offset } = best
  const position = await segment.positionForTimestamp(timestamp - 1n, segment.baseOffset)
  return firstRecord(context, segment, position, {
    inBatch: (buffer, at) => batchLastOffset(buffer, at) >= offset,
    record: (record) => record.timestamp === timestamp,
  })
}

function touch(context: LogContext, segments: Segments, segment: Segment): void {
  if (segment !== segments.active) context.coldIndexes.touch(segment)
}

async function firstRecord(
  context: LogContext,
  segment: Segment,
  from: number,
  wanted: {
    inBatch: (buffer: Buffer, at: number) => boolean
    record: (record: LogRecord) => boolean
  },
): Promise<TimestampedOffset | null> {
  for (let next: number | null = from; next !== null;) {
    let sizeBytes = 0
    let position = -1
    await segment.scan(next, 'headers', SCAN_READ_BYTES, (buffer, at, batchPosition) => {
      if (!wanted.inBatch(buffer, at)) return true
      sizeBytes = batchSizeBytes(buffer, at)
      position = batchPosition
      return false
    })
    if (position < 0) return null
    const batch = Buffer.allocUnsafe(sizeBytes)
    const read = await segment.handle.using((file) => file.read(batch, position))
    if (read < sizeBytes) return null
    for (const record of readRecords(batch, context.codecs)) {
      if (!wanted.record(record)) continue
      const { offset, timestamp } = record
      return { offset, timestamp, leaderEpoch: batchLeaderEpoch(batch, 0) }
    }
    next = position + sizeBytes
  }
  return null
}
