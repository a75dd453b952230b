import type { Segment } from '../segment/segment.ts'
import type { LogState } from '../state/state.ts'
import { removeBelowStart, removeSegments } from '../state/truncation.ts'

/**
 * Puts a segment that the cleaner made in the place of those that it was made of, in Kafka's order. Between its steps the
 * directory is synced, since nothing else keeps a disk from making a later rename durable and an earlier one not:
 *
 * 1. `.cleaned` → `.swap`: from here on a restart completes what is left (`completeSwaps`).
 * 2. The old files become `.deleted`; readers find the new segment.
 * 3. `.swap` goes off the names.
 *
 * @returns false where the log was closed, or its directory failed, on the way
 * @throws what the disk throws
 */
export async function swapIn(
  state: LogState,
  cleaned: Segment,
  replaced: readonly Segment[],
  forgetReads: () => void,
): Promise<boolean> {
  const { cleaning, segments, snapshots, context } = state
  const { disk } = context.host
  cleaning.isSwapping = true
  try {
    cleaned.renameFiles('.swap')
    await disk.syncDirectoryAsync(state.path)
    if (state.isOffline) return false
    segments.replace(replaced, cleaned)
    removeSegments(state, replaced)
    const gone = new Set(replaced.map(({ baseOffset }) => baseOffset))
    gone.delete(cleaned.baseOffset)
    snapshots.removeWhere((offset) => gone.has(offset))
    forgetReads()
    if (state.isOffline) return false
    await disk.syncDirectoryAsync(state.path)
    if (state.isOffline) return false
    cleaned.renameFiles('')
    await disk.syncDirectoryAsync(state.path)
    return !state.isOffline
  } finally {
    cleaning.isSwapping = false
    if (!state.isOffline) removeBelowStart(state)
  }
}
