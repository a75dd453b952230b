import type { ErrorName } from '../../../protocol/errors.ts'
import type { AbortedTransaction, EpochEndOffset, ReadResult } from '../../log/base/results.ts'
import type { FetchTarget } from './session.ts'

/** The answer for one partition; the fields are those of Fetch's response. */
export interface PartitionData {
  readonly target: FetchTarget
  readonly errorCode: ErrorName
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  /** Not told: up to where there was something to read for a follower. */
  readonly logEndOffset: number
  readonly abortedTransactions: readonly AbortedTransaction[] | null
  readonly divergingEpoch: EpochEndOffset | null
  /** The broker that the client should read from instead; -1 where there is no better one. */
  readonly preferredReadReplica: number
  /** Whether a session has to tell of it though nothing has changed. */
  readonly mustTell: boolean
  /** Not told: there is something to read, and a quota that is exceeded. */
  readonly isHeldBack: boolean
  readonly chunks: readonly Buffer[]
  readonly sizeBytes: number
}

/** What was read, or why nothing was. */
export function dataOf(target: FetchTarget, result: ReadResult): PartitionData {
  if (result.errorCode !== 'NONE') return failed(target, result.errorCode, result)
  return {
    target,
    errorCode: 'NONE',
    highWatermark: result.highWatermark,
    lastStableOffset: result.lastStableOffset,
    logStartOffset: result.logStartOffset,
    logEndOffset: result.logEndOffset,
    abortedTransactions: result.abortedTransactions,
    divergingEpoch: null,
    preferredReadReplica: -1,
    mustTell: false,
    isHeldBack: false,
    chunks: result.chunks,
    sizeBytes: result.sizeBytes,
  }
}

interface LogOffsets {
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly logEndOffset: number
}

export function offsetsOf({
  highWatermark,
  lastStableOffset,
  logStartOffset,
  logEndOffset,
}: LogOffsets): LogOffsets {
  return { highWatermark, lastStableOffset, logStartOffset, logEndOffset }
}

const UNKNOWN_OFFSETS: LogOffsets = {
  highWatermark: -1,
  lastStableOffset: -1,
  logStartOffset: -1,
  logEndOffset: -1,
}

/** An answer without records. */
export function failed(
  target: FetchTarget,
  errorCode: ErrorName,
  offsets: LogOffsets = UNKNOWN_OFFSETS,
): PartitionData {
  return {
    target,
    errorCode,
    highWatermark: offsets.highWatermark,
    lastStableOffset: offsets.lastStableOffset,
    logStartOffset: offsets.logStartOffset,
    logEndOffset: offsets.logEndOffset,
    abortedTransactions: null,
    divergingEpoch: null,
    preferredReadReplica: -1,
    mustTell: false,
    isHeldBack: false,
    chunks: [],
    sizeBytes: 0,
  }
}
