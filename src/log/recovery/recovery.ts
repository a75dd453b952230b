import {
  batchBaseOffset,
  batchLeaderEpoch,
  batchNextOffset,
  batchSizeBytes,
  checkBatch,
} from '../../../protocol/records/batch.ts'
import type { LogConfig } from '../base/config.ts'
import type { Damage } from '../segment/damage.ts'
import type { LogContext } from '../context.ts'
import type { EpochCache } from '../state/epoch-cache.ts'
import { fitsRelativeOffset } from '../segment/offset-index.ts'
import { loadSnapshot, replaySync, type Replay } from '../state/replay.ts'
import { SCAN_READ_BYTES, type BatchVisitor } from '../segment/scan.ts'
import type { Segment } from '../segment/segment.ts'

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
 * The same where nobody knows any more what was durable: of what is bad only the end is cut, since behind the rest there is
 * what was acknowledged.
 * @param endOffset where the next segment begins, below which nothing is cut, and beyond which no batch ends; null for the
 * last one
 */
export function recoverWithoutPoint(
  recovery: Recovery,
  segment: Segment,
  endOffset: number | null,
): RecoveredSegment {
  segment.beginRebuild()
  if (segment.sizeBytes === 0) return { cutBytes: 0, nextOffset: segment.baseOffset }
  const trustedUpTo = endOffset ?? Infinity
  const cutsEnd = endOffset === null
  return take(
    segment,
    walk(recovery, segment, { position: 0, fromOffset: 0, trustedUpTo, endOffset, cutsEnd }),
  )
}

/**
 * The same for the segment that has the recovery point, in a time that grows with what is behind that: batches before it
 * are durable and stay, also where they are damaged; and of the indexes and the producers' state only what a checkpoint has
 * not saved is built anew. Where that doesn't check out, all is.
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
    if (walked.nextOffset < recoveryPoint) {
      const fields = { path: segment.handle.path, recoveryPoint, endOffset: walked.nextOffset }
      recovery.context.host.log.warn(fields, 'A segment ends before its recovery point')
    }
    return take(segment, walked)
  }
  recovery.snapshots.removeWhere((offset) => offset > segment.baseOffset)
  replaySync(recovery, segment.baseOffset)
  return recoverSegment(recovery, segment)
}

/** Builds the indexes of a segment below the recovery point anew from its batches. Nothing is cut. */
export function rebuildIndexes(recovery: Recovery, segment: Segment): void {
  replaySync(recovery, segment.baseOffset)
  segment.beginRebuild()
  walk(recovery, segment, { position: 0, fromOffset: 0, trustedUpTo: Infinity })
  segment.endRebuild()
}

interface Walk {
  readonly position: number
  /** The producers' state is that before this offset. */
  readonly fromOffset: number
  /** Batches below stay, also where they are damaged. */
  readonly trustedUpTo: number
  /** One that ends beyond has a wrong offset, where this is known. */
  readonly endOffset?: number | null
  /** But for those behind which none is sound. */
  readonly cutsEnd?: boolean
}

interface SegmentEnd {
  readonly position: number
  readonly nextOffset: number
}

function walkFromCheckpoint(
  recovery: Recovery,
  segment: Segment,
  recoveryPoint: number,
): SegmentEnd | null {
  const fromOffset = loadSnapshot(recovery, recoveryPoint)
  if (fromOffset <= segment.baseOffset) return null
  const position = segment.beginRebuildBelow(fromOffset)
  if (position === 0) return null
  const walked = walk(recovery, segment, { position, fromOffset, trustedUpTo: recoveryPoint })
  return walked.nextOffset < recoveryPoint ? null : walked
}

function walkFromStart(recovery: Recovery, segment: Segment, recoveryPoint: number): SegmentEnd {
  replaySync(recovery, segment.baseOffset)
  segment.beginRebuild()
  return walk(recovery, segment, {
    position: 0,
    fromOffset: 0,
    trustedUpTo: recoveryPoint,
  })
}

/** Goes through the batches: past damage where they are trusted, and from there on until the first that is bad. */
function walk(recovery: Recovery, segment: Segment, from: Walk): SegmentEnd {
  const { context, epochs, producers } = recovery
  const { trustedUpTo, cutsEnd = false } = from
  /** Of the batch seen last. */
  let isSound = true
  /** That one is damaged, and stays. */
  let isEndKept = false
  /** Behind the last one that isn't. */
  let sound: SegmentEnd = { position: from.position, nextOffset: segment.baseOffset }
  const visit: BatchVisitor = (buffer, at, position) => {
    const batchBytes = batchSizeBytes(buffer, at)
    const baseOffset = batchBaseOffset(buffer, at)
    const isTrusted = baseOffset < trustedUpTo
    isSound = checkBatch(buffer, at, at + batchBytes, context.codecs.crc32c) === null
    // What it says of its producer, its times and its transaction may be what is damaged.
    if (!isSound) {
      isEndKept = isTrusted
      return isTrusted
    }
    if (isEndKept) segment.markPartial()
    isEndKept = false
    sound = { position: position + batchBytes, nextOffset: batchNextOffset(buffer, at) }
    if (baseOffset >= from.fromOffset) {
      const aborted = producers.apply(buffer, at)
      if (aborted !== null) segment.addAborted(aborted)
    }
    const epoch = batchLeaderEpoch(buffer, at)
    if (epoch > epochs.latestEpoch) epochs.assign(epoch, baseOffset)
    segment.noteBatch(buffer, at, batchBytes, position)
    return true
  }
  const { position, nextOffset, damages } = segment.scanAroundSync(
    from.position,
    'whole',
    SCAN_READ_BYTES,
    visit,
    {
      ...(typeof from.endOffset === 'number' && { endOffset: from.endOffset }),
      passes: (fromOffset) => fromOffset < trustedUpTo,
      rejects: reachesOver(trustedUpTo, context),
    },
  )
  if (damages.some(({ toOffset }) => toOffset !== Infinity)) segment.markPartial()
  const isEndDamaged = !isSound || endsInDamage(damages)
  if (cutsEnd) return sound
  if (isEndKept || endsInDamage(damages)) segment.markPartial()
  return { position, nextOffset: endOf(segment, nextOffset, isEndDamaged, trustedUpTo) }
}

/** No batch reaches over the recovery point, unless its last offset, which is under the checksum, is damaged. */
export function reachesOver(recoveryPoint: number, { codecs }: LogContext) {
  return (buffer: Buffer, at: number): boolean =>
    batchBaseOffset(buffer, at) < recoveryPoint &&
    batchNextOffset(buffer, at) > recoveryPoint &&
    checkBatch(buffer, at, at + batchSizeBytes(buffer, at), codecs.crc32c) !== null
}

export function endsInDamage(damages: readonly Damage[]): boolean {
  return damages.at(-1)?.toOffset === Infinity
}

/**
 * Where a segment ends whose last batch says that it ends before `nextOffset`. Where that batch, or what is behind it, is
 * damaged, all offsets up to the recovery point were given.
 */
export function endOf(
  segment: Segment,
  nextOffset: number,
  isEndDamaged: boolean,
  recoveryPoint: number,
): number {
  const isKnown =
    recoveryPoint > nextOffset && fitsRelativeOffset(segment.baseOffset, recoveryPoint)
  return isEndDamaged && isKnown ? recoveryPoint : nextOffset
}

function take(segment: Segment, { position, nextOffset }: SegmentEnd): RecoveredSegment {
  const cutBytes = segment.sizeBytes - position
  segment.cutAt(position)
  segment.finish()
  return { cutBytes, nextOffset }
}
