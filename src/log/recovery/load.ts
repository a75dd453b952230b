import {
  batchBaseOffset,
  batchLeaderEpoch,
  batchSizeBytes,
  checkBatch,
} from '../../../protocol/records/batch.ts'
import { parseEpochCheckpoint, parsePartitionMetadata } from '../state/checkpoints.ts'
import type { LogConfig } from '../base/config.ts'
import type { LogContext } from '../context.ts'
import { EpochCache } from '../state/epoch-cache.ts'
import { LEADER_EPOCH_CHECKPOINT, parseSegmentFileName, PARTITION_METADATA } from '../base/paths.ts'
import { ProducerSnapshots } from '../producers/producer-snapshots.ts'
import { ProducerState } from '../producers/producer-state.ts'
import {
  endOf,
  endsInDamage,
  reachesOver,
  rebuildIndexes,
  recoverFromPoint,
  recoverSegment,
  recoverWithoutPoint,
  type Recovery,
} from './recovery.ts'
import { replaySync } from '../state/replay.ts'
import { readIfThere } from '../base/files.ts'
import { SCAN_READ_BYTES, type BatchVisitor } from '../segment/scan.ts'
import { newSegment, Segment } from '../segment/segment.ts'
import { Segments } from '../segment/segments.ts'
import type { LoadedLog } from '../state/state.ts'
import { completeSwaps } from './swaps.ts'

/** A partition's directory to be opened, with what the log directory's checkpoints say of it. */
export interface LoadOptions {
  readonly topic: string
  readonly partition: number
  readonly path: string
  readonly config: LogConfig
  readonly logStartOffset: number
  readonly recoveryPoint: number
  /** The checkpoint that knew it is damaged. */
  readonly isRecoveryPointLost?: boolean
  readonly highWatermark: number
  /** After a clean shutdown nothing has to be checked. */
  readonly wasClean: boolean
  readonly topicId: string | null
}

interface Files {
  readonly names: ReadonlySet<string>
  /** Rising. */
  readonly logs: number[]
  readonly snapshots: number[]
}

/**
 * Opens a partition's directory: after a clean shutdown with few system calls; after another one every batch from the
 * recovery point on is checked, the log is cut at the first bad one, and from there on indexes and producer state are
 * built anew.
 * Damaged, missing or over-long indexes never keep a log from opening.
 * @throws what the disk throws
 */
export function loadLog(context: LogContext, options: LoadOptions): LoadedLog {
  const files = listFiles(context, options)
  const segments = openSegments(context, options, files)
  const { config, path } = options
  const { disk, clock } = context.host
  const snapshots = new ProducerSnapshots(disk, context.codecs.crc32c, path, files.snapshots)
  const producers = new ProducerState()
  const epochs = loadEpochs(context, options, files)
  const logStartOffset = Math.max(
    credibleStart(context, options, segments),
    segments.first.baseOffset,
  )
  const recovery: Recovery = {
    context,
    config,
    segments,
    snapshots,
    producers,
    epochs,
    logStartOffset,
    nowMs: clock.now(),
    expirationMs: config.producerIdExpirationMs,
    crc32c: context.codecs.crc32c,
  }
  let recoveredTo: number | null = null
  if (options.wasClean) {
    learnEpochs(recovery, Infinity)
    repairIndexes(recovery, segments.all, files)
  } else {
    // Where the log starts within a segment, what is before that in it is as little known to be durable as what follows.
    const { baseOffset } = segments.floor(logStartOffset)
    const recoveryPoint = Math.max(options.recoveryPoint, baseOffset)
    learnEpochs(recovery, recoveryPoint)
    const firstUnflushed = segments.all.indexOf(segments.floor(recoveryPoint))
    repairIndexes(recovery, segments.all.slice(0, firstUnflushed), files)
    recoveredTo = recoverFrom(recovery, recoveryPoint, options.isRecoveryPointLost === true)
  }
  return finish(recovery, options, recoveredTo)
}

/**
 * Where a checkpoint says that the log starts, but behind all that the other checkpoints and the files know of it is damaged:
 * believed, it would have all records removed.
 */
function credibleStart(context: LogContext, options: LoadOptions, segments: Segments): number {
  const { logStartOffset, highWatermark, recoveryPoint, path } = options
  if (logStartOffset <= Math.max(highWatermark, recoveryPoint)) return logStartOffset
  const endOffset = segments.active.nextOffsetSync()
  if (endOffset === null || endOffset >= logStartOffset || segments.sizeBytes === 0)
    return logStartOffset
  const fields = { path, logStartOffset, highWatermark, recoveryPoint, endOffset }
  const message = `${path}: the checkpoint of log starts says ${logStartOffset}, behind the log's end at ${endOffset}, and is not believed. The log starts with its first record`
  context.host.log.error(fields, message)
  return 0
}

function listFiles(context: LogContext, options: LoadOptions): Files {
  const { disk } = context.host
  let names = disk.list(options.path)
  if (names.some((name) => /\.(deleted|cleaned|swap)$/.test(name))) {
    completeSwaps(context, options.path, names)
    names = disk.list(options.path)
  }
  const logs: number[] = []
  const snapshots: number[] = []
  for (const name of names) {
    const file = parseSegmentFileName(name)
    if (file?.suffix === 'log') logs.push(file.offset)
    else if (file?.suffix === 'snapshot') snapshots.push(file.offset)
  }
  logs.sort((one, other) => one - other)
  const known = new Set(logs)
  for (const name of names) {
    const file = parseSegmentFileName(name)
    const isOrphan =
      file !== null && /^(index|timeindex|txnindex)$/.test(file.suffix) && !known.has(file.offset)
    if (isOrphan) disk.remove(`${options.path}/${name}`)
  }
  return { names: new Set(names), logs, snapshots }
}

function openSegments(context: LogContext, options: LoadOptions, files: Files): Segments {
  const { config, path } = options
  if (files.logs.length === 0) {
    return new Segments([newSegment(context, path, options.logStartOffset, config)])
  }
  const createdMs = context.host.clock.now()
  const { indexIntervalBytes } = config
  const segments = files.logs.map((baseOffset) => {
    const name = String(baseOffset).padStart(20, '0')
    const sizeBytes = context.host.disk.stat(`${path}/${name}.log`).size
    const hasTransactionIndex = files.names.has(`${name}.txnindex`)
    return new Segment({
      files: context.files,
      path,
      baseOffset,
      sizeBytes,
      hasTransactionIndex,
      indexIntervalBytes,
      createdMs,
      crc32c: context.codecs.crc32c,
      log: context.host.log,
    })
  })
  return new Segments(segments)
}

function loadEpochs(context: LogContext, options: LoadOptions, files: Files): EpochCache {
  if (!files.names.has(LEADER_EPOCH_CHECKPOINT)) return new EpochCache()
  const path = `${options.path}/${LEADER_EPOCH_CHECKPOINT}`
  const entries = parseEpochCheckpoint(context.host.disk.readFile(path).toString())
  if (entries === null)
    context.host.log.warn({ path }, 'The leader epochs are damaged and are built anew')
  return new EpochCache(entries ?? [])
}

/** Where the checkpoint of leader epochs is lost: what the batches below an offset say of them. */
function learnEpochs({ segments, epochs }: Recovery, upTo: number): void {
  if (epochs.latestEpoch >= 0) return
  for (const segment of segments.all) {
    if (segment.baseOffset >= upTo) return
    if (segment.sizeBytes === 0) continue
    segment.scanAroundSync(0, 'headers', SCAN_READ_BYTES, (buffer, at) => {
      const offset = batchBaseOffset(buffer, at)
      const epoch = batchLeaderEpoch(buffer, at)
      if (offset < upTo && epoch > epochs.latestEpoch) epochs.assign(epoch, offset)
      return offset < upTo
    })
  }
}

/**
 * Checks everything from the recovery point on.
 * @param isPointLost nobody knows it any more: all is checked then, and nothing cut but the end of the last segment
 * @returns where the log ends
 */
function recoverFrom(recovery: Recovery, recoveryPoint: number, isPointLost: boolean): number {
  const { segments, snapshots, context } = recovery
  const unflushed = segments.from(recoveryPoint)
  let endOffset = recoveryPoint
  snapshots.removeWhere((offset) => offset > recoveryPoint)
  if (isPointLost) replaySync(recovery, unflushed[0]!.baseOffset)
  for (const [index, segment] of unflushed.entries()) {
    const next = unflushed[index + 1]
    const { cutBytes, nextOffset } = isPointLost
      ? recoverWithoutPoint(recovery, segment, next?.baseOffset ?? null)
      : index === 0
        ? recoverFromPoint(recovery, segment, recoveryPoint)
        : recoverSegment(recovery, segment)
    endOffset = nextOffset
    if (next !== undefined) snapshots.take(recovery.producers, nextOffset)
    const isBroken = cutBytes > 0 || (next !== undefined && next.baseOffset < nextOffset)
    if (cutBytes > 0) {
      const fields = { path: segment.handle.path, position: segment.sizeBytes, cutBytes }
      context.host.log.warn(fields, 'The log was cut at the first bad batch')
    }
    if (!isBroken || next === undefined) continue
    for (const dropped of segments.removeFrom(next.baseOffset)) {
      dropped.handle.close()
      dropped.markDeleted()
      dropped.removeFiles()
      context.host.log.warn(
        { path: dropped.handle.path },
        'A segment behind a bad batch was removed',
      )
    }
    snapshots.removeWhere((offset) => offset > nextOffset)
    break
  }
  return endOffset
}

/** Of segments that aren't checked: only what is plainly missing or damaged. */
function repairIndexes(recovery: Recovery, segments: readonly Segment[], files: Files): void {
  for (const segment of segments) {
    if (segment.sizeBytes === 0) continue
    const name = String(segment.baseOffset).padStart(20, '0')
    const isComplete = files.names.has(`${name}.index`) && files.names.has(`${name}.timeindex`)
    if (isComplete && segment.hasSoundAborted()) continue
    recovery.context.host.log.warn(
      { path: segment.handle.path },
      'Indexes are missing or damaged and are built anew',
    )
    rebuildIndexes(recovery, segment)
  }
}

/**
 * Where a log ends that was closed. Where its last segment isn't a row of whole batches up to the recovery point, all of it was
 * durable nevertheless, so nothing is cut: it ends behind the last batch that can be read; or, where there are bytes behind
 * that, where the checkpoint says.
 */
function endOfClosed({ segments, context }: Recovery, { recoveryPoint }: LoadOptions): number {
  const { active } = segments
  const nextOffset = active.nextOffsetSync()
  if (nextOffset !== null && (recoveryPoint === 0 || nextOffset === recoveryPoint))
    return nextOffset
  let isLastSound = true
  const visit: BatchVisitor = (buffer, at) => {
    const end = at + batchSizeBytes(buffer, at)
    isLastSound = checkBatch(buffer, at, end, context.codecs.crc32c) === null
    return true
  }
  const all = active.scanAroundSync(0, 'whole', SCAN_READ_BYTES, visit, {
    rejects: reachesOver(recoveryPoint, context),
  })
  const isEndDamaged = !isLastSound || endsInDamage(all.damages)
  return endOf(active, all.nextOffset, isEndDamaged, recoveryPoint)
}

function finish(recovery: Recovery, options: LoadOptions, recoveredTo: number | null): LoadedLog {
  const { context, segments, snapshots, producers, epochs } = recovery
  let { logStartOffset } = recovery
  let logEndOffset = recoveredTo ?? endOfClosed(recovery, options)
  if (logEndOffset < logStartOffset) {
    // What was left of the log is all below where it should begin: as Kafka does, it begins anew there.
    for (const segment of segments.all) {
      segment.handle.close()
      segment.markDeleted()
      segment.removeFiles()
    }
    segments.replaceAll(newSegment(context, options.path, logStartOffset, options.config))
    logEndOffset = logStartOffset
    producers.clear()
    snapshots.removeWhere(() => true)
  }
  logStartOffset = Math.max(logStartOffset, segments.first.baseOffset)
  epochs.truncateFromEnd(logEndOffset)
  epochs.truncateFromStart(logStartOffset)
  snapshots.removeWhere((offset) => offset > logEndOffset || offset < logStartOffset)
  snapshots.removeStray(segments.baseOffsets())
  segments.active.loadAborted()
  if (options.wasClean) replaySync({ ...recovery, logStartOffset }, logEndOffset)
  const { topic, partition, path, config, topicId } = options
  const recoveryPoint = options.wasClean
    ? logEndOffset
    : Math.max(logStartOffset, Math.min(options.recoveryPoint, logEndOffset))
  return {
    topic,
    partition,
    topicId,
    path,
    config,
    segments,
    logStartOffset,
    logEndOffset,
    recoveryPoint,
    hasUnsyncedNames: !options.wasClean || logEndOffset === 0,
    highWatermark: options.highWatermark,
    epochs,
    producers,
    snapshots,
  }
}

/** The id of the topic that a partition's directory belongs to; null where it doesn't say, or not legibly. */
export function readTopicId(context: LogContext, path: string): string | null {
  const content = readIfThere(context.host.disk, `${path}/${PARTITION_METADATA}`)
  return content === null ? null : parsePartitionMetadata(content.toString())
}
