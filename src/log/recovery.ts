import {
  batchBaseOffset,
  batchLastOffset,
  batchLeaderEpoch,
  batchSizeBytes,
  checkBatch,
} from '../../protocol/records/batch.ts'
import type { LogConfig } from './config.ts'
import type { LogContext } from './context.ts'
import type { EpochCache } from './epoch-cache.ts'
import { fitsRelativeOffset } from './offset-index.ts'
import type { Replay } from './replay.ts'
import { SCAN_READ_BYTES, type Segment } from './segment.ts'

export interface Recovery extends Replay {
  readonly context: LogContext
  readonly config: LogConfig
  readonly epochs: EpochCache
}

/**
 * Checks every batch of a segment, cuts it at the first bad one, and builds its indexes, the leader epochs and the
 * producers' state anew from the others. For start-up.
 */
export function recoverSegment(
  recovery: Recovery,
  segment: Segment,
): { cutBytes: number; nextOffset: number } {
  const { context, epochs, producers } = recovery
  const sizeBytes = segment.sizeBytes
  let nextOffset = segment.baseOffset
  segment.beginRebuild()
  if (sizeBytes === 0) return { cutBytes: 0, nextOffset }
  const { position } = segment.scanSync(0, 'whole', SCAN_READ_BYTES, (buffer, at) => {
    const batchBytes = batchSizeBytes(buffer, at)
    const fault = checkBatch(buffer, at, at + batchBytes, context.codecs.crc32c)
    if (fault !== null || batchBaseOffset(buffer, at) < nextOffset) return false
    if (!fitsRelativeOffset(segment.baseOffset, batchLastOffset(buffer, at))) return false
    const aborted = producers.apply(buffer, at)
    if (aborted !== null) segment.addAborted(aborted)
    const epoch = batchLeaderEpoch(buffer, at)
    if (epoch > epochs.latestEpoch) epochs.assign(epoch, batchBaseOffset(buffer, at))
    segment.noteBatch(buffer, at, batchBytes)
    nextOffset = batchLastOffset(buffer, at) + 1
    return true
  })
  segment.cutAt(position)
  segment.finish()
  return { cutBytes: sizeBytes - position, nextOffset }
}
