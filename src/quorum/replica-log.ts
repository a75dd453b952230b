import type { Log } from '../log/log.ts'
import { batchBaseOffset, batchNextOffset, readBatches } from '../../protocol/records/batch.ts'
import type { Codecs } from '../../protocol/records/codecs.ts'
import type { QuorumHistory } from './history.ts'
import type { Snapshots } from './retention.ts'
import type { LogView } from './types.ts'

const READ_BYTES = 1 << 20

/** The node's own metadata log failed. */
export class QuorumLogError extends Error {
  override readonly name = 'QuorumLogError'
  readonly code = 'ERR_QUORUM_LOG'
}

/** This node doesn't lead the quorum, or no longer: whether what it wanted appended is committed is for others to say. */
export class NotLeaderError extends Error {
  override readonly name = 'NotLeaderError'
  readonly code = 'ERR_NOT_LEADER'
}

/** What the core sees of a `Log` and the snapshots beside it. */
export function logView(log: Log, snapshots: Snapshots): LogView {
  const epochBefore = (): number => snapshots.latest?.epoch ?? 0
  return {
    get startOffset() {
      return log.logStartOffset
    },
    get end() {
      const { latestEpoch } = log
      return { offset: log.logEndOffset, epoch: latestEpoch < 0 ? epochBefore() : latestEpoch }
    },
    get latestSnapshot() {
      return snapshots.latest
    },
    get earliestSnapshot() {
      return snapshots.earliest
    },
    endOfEpoch(epoch) {
      const { latestEpoch, logEndOffset } = log
      if (latestEpoch >= 0 && epoch >= latestEpoch) {
        return { offset: logEndOffset, epoch: latestEpoch }
      }
      const { leaderEpoch, endOffset } = log.endOffsetForEpoch(epoch)
      if (leaderEpoch < 0) return { offset: log.logStartOffset, epoch: epochBefore() }
      const { earliest } = snapshots
      // It is older than what the log knows of: what it ends with here is what the snapshot ends with.
      if (leaderEpoch === epoch && endOffset === earliest?.offset) return earliest
      return { offset: endOffset, epoch: leaderEpoch }
    },
  }
}

/** Whole batches, the first of which has the offset asked for; null at the end of the log. */
export async function readFrom(log: Log, offset: number): Promise<Buffer | null> {
  const bytes = await readAfter(log, offset)
  if (bytes === null || batchBaseOffset(bytes, 0) <= offset) return bytes
  const next = batchBaseOffset(bytes, 0)
  throw new QuorumLogError(`The metadata log lacks the records from ${offset} to ${next - 1}`)
}

/**
 * The same for a follower that has asked. What was cut off or removed while it was read is nothing: the follower asks again,
 * and is told then where it is.
 */
export async function readForFollower(log: Log, offset: number): Promise<Buffer | null> {
  try {
    return await readFrom(log, offset)
  } catch (error) {
    if (offset >= log.logStartOffset && offset <= log.logEndOffset) throw error
    return null
  }
}

async function readAfter(log: Log, offset: number): Promise<Buffer | null> {
  const result = await log.read(offset, READ_BYTES, 'logEnd', true)
  if (result.errorCode !== 'NONE') {
    throw new QuorumLogError(`Reading the metadata log at ${offset} failed: ${result.errorCode}`)
  }
  // The bytes are kept (records are views of them), so they are copied once and given back.
  const bytes = result.sizeBytes === 0 ? null : Buffer.concat(result.chunks)
  result.release()
  return bytes
}

/** Reads what the log says of its quorum, committed or not: all that is behind the snapshot which the history begins with. */
export async function readHistory(
  log: Log,
  history: QuorumHistory,
  snapshotOffset: number,
  codecs: Codecs,
): Promise<void> {
  let offset = Math.max(log.logStartOffset, snapshotOffset)
  while (offset < log.logEndOffset) {
    const bytes = await readFrom(log, offset)
    if (bytes === null) break
    history.add(history.read(bytes, codecs))
    for (const batch of readBatches(bytes)) offset = batchNextOffset(batch, 0)
  }
}

/**
 * Has a log that was just opened begin after its holes, and end before its last one where nothing follows. There is one where old
 * segments were being deleted and the power went out: any of them may be left. All before the last hole was to be deleted, since
 * a snapshot has it. And there is one at the end where a segment was begun, and what belongs before it was not durable yet.
 * @param ends where snapshots end, in order
 * @throws QuorumLogError when none has what is missing in between
 */
export async function mendHoles(log: Log, ends: readonly number[]): Promise<void> {
  const covered = ends.at(-1) ?? 0
  let start = log.logStartOffset
  let offset = start
  while (offset < log.logEndOffset) {
    const bytes = await readAfter(log, offset)
    if (bytes === null) {
      // What a snapshot has beyond that need not be in the log.
      if (offset < covered) return log.truncateFullyAndStartAt(covered)
      await log.truncateTo(offset)
      break
    }
    for (const batch of readBatches(bytes)) {
      const base = batchBaseOffset(batch, 0)
      if (base > offset) start = base
      offset = batchNextOffset(batch, 0)
    }
  }
  if (start === log.logStartOffset) return
  const end = ends.find((each) => each >= start)
  if (end === undefined) {
    throw new QuorumLogError(
      `The metadata log lacks records before ${start}, and the latest snapshot ends at ${covered}`,
    )
  }
  log.advanceLogStart(end)
}

/**
 * Whether batches that were fetched follow a log's end and each other.
 * @returns what is wrong; null where nothing is
 */
export function gapIn(batches: Buffer, endOffset: number): string | null {
  let expected = endOffset
  for (const batch of readBatches(batches)) {
    const base = batchBaseOffset(batch, 0)
    if (base !== expected) return `a batch begins at ${base}, and the log ends at ${expected}`
    expected = batchNextOffset(batch, 0)
  }
  return expected === endOffset ? 'there is no whole batch' : null
}
