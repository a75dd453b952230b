import type { ErrorName } from '../../protocol/errors.ts'
import type { Clock } from '../host/host.ts'
import type { AbortedTransaction, EpochEndOffset, ReadResult, ReadUpTo } from '../log/results.ts'
import type { FetchMemory } from './fetch-memory.ts'
import type { FetchTarget } from './fetch-session.ts'
import type { FetchWaiter, Partition } from './partition.ts'

export interface FetchParameters {
  readonly upTo: ReadUpTo
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly memory: FetchMemory
}

/** The answer for one partition; the fields are those of Fetch's response. */
export interface PartitionData {
  readonly target: FetchTarget
  readonly errorCode: ErrorName
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly abortedTransactions: readonly AbortedTransaction[] | null
  readonly divergingEpoch: EpochEndOffset | null
  /** Whether a session has to tell of it though nothing has changed. */
  readonly mustTell: boolean
  readonly chunks: readonly Buffer[]
  readonly sizeBytes: number
}

/** All that one Fetch has read; `release` when it was sent. */
export interface FetchedData {
  readonly partitions: readonly PartitionData[]
  readonly sizeBytes: number
  release(): void
}

/** Finds the partition of a target, or says why there is none. */
export type FindPartition = (target: FetchTarget) => Partition | ErrorName

/**
 * Reads what there is for a fetcher; where that is less than `minBytes`, waits up to `maxWaitMs` for more and reads
 * again. Errors are answered at once.
 */
export async function fetchRecords(
  targets: readonly FetchTarget[],
  parameters: FetchParameters,
  find: FindPartition,
  clock: Clock,
): Promise<FetchedData> {
  const first = await readAll(targets, parameters, find)
  const missingBytes = parameters.minBytes - first.sizeBytes
  const atOnce = parameters.maxWaitMs <= 0 || missingBytes <= 0 || targets.length === 0
  if (
    atOnce ||
    first.partitions.some(
      ({ errorCode, divergingEpoch }) => errorCode !== 'NONE' || divergingEpoch !== null,
    )
  ) {
    return first
  }
  const moved = await waitForBytes(targets, first, missingBytes, parameters, find, clock)
  if (!moved) return first
  first.release()
  return readAll(targets, parameters, find)
}

/** Waits until about `missingBytes` more can be read, or time is up; says whether anything has moved. */
function waitForBytes(
  targets: readonly FetchTarget[],
  seen: FetchedData,
  missingBytes: number,
  { upTo, maxWaitMs }: FetchParameters,
  find: FindPartition,
  clock: Clock,
): Promise<boolean> {
  return new Promise((resolve) => {
    const partitions: Partition[] = []
    let missing = missingBytes
    let moved = false
    const finish = (): void => {
      timer.cancel()
      for (const partition of partitions) partition.stopWaiting(waiter)
      resolve(moved)
    }
    const waiter: FetchWaiter = {
      advanced: (sizeBytes) => {
        moved = true
        missing -= sizeBytes
        if (missing <= 0) finish()
      },
    }
    const timer = clock.after(maxWaitMs, finish)
    targets.forEach((target, i) => {
      const partition = find(target)
      if (typeof partition === 'string') return
      partitions.push(partition)
      partition.wait(waiter)
      if (readableEnd(partition, upTo) > seenEnd(seen.partitions[i]!, upTo)) moved = true
    })
    // Something came in while the first read was under way: its size isn't known, so look at once.
    if (moved) finish()
  })
}

function readableEnd(partition: Partition, upTo: ReadUpTo): number {
  const { log } = partition
  if (log === null) return Infinity
  if (upTo === 'logEnd') return log.logEndOffset
  return upTo === 'lastStable' ? log.lastStableOffset : log.highWatermark
}

function seenEnd(data: PartitionData, upTo: ReadUpTo): number {
  return upTo === 'lastStable' ? data.lastStableOffset : data.highWatermark
}

/** [KIP-74] In the order of the request; the first partition that has records gives at least one batch. */
async function readAll(
  targets: readonly FetchTarget[],
  { upTo, maxBytes, memory }: FetchParameters,
  find: FindPartition,
): Promise<FetchedData> {
  const partitions: PartitionData[] = []
  const results: ReadResult[] = []
  let sizeBytes = 0
  let isFull = false
  for (const target of targets) {
    const partition = find(target)
    if (typeof partition === 'string') {
      partitions.push(failed(target, partition))
      continue
    }
    const left: number = isFull ? 0 : Math.max(Math.min(maxBytes - sizeBytes, memory.leftBytes), 0)
    const read = readOne(partition, target, upTo, Math.min(target.maxBytes, left), sizeBytes === 0)
    if ('errorCode' in read && 'target' in read) {
      partitions.push(read)
      continue
    }
    const result = read instanceof Promise ? await read : read
    results.push(result)
    sizeBytes += result.sizeBytes
    memory.take(result.sizeBytes)
    partitions.push(dataOf(target, result))
    // What is left didn't hold one batch: looking for a smaller one in each partition behind costs more than it gives.
    isFull ||= result.sizeBytes === 0 && left < target.maxBytes && hasMore(target, result, upTo)
  }
  return {
    partitions,
    sizeBytes,
    release: () => {
      memory.give(sizeBytes)
      for (const result of results.splice(0)) result.release()
      sizeBytes = 0
    },
  }
}

function hasMore({ fetchOffset }: FetchTarget, result: ReadResult, upTo: ReadUpTo): boolean {
  if (upTo === 'logEnd') return fetchOffset < result.logEndOffset
  return fetchOffset < (upTo === 'lastStable' ? result.lastStableOffset : result.highWatermark)
}

function readOne(
  partition: Partition,
  target: FetchTarget,
  upTo: ReadUpTo,
  maxBytes: number,
  minOneBatch: boolean,
): ReadResult | Promise<ReadResult> | PartitionData {
  const error = partition.checkLeader(target.currentLeaderEpoch)
  if (error !== 'NONE') return failed(target, error)
  const { log } = partition
  if (log === null) return failed(target, 'KAFKA_STORAGE_ERROR')
  const diverging = partition.divergence(target.fetchOffset, target.lastFetchedEpoch)
  if (diverging === 'unknown') return failed(target, 'OFFSET_OUT_OF_RANGE')
  if (diverging !== null) {
    return {
      ...failed(target, 'NONE'),
      highWatermark: log.highWatermark,
      lastStableOffset: log.lastStableOffset,
      logStartOffset: log.logStartOffset,
      divergingEpoch: diverging,
      mustTell: true,
    }
  }
  return log.read(target.fetchOffset, maxBytes, upTo, minOneBatch)
}

function dataOf(target: FetchTarget, result: ReadResult): PartitionData {
  if (result.errorCode !== 'NONE') return failed(target, result.errorCode, result)
  return {
    target,
    errorCode: 'NONE',
    highWatermark: result.highWatermark,
    lastStableOffset: result.lastStableOffset,
    logStartOffset: result.logStartOffset,
    abortedTransactions: result.abortedTransactions,
    divergingEpoch: null,
    mustTell: false,
    chunks: result.chunks,
    sizeBytes: result.sizeBytes,
  }
}

const UNKNOWN_OFFSETS = { highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 }

function failed(
  target: FetchTarget,
  errorCode: ErrorName,
  offsets: {
    highWatermark: number
    lastStableOffset: number
    logStartOffset: number
  } = UNKNOWN_OFFSETS,
): PartitionData {
  return {
    target,
    errorCode,
    highWatermark: offsets.highWatermark,
    lastStableOffset: offsets.lastStableOffset,
    logStartOffset: offsets.logStartOffset,
    abortedTransactions: null,
    divergingEpoch: null,
    mustTell: false,
    chunks: [],
    sizeBytes: 0,
  }
}
