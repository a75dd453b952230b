import type { Segment } from '../segment/segment.ts'
import type { LogState } from './state.ts'
import { deleteBefore } from './truncation.ts'

/** What a log has to do besides, so that its last segment can go too. */
export interface RollingLog {
  /** Begins an empty segment at the log's end; false where that has moved away from this offset. */
  rollAt(logEndOffset: number): Promise<boolean>
}

type Reason = 'retention.bytes' | 'retention.ms'

/**
 * Deletes the oldest segments for as long as the log without them still has `retention.bytes`, or as their newest record
 * is older than `retention.ms`; never what isn't replicated yet (Kafka's UnifiedLog.deleteOldSegments). Only whole
 * segments go, so a log may have up to a segment more than its settings say.
 * @throws what the disk throws
 */
export async function deleteOldSegments(state: LogState, log: RollingLog): Promise<void> {
  const { logEndOffset } = state
  const deletable = await findDeletable(state)
  if (deletable === null || state.isOffline || !state.segments.has(deletable.last)) return
  if (deletable.last === state.segments.active) {
    // What was appended since it was looked at is in the segment that should have gone.
    if (!(await log.rollAt(logEndOffset))) return
  }
  const before = state.segments.all.length
  const upTo = endOffsetOf(state, state.segments.all.indexOf(deletable.last))
  if (upTo > state.highWatermark) return
  deleteBefore(state, upTo)
  const deleted = before - state.segments.all.length
  const { path, logStartOffset } = state
  const { reason } = deletable
  state.context.host.log.info(
    { path, deleted, reason, logStartOffset },
    'Old segments were deleted',
  )
}

/** The last of the segments that can go, and why it can. */
async function findDeletable(state: LogState): Promise<{ last: Segment; reason: Reason } | null> {
  const { segments, config } = state
  let surplusBytes = segments.sizeBytes - config.retentionBytes
  let found: { last: Segment; reason: Reason } | null = null
  for (const [index, segment] of segments.all.slice().entries()) {
    const isEmptyEnd = segment === segments.active && segment.sizeBytes === 0
    if (isEmptyEnd || endOffsetOf(state, index) > state.highWatermark) break
    surplusBytes -= segment.sizeBytes
    const isSurplus = surplusBytes >= 0
    if (!isSurplus && !(await isExpired(state, segment))) break
    found = { last: segment, reason: isSurplus ? 'retention.bytes' : 'retention.ms' }
  }
  return found
}

/** Where the next segment begins, or the log ends. */
function endOffsetOf(state: LogState, index: number): number {
  return state.segments.all[index + 1]?.baseOffset ?? state.logEndOffset
}

async function isExpired(state: LogState, segment: Segment): Promise<boolean> {
  if (state.config.retentionMs === Infinity) return false
  if (!(await isOld(state, segment))) return false
  if (await segment.hasSoundTimestamp()) return true
  // Its indexes are damaged. Where it is written to they are mended once it isn't any more.
  if (segment === state.segments.active || state.isClosed) return false
  await segment.rebuildIndexes()
  return isOld(state, segment)
}

async function isOld(state: LogState, segment: Segment): Promise<boolean> {
  const { config, context } = state
  const { timestamp } = await segment.greatestTimestamp()
  if (segment !== state.segments.active && !state.isClosed) context.coldIndexes.touch(segment)
  // Records without a timestamp are as old as their file; and those that can't be read are, at the most.
  const ofFile = timestamp < 0n || segment.isTimeUnknown ? segment.modifiedMs() : -Infinity
  const newestMs = timestamp >= 0n ? Math.max(Number(timestamp), ofFile) : ofFile
  return context.host.clock.now() - newestMs > config.retentionMs
}
