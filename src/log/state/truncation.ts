import type { LogState } from './state.ts'
import { newSegment, type Segment } from '../segment/segment.ts'
import { replayAsync } from './replay.ts'

/** Moves the log start forward and removes the segments that are wholly below it. */
export function deleteBefore(state: LogState, offset: number): void {
  if (offset <= state.logStartOffset) return
  state.logStartOffset = offset
  state.setHighWatermark(Math.max(offset, state.highWatermark))
  state.epochs.truncateFromStart(offset)
  removeBelowStart(state)
}

/** Removes the segments that are wholly below the log start; while segments are swapped, who does it will do this too. */
export function removeBelowStart(state: LogState): void {
  if (state.cleaning.isSwapping) return
  const removed = state.segments.removeBelow(state.logStartOffset)
  const baseOffsets = new Set(removed.map((segment) => segment.baseOffset))
  removeSegments(state, removed)
  try {
    state.snapshots.removeWhere((each) => baseOffsets.has(each))
  } catch (error) {
    state.home.fail(`remove snapshots of ${state.path}`, error)
  }
}

/** Segments are renamed, and removed later: whoever reads them may end. */
export function removeSegments(state: LogState, segments: readonly Segment[]): void {
  if (segments.length === 0) return
  const { coldIndexes, host } = state.context
  try {
    for (const segment of segments) {
      coldIndexes.forget(segment)
      segment.markDeleted()
    }
  } catch (error) {
    state.home.fail(`remove segments of ${state.path}`, error)
    return
  }
  host.clock.after(state.config.fileDeleteDelayMs, () => {
    for (const segment of segments) segment.handle.close()
    if (state.isOffline) return
    try {
      for (const segment of segments) segment.removeFiles()
    } catch (error) {
      state.home.fail(`remove segments of ${state.path}`, error)
    }
  })
}

/**
 * Removes the last segments, each for good before the one before it goes: were the power to go in between, the log must not
 * have a hole, with records behind it that its leader doesn't have.
 */
async function removeFromEnd(state: LogState, segments: readonly Segment[]): Promise<void> {
  for (const segment of segments.toReversed()) {
    removeSegments(state, [segment])
    state.checkOpen()
    await state.context.host.disk.syncDirectoryAsync(state.path)
    state.checkOpen()
  }
}

/**
 * Drops everything from an offset on, which is above the first segment's, and the whole batch that it is in.
 * @throws StorageError where the disk fails, and where the log is closed meanwhile
 */
export async function truncate(state: LogState, target: number): Promise<void> {
  state.truncations++
  try {
    await removeFromEnd(state, state.segments.removeFrom(target))
    const { active } = state.segments
    state.context.coldIndexes.forget(active)
    const offset = await active.truncateTo(target, () => state.checkOpen())
    state.checkOpen()
    state.segments.noteCut()
    state.hasUnsyncedNames = true
    state.logEndOffset = offset
    state.nextOffset = offset
    state.recoveryPoint = Math.min(state.recoveryPoint, offset)
    state.epochs.truncateFromEnd(offset)
    state.snapshots.removeWhere((each) => each > offset)
    await replayAsync(state)
    state.logStartOffset = Math.min(state.logStartOffset, offset)
    state.setHighWatermark(Math.min(state.highWatermark, offset))
  } catch (error) {
    // Files that went with a deleted topic are no fault of the directory's.
    throw state.isClosed ? state.offlineError() : state.home.fail(`truncate ${state.path}`, error)
  }
  await state.home.lowerCheckpoints(state.name)
}

/** Drops everything; the log goes on with this offset. */
export async function startAt(state: LogState, offset: number): Promise<void> {
  state.truncations++
  try {
    // A new segment of the same base offset must not meet the old one's file.
    const removed = state.segments.all.slice()
    removeSegments(state, removed)
    state.segments.replaceAll(newSegment(state.context, state.path, offset, state.config))
    state.snapshots.removeWhere(() => true)
  } catch (error) {
    throw state.home.fail(`truncate ${state.path}`, error)
  }
  state.hasUnsyncedNames = true
  state.epochs.clear()
  state.producers.clear()
  state.logStartOffset = offset
  state.logEndOffset = offset
  state.nextOffset = offset
  // The new file is durable only after the next flush.
  state.recoveryPoint = Math.min(state.recoveryPoint, offset)
  state.setHighWatermark(offset)
  await state.home.lowerCheckpoints(state.name)
}

export function closeFiles(state: LogState): void {
  for (const segment of state.segments.all) {
    state.context.coldIndexes.forget(segment)
    segment.handle.close()
  }
}
