import { batchBaseOffset } from '../../protocol/records/batch.ts'
import type { AppendResult } from './base/results.ts'
import type { Log } from './log.ts'

/** What keeps a copy from going on: the reason that the log, or its copy, gave. */
class CopyError extends Error {
  override readonly name = 'CopyError'
  readonly code: AppendResult['errorCode']

  constructor(code: AppendResult['errorCode'], message: string) {
    super(message)
    this.code = code
  }
}

/**
 * Cuts a copy back to what it has in common with its log, whose leader epochs may have gone another way since.
 * Nothing may be appended to the copy until it resolves.
 */
export async function alignCopy(source: Log, copy: Log): Promise<void> {
  let epoch = Math.min(source.latestEpoch, copy.latestEpoch)
  while (epoch >= 0) {
    const here = source.endOffsetForEpoch(epoch)
    const there = copy.endOffsetForEpoch(here.leaderEpoch)
    if (here.leaderEpoch >= 0 && there.leaderEpoch === here.leaderEpoch) {
      return copy.truncateTo(Math.min(here.endOffset, there.endOffset))
    }
    epoch = Math.min(here.leaderEpoch, there.leaderEpoch)
  }
  if (copy.logEndOffset > copy.logStartOffset) {
    await copy.truncateFullyAndStartAt(source.logStartOffset)
  }
}

/**
 * Takes the next part of a log over into its copy, with its log start and high watermark.
 * @returns how many bytes; 0 when the copy has all that the log had at that moment
 * @throws CopyError, StorageError
 */
export async function copyNext(source: Log, copy: Log, maxBytes: number): Promise<number> {
  if (copy.logEndOffset > source.logEndOffset) await copy.truncateTo(source.logEndOffset)
  if (copy.logEndOffset < source.logStartOffset) {
    // What is below is wanted no more.
    await copy.truncateFullyAndStartAt(source.logStartOffset)
  }
  const read = await source.read(copy.logEndOffset, maxBytes, 'logEnd', true)
  try {
    // Records were deleted meanwhile, or cut off: the next call finds out.
    if (read.errorCode === 'OFFSET_OUT_OF_RANGE') return 1
    if (read.errorCode !== 'NONE') {
      throw new CopyError(read.errorCode, `${source.path} can't be read`)
    }
    for (const chunk of read.chunks) await takeOver(chunk, source, copy)
  } finally {
    read.release()
  }
  copy.advanceLogStart(source.logStartOffset)
  copy.setHighWatermark(source.highWatermark)
  return read.sizeBytes
}

async function takeOver(chunk: Buffer, source: Log, copy: Log): Promise<void> {
  const first = batchBaseOffset(chunk, 0)
  // DeleteRecords may leave a log start within a batch.
  const beginsBefore = first < copy.logEndOffset && copy.logEndOffset === copy.logStartOffset
  if (beginsBefore) await copy.truncateFullyAndStartAt(first)
  const { errorCode, errorMessage } = await new Promise<AppendResult>((resolve) =>
    copy.appendAsFollower(chunk, resolve),
  )
  if (errorCode === 'NONE') return
  throw new CopyError(errorCode, `${source.path} can't be copied: ${errorMessage}`)
}
