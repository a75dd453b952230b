import {
  BATCH_HEADER_BYTES,
  batchLastOffset,
  batchMaxTimestamp,
} from '../../../protocol/records/batch.ts'
import { readIfThere } from '../base/files.ts'
import type { IndexedBatches, IndexedSegment, Indexes } from './indexes.ts'
import { readSoundOffsetIndex, type OffsetIndex } from './offset-index.ts'
import { LOOKUP_READ_BYTES } from './scan.ts'
import { readSoundTimeIndex, type TimestampOffset } from './time-index.ts'

/**
 * What a segment's index files say of the batches before one that is below a limit. The last entries are held against
 * their batches: to look at all would be to read the whole segment. For start-up.
 * @returns null where nothing can be kept; else with the position from which the batches are to be noted again
 */
export function soundIndexesBelow(
  { files, baseOffset, batches, pathOf }: IndexedSegment,
  limit: number,
): (Indexes & { readonly position: number }) | null {
  const index = readIfThere(files.disk, pathOf('index'))
  const timeIndex = readIfThere(files.disk, pathOf('timeindex'))
  if (index === null || timeIndex === null) return null
  const offsets = readSoundOffsetIndex(baseOffset, index, batches.sizeBytes)
  const times = readSoundTimeIndex(baseOffset, timeIndex)
  times.truncateTo(limit)
  // Where the time index lacks its last entries, the batches after the last one it has are to be looked at again.
  const resume = offsets.floor(Math.min(limit - 1, times.lastEntry().offset))
  if (resume === null) return null
  offsets.truncateTo(resume.lastOffset)
  times.truncateTo(resume.lastOffset)
  const isSound =
    hasBatch(batches, resume) &&
    (times.entries === 0 || hasTimestamp(batches, times.lastEntry(), offsets))
  return isSound ? { offsets, times, position: resume.position } : null
}

function hasBatch(
  batches: IndexedBatches,
  entry: { lastOffset: number; position: number },
): boolean {
  let isThere = false
  batches.scanSync(entry.position, 'headers', BATCH_HEADER_BYTES, (buffer, at) => {
    isThere = batchLastOffset(buffer, at) === entry.lastOffset
    return false
  })
  return isThere
}

function hasTimestamp(
  batches: IndexedBatches,
  entry: TimestampOffset,
  offsets: OffsetIndex,
): boolean {
  let isThere = false
  const from = offsets.positionFor(entry.offset)
  batches.scanSync(from, 'headers', LOOKUP_READ_BYTES, (buffer, at) => {
    const lastOffset = batchLastOffset(buffer, at)
    isThere = lastOffset === entry.offset && batchMaxTimestamp(buffer, at) === entry.timestamp
    return lastOffset < entry.offset
  })
  return isThere
}
