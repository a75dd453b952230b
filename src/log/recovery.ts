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
import { loadSnapshot, replaySync, type Replay } from './replay.ts'
import { SCAN_READ_BYTES } from './scan.ts'
import type { Segment } from './segment.ts'

export interface Recovery extends Replay {
  readonly context: LogContext
  readonly config: LogConfig
  readonly epochs: EpochCache
}

export interface RecoveredSegment {
  readonly cutBytes: number
  /** After the last batch. */
  readonly nextOffset: number
}

/**
 * Checks every batch of a segment, cuts it at the first bad one, and builds its indexes, the leader epochs and the
 * producers' state anew from the others. For start-up.
 */
export function recoverSegment(recovery: Recovery, segment: Segment): RecoveredSegment {
  segment.beginRebuild()
  if (segment.sizeBytes === 0) return { cutBytes: 0, nextOffset: segment.baseOffset }
  return take(segment, walk(recovery, segment, { position: 0, fromOffset: 0, trustedUpTo: 0 }))
}

/**
 * The same for the segment that has the recovery point, in a time that grows with what is behind that: batches before it
 * are durable and aren't checked, and of the indexes and the producers' state only what a checkpoint has not saved is
 * built anew. Where something doesn't check out, more is done: first all is built anew, then all is checked.
 */
export function recoverFromPoint(
  recovery: Recovery,
  segment: Segment,
  recoveryPoint: number,
): RecoveredSegment {
  if (recoveryPoint > segment.baseOffset) {
    const walked =
      walkFromCheckpoint(recovery, segment, recoveryPoint) ??
      walkFromStart(recovery, segment, recoveryPoint)
    if (walked !== null) return take(segment, walked)
    const fields = { path: segment.handle.path, recoveryPoint }
    recovery.context.host.log.warn(
      fields,
      'A segment ends before its recovery point: all is checked',
    )
  }
  recovery.snapshots.removeWhere((offset) => offset > segment.baseOffset)
  replaySync(recovery, segment.baseOffset)
  return recoverSegment(recovery, segment)
}

/** Builds the indexes of a segment below the recovery point anew from its batches, which are taken as they are. */
export function rebuildIndexes(recovery: Recovery, segment: Segment): void {
  replaySync(recovery, segment.baseOffset)
  segment.beginRebuild()
  walk(recovery, segment, { position: 0, fromOffset: 0, trustedUpTo: Infinity })
  segment.finish()
}

interface Walk {
  readonly position: number
  /** The producers' state is that before this offset. */
  readonly fromOffset: number
  /** Batches that end below are taken as they are. */
  readonly trustedUpTo: number
}

interface Walked {
  readonly position: number
  readonly nextOffset: number
}

function walkFromCheckpoint(
  recovery: Recovery,
  segment: Segment,
  recoveryPoint: number,
): Walked | null {
  const fromOffset = loadSnapshot(recovery, recoveryPoint)
  if (fromOffset <= segment.baseOffset) return null
  const position = segment.beginRebuildBelow(fromOffset)
  if (position === 0) return null
  const walked = walk(recovery, segment, { position, fromOffset, trustedUpTo: recoveryPoint })
  return walked.nextOffset < recoveryPoint ? null : walked
}

function walkFromStart(recovery: Recovery, segment: Segment, recoveryPoint: number): Walked | null {
  replaySync(recovery, segment.baseOffset)
  segment.beginRebuild()
  const walked = walk(recovery, segment, {
    position: 0,
    fromOffset: 0,
    trustedUpTo: recoveryPoint,
  })
  return walked.nextOffset < recoveryPoint ? null : walked
}

/** Goes through the batches until the first that is bad, or out of order. */
function walk(recovery: Recovery, segment: Segment, from: Walk): Walked {
  const { context, epochs, producers } = recovery
  let nextOffset = segment.baseOffset
  const { position } = segment.scanSync(from.position, 'whole', SCAN_READ_BYTES, (buffer, at) => {
    const batchBytes = batchSizeBytes(buffer, at)
    const baseOffset = batchBaseOffset(buffer, at)
    const lastOffset = batchLastOffset(buffer, at)
    if (baseOffset < nextOffset || !fitsRelativeOffset(segment.baseOffset, lastOffset)) return false
    const isTrusted = lastOffset < from.trustedUpTo
    if (!isTrusted && checkBatch(buffer, at, at + batchBytes, context.codecs.crc32c) !== null)
      return false
    if (baseOffset >= from.fromOffset) {
      const aborted = producers.apply(buffer, at)
      if (aborted !== null) segment.addAborted(aborted)
    }
    const epoch = batchLeaderEpoch(buffer, at)
    if (epoch > epochs.latestEpoch) epochs.assign(epoch, baseOffset)
    segment.noteBatch(buffer, at, batchBytes)
    nextOffset = lastOffset + 1
    return true
  })
  return { position, nextOffset }
}

function take(segment: Segment, { position, nextOffset }: Walked): RecoveredSegment {
  const cutBytes = segment.sizeBytes - position
  segment.cutAt(position)
  segment.finish()
  return { cutBytes, nextOffset }
}
