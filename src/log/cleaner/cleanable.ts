import type { LogState } from '../state/state.ts'
import type { Segment } from '../segment/segment.ts'

/** What of a log can be cleaned, and how much it needs it. */
export interface Cleanable {
  /** Everything before it was cleaned before. */
  readonly firstDirtyOffset: number
  /** Where a segment begins that can't be cleaned yet. */
  readonly endOffset: number
  readonly dirtyBytes: number
  /** The part of the log, as far as it can be cleaned, that is dirty; from 0 to 1. */
  readonly dirtyRatio: number
  /** The log has to be cleaned, however little of it is dirty. */
  readonly isOverdue: boolean
}

/**
 * Finds what can be cleaned, as Kafka's LogCleanerManager does: from where the last clean ended up to the last stable
 * offset, the active segment, or the first segment with a record younger than `min.compaction.lag.ms`.
 * @param checkpoint where the last clean ended; undefined where there was none
 */
export async function findCleanable(
  state: LogState,
  checkpoint: number | undefined,
  nowMs: number,
): Promise<Cleanable> {
  const firstDirtyOffset = firstDirty(state, checkpoint)
  const limit = Math.min(
    state.lastStableOffset,
    state.segments.active.baseOffset,
    await firstTooYoung(state, firstDirtyOffset, nowMs),
  )
  const uncleanable = inactiveFrom(state, Math.max(firstDirtyOffset, limit))[0]
  const endOffset = (uncleanable ?? state.segments.active).baseOffset
  const dirtyBytes = bytesOf(between(state, Math.min(firstDirtyOffset, endOffset), endOffset))
  const cleanBytes = bytesOf(
    state.segments.all.filter(({ baseOffset }) => baseOffset < firstDirtyOffset),
  )
  const totalBytes = cleanBytes + dirtyBytes
  return {
    firstDirtyOffset,
    endOffset,
    dirtyBytes,
    dirtyRatio: totalBytes === 0 ? 0 : dirtyBytes / totalBytes,
    isOverdue: await isOverdue(state, firstDirtyOffset, nowMs),
  }
}

/** Whether it is worth a clean. */
export function needsClean(cleanable: Cleanable, minDirtyRatio: number): boolean {
  return (cleanable.isOverdue && cleanable.dirtyBytes > 0) || cleanable.dirtyRatio > minDirtyRatio
}

/** Segments that have, or would have, offsets from `from` on, and begin before `to`. */
export function between(state: LogState, from: number, to: number): Segment[] {
  if (from >= to) return []
  return state.segments.from(from).filter(({ baseOffset }) => baseOffset < to)
}

/** A checkpoint that can't be right is as if the log had never been cleaned. */
function firstDirty(state: LogState, checkpoint: number | undefined): number {
  const { logStartOffset, logEndOffset, name, config, context, home } = state
  if (checkpoint === undefined) return logStartOffset
  if (checkpoint >= logStartOffset && checkpoint <= logEndOffset) return checkpoint
  if (checkpoint > logEndOffset || !config.deletesSegments) {
    context.host.log.warn(
      { partition: name, checkpoint, logStartOffset, logEndOffset },
      "What is said of where the log was cleaned up to can't be: all of it counts as dirty",
    )
  }
  home.cleanerOffsets.set(name, logStartOffset)
  return logStartOffset
}

async function firstTooYoung(
  state: LogState,
  firstDirtyOffset: number,
  nowMs: number,
): Promise<number> {
  const { minCompactionLagMs } = state.config
  if (minCompactionLagMs <= 0) return Infinity
  for (const segment of inactiveFrom(state, firstDirtyOffset)) {
    const { timestamp } = await segment.greatestTimestamp()
    if (!state.isClosed) state.context.coldIndexes.touch(segment)
    const ofFile = timestamp < 0n || segment.isTimeUnknown ? segment.modifiedMs() : -Infinity
    const newestMs = timestamp >= 0n ? Math.max(Number(timestamp), ofFile) : ofFile
    if (newestMs > nowMs - minCompactionLagMs) return segment.baseOffset
  }
  return Infinity
}

/** Whether a dirty record is older than `max.compaction.lag.ms`: only the first batch of each segment is looked at. */
async function isOverdue(
  state: LogState,
  firstDirtyOffset: number,
  nowMs: number,
): Promise<boolean> {
  const { maxCompactionLagMs } = state.config
  if (maxCompactionLagMs === Infinity) return false
  for (const segment of inactiveFrom(state, firstDirtyOffset)) {
    const timestamp = await segment.firstTimestamp()
    if (timestamp > 0n && Number(timestamp) < nowMs - maxCompactionLagMs) return true
  }
  return false
}

/** Segments that aren't written to and have, or would have, offsets from this one on. */
function inactiveFrom(state: LogState, offset: number): Segment[] {
  return between(state, offset, state.segments.active.baseOffset)
}

function bytesOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}
