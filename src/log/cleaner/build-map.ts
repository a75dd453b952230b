import {
  batchAttributes,
  batchBaseOffset,
  batchLastOffset,
  batchRecordCount,
  isControl,
  uncompressedRecords,
} from '../../../protocol/records/batch.ts'
import type { Codecs } from '../../../protocol/records/codecs.ts'
import type { WorkerParts } from '../../host/host.ts'
import { workerJob } from '../../host/job.ts'
import { segmentFileName, type SegmentFile } from '../base/paths.ts'
import type { AbortedTransactionEntry } from '../segment/transaction-index.ts'
import { groupSegments } from './grouping.ts'
import { attempt, type Effort, type Outcome } from './job.ts'
import { OffsetMap, type OffsetMapState } from './offset-map.ts'
import { RecordRun } from './record-run.ts'
import { readSource, type Source } from './source.ts'
import { CleanedTransactions, NO_TRANSACTIONS } from './transactions.ts'

export interface BuildMapTask {
  /** The partition's directory. */
  readonly path: string
  /** All that begin below `endOffset`, also the clean ones. */
  readonly segments: readonly { readonly baseOffset: number; readonly sizeBytes: number }[]
  /** Records before it were cleaned before. */
  readonly startOffset: number
  /** Where the batch with the first dirty offset begins in its segment. */
  readonly firstPosition: number
  /** Where what can be cleaned ends. */
  readonly endOffset: number
  /** The transactions aborted of which records are in these segments. */
  readonly aborted: readonly AbortedTransactionEntry[]
  readonly slots: number
  /** How many keys are taken in at most. */
  readonly maxKeys: number
  readonly secret: Uint8Array
  /** `segment.bytes` */
  readonly segmentBytes: number
  /** `segment.index.bytes` */
  readonly segmentIndexBytes: number
  readonly effort: Effort
}

export interface BuiltMap {
  readonly map: OffsetMapState
  /** The segments that become one each, by their base offsets: as far as the table goes. */
  readonly groups: readonly (readonly number[])[]
}

/** Reads the dirty part of a log, as far as its keys fit into the table, and says what to clean. */
export const BUILD_MAP = workerJob(import.meta.url, buildMap, 'long')

/** @job */
export function buildMap(task: BuildMapTask, parts: WorkerParts): Outcome<BuiltMap> {
  return attempt(parts, task.effort, (throttle) => {
    const map = OffsetMap.of(task.slots, task.secret)
    const transactions = new CleanedTransactions(NO_TRANSACTIONS, () => undefined)
    transactions.expect(task.aborted)
    for (const source of dirtySources(task)) {
      let isFull = false
      readSource(source, source.position, task.effort.bufferBytes, parts, throttle, (batch) => {
        const counts = !transactions.read(batch, 0) && !isControl(batchAttributes(batch, 0))
        isFull = counts && !takeKeys(map, batch, task, parts.codecs)
        if (isFull) return false
        const lastOffset = batchLastOffset(batch, 0)
        if (lastOffset >= task.startOffset) map.reach(lastOffset)
        return true
      })
      if (isFull) break
      // There may be no record at the last offsets.
      map.reach(source.endOffset - 1)
    }
    return { map: map.state, groups: groupsUpTo(map.latestOffset, task, parts) }
  })
}

interface DirtySource extends Source {
  readonly position: number
}

function dirtySources(task: BuildMapTask): DirtySource[] {
  const { segments, path } = task
  const sources: DirtySource[] = []
  for (const [index, { baseOffset, sizeBytes }] of segments.entries()) {
    const endOffset = segments[index + 1]?.baseOffset ?? task.endOffset
    if (endOffset <= task.startOffset) continue
    const position = sources.length === 0 ? task.firstPosition : 0
    const file = `${path}/${segmentFileName(baseOffset, 'log')}`
    sources.push({ path: file, baseOffset, sizeBytes, position, endOffset })
  }
  return sources
}

function groupsUpTo(latestOffset: number, task: BuildMapTask, { disk }: WorkerParts): number[][] {
  const bytesOf = (baseOffset: number, kind: SegmentFile): number => {
    const path = `${task.path}/${segmentFileName(baseOffset, kind)}`
    return disk.exists(path) ? disk.stat(path).size : 0
  }
  const sized = task.segments
    .filter(({ baseOffset }) => baseOffset <= latestOffset)
    .map(({ baseOffset, sizeBytes }) => ({
      baseOffset,
      sizeBytes,
      indexBytes: bytesOf(baseOffset, 'index'),
      timeIndexBytes: bytesOf(baseOffset, 'timeindex'),
    }))
  const groups = groupSegments(sized, task)
  return groups.map((group) => group.map(({ baseOffset }) => baseOffset))
}

/** @returns false where the table is full before all keys are in it */
function takeKeys(map: OffsetMap, batch: Buffer, task: BuildMapTask, codecs: Codecs): boolean {
  const count = batchRecordCount(batch, 0)
  if (count === 0) return true
  const baseOffset = batchBaseOffset(batch, 0)
  const run = new RecordRun(uncompressedRecords(batch, codecs), count)
  while (run.next()) {
    const offset = baseOffset + run.offsetDelta
    if (!run.hasKey || offset < task.startOffset) continue
    if (map.entries >= task.maxKeys) return false
    map.put(run.bytes, run.keyAt, run.keyEnd, offset)
  }
  return true
}
