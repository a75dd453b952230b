import type { Log } from '../log/log.ts'
import {
  batchAttributes,
  batchNextOffset,
  isControl,
  readBatches,
} from '../../protocol/records/batch.ts'
import type { Codecs } from '../../protocol/records/codecs.ts'
import type { QuorumFacts } from './control.ts'
import { readControlRecords, withControlRecords } from './control.ts'
import type { LogPosition, LogView } from './types.ts'

const READ_BYTES = 1 << 20

/** The node's own metadata log failed. */
export class QuorumLogError extends Error {
  override readonly name = 'QuorumLogError'
  readonly code = 'ERR_QUORUM_LOG'
}

/** What the core sees of a `Log` and the snapshots beside it. */
export function logView(log: Log, latestSnapshot: () => LogPosition | null): LogView {
  const epochBefore = (): number => latestSnapshot()?.epoch ?? 0
  return {
    get startOffset() {
      return log.logStartOffset
    },
    get end() {
      const { latestEpoch } = log
      return { offset: log.logEndOffset, epoch: latestEpoch < 0 ? epochBefore() : latestEpoch }
    },
    get latestSnapshot() {
      return latestSnapshot()
    },
    endOfEpoch(epoch) {
      const { latestEpoch, logEndOffset } = log
      if (latestEpoch >= 0 && epoch >= latestEpoch) {
        return { offset: logEndOffset, epoch: latestEpoch }
      }
      const { leaderEpoch, endOffset } = log.endOffsetForEpoch(epoch)
      if (leaderEpoch < 0) return { offset: log.logStartOffset, epoch: epochBefore() }
      return { offset: endOffset, epoch: leaderEpoch }
    },
  }
}

/** Whole batches, the first of which has the offset asked for; null at the end of the log. */
export async function readFrom(log: Log, offset: number): Promise<Buffer | null> {
  const result = await log.read(offset, READ_BYTES, 'logEnd', true)
  if (result.errorCode !== 'NONE') {
    throw new QuorumLogError(`Reading the metadata log at ${offset} failed: ${result.errorCode}`)
  }
  // The bytes are kept (records are views of them), so they are copied once and given back.
  const bytes = result.sizeBytes === 0 ? null : Buffer.concat(result.chunks)
  result.release()
  return bytes
}

/** Finds who the voters are: the last records that say so hold, committed or not. */
export async function scanForControlRecords(
  log: Log,
  facts: QuorumFacts,
  codecs: Codecs,
): Promise<QuorumFacts> {
  let known = facts
  let offset = log.logStartOffset
  while (offset < log.logEndOffset) {
    const bytes = await readFrom(log, offset)
    if (bytes === null) break
    for (const batch of readBatches(bytes)) {
      if (isControl(batchAttributes(batch, 0))) {
        known = withControlRecords(known, readControlRecords(batch, codecs))
      }
      offset = batchNextOffset(batch, 0)
    }
  }
  return known
}
