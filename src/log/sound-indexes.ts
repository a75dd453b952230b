import {
  BATCH_HEADER_BYTES,
  batchLastOffset,
  batchMaxTimestamp,
} from '../../protocol/records/batch.ts'
import type { Disk } from '../host/host.ts'
import { readIfThere } from './files.ts'
import { readSoundOffsetIndex, type OffsetIndex } from './offset-index.ts'
import { LOOKUP_READ_BYTES } from './scan.ts'
import type { Indexes, Segment } from './segment.ts'
import { readSoundTimeIndex, type TimestampOffset } from './time-index.ts'

/**
 * What a segment's index files say of the batches before one that is below a limit. The last entries are held against
 * their batches: to look at all would be to read the whole segment. For start-up.
 * @returns null where nothing can be kept; else with the position from which the batches are to be noted again
 */
export function soundIndexesBelow(
  disk: Disk,
  segment: Segment,
  limit: number,
): (Indexes & { readonly position: number }) | null {
  const index = readIfThere(disk, segment.filePath('index'))
  const timeIndex = readIfThere(disk, segment.filePath('timeindex'))
  if (index === null || timeIndex === null) return null
  const offsets = readSoundOffsetIndex(segment.baseOffset, index, segment.sizeBytes)
  const times = readSoundTimeIndex(segment.baseOffset, timeIndex)
  times.truncateTo(limit)
  // Where the time index lacks its last entries, the batches after the last one it has are to be looked at again.
  const resume = offsets.floor(Math.min(limit - 1, times.lastEntry().offset))
  if (resume === null) return null
  offsets.truncateTo(resume.lastOffset)
  times.truncateTo(resume.lastOffset)
  const before = offsets.floor(resume.lastOffset)
  const isSound =
    hasBatch(segment, resume) &&
    (before === null || hasBatch(segment, before)) &&
    (times.entries === 0 || hasTimestamp(segment, times.lastEntry(), offsets))
  return isSound ? { offsets, times, position: resume.position } : null
}

function hasBatch(segment: Segment, entry: { lastOffset: number; position: number }): boolean {
  let isThere = false
  segment.scanSync(entry.position, 'headers', BATCH_HEADER_BYTES, (buffer, at) => {
    isThere = batchLastOffset(buffer, at) === entry.lastOffset
    return false
  })
  return isThere
}

function hasTimestamp(segment: Segment, entry: TimestampOffset, offsets: OffsetIndex): boolean {
  let isThere = false
  const from = offsets.positionFor(entry.offset)
  segment.scanSync(from, 'headers', LOOKUP_READ_BYTES, (buffer, at) => {
    const lastOffset = batchLastOffset(buffer, at)
    isThere = lastOffset === entry.offset && batchMaxTimestamp(buffer, at) === entry.timestamp
    return lastOffset < entry.offset
  })
  return isThere
}
