import type { WorkerParts } from '../../host/host.ts'
import { workerJob } from '../../host/job.ts'
import type { AbortedTransactionEntry } from '../segment/transaction-index.ts'
import { CleanedSegment } from './cleaned-segment.ts'
import { BatchFilter, type FilterCounts, type LastRecord } from './filter.ts'
import { attempt, type Effort, type Outcome } from './job.ts'
import { OffsetMap, type OffsetMapState } from './offset-map.ts'
import { readSource, type Source } from './source.ts'
import type { Throttle } from './throttle.ts'
import { CleanedTransactions, type CleanedTransactionsState } from './transactions.ts'

export interface GroupSource extends Source {
  /** The transactions aborted of which records may be in this segment. */
  readonly aborted: readonly AbortedTransactionEntry[]
}

export interface CleanGroupTask {
  /** The partition's directory. */
  readonly path: string
  /** Neighbours that become one segment, which has the base offset of the first one. */
  readonly sources: readonly GroupSource[]
  readonly map: OffsetMapState
  readonly transactions: CleanedTransactionsState
  readonly lastRecords: readonly LastRecord[]
  readonly highWatermark: number
  readonly nowMs: number
  /** `delete.retention.ms`; Infinity: tombstones stay. */
  readonly deleteRetentionMs: number
  readonly indexIntervalBytes: number
  readonly effort: Effort
}

export interface CleanedGroup {
  readonly sizeBytes: number
  readonly hasTransactionIndex: boolean
  /** For the next group. */
  readonly transactions: CleanedTransactionsState
  readonly counts: FilterCounts
}

/** Writes what stays of some segments into `.cleaned` files beside them, and makes these durable. */
export const CLEAN_GROUP = workerJob(import.meta.url, cleanGroup, 'long')

/** @job */
export function cleanGroup(task: CleanGroupTask, parts: WorkerParts): Outcome<CleanedGroup> {
  return attempt(parts, task.effort, (throttle) => {
    removeCleaned(task.path, parts)
    const cleaned = new CleanedSegment(
      {
        path: task.path,
        baseOffset: task.sources[0]!.baseOffset,
        indexIntervalBytes: task.indexIntervalBytes,
        writeBytes: task.effort.bufferBytes,
      },
      parts,
      throttle,
    )
    try {
      return cleanInto(cleaned, task, parts, throttle)
    } catch (error) {
      cleaned.discard()
      throw error
    }
  })
}

/** What an earlier clean left behind would, after a crash, speak against a swap that is complete. */
function removeCleaned(path: string, { disk }: WorkerParts): void {
  for (const name of disk.list(path)) {
    if (name.endsWith('.cleaned')) disk.remove(`${path}/${name}`)
  }
}

function cleanInto(
  cleaned: CleanedSegment,
  task: CleanGroupTask,
  parts: WorkerParts,
  throttle: Throttle,
): CleanedGroup {
  const transactions = new CleanedTransactions(task.transactions, (transaction) =>
    cleaned.addAborted(transaction),
  )
  const filter = new BatchFilter(
    {
      map: new OffsetMap(task.map),
      transactions,
      lastRecords: new Map(task.lastRecords.map((last) => [last.producerId, last])),
      highWatermark: task.highWatermark,
      nowMs: task.nowMs,
      deleteRetentionMs: task.deleteRetentionMs,
    },
    parts.codecs,
  )
  for (const source of task.sources) {
    transactions.expect(source.aborted)
    readSource(source, 0, task.effort.bufferBytes, parts, throttle, (batch) => {
      const kept = filter.filter(batch)
      if (kept !== null) cleaned.append(kept)
      return true
    })
  }
  cleaned.finish(parts.disk.stat(task.sources.at(-1)!.path).modifiedMs)
  return {
    sizeBytes: cleaned.sizeBytes,
    hasTransactionIndex: cleaned.hasAborted,
    transactions: transactions.state,
    counts: filter.counts,
  }
}
