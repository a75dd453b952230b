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
  /** When the answer is full, the targets behind needn't be looked at. */
  readonly mayLeaveOut: boolean
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

/** Who has asked for records: one of these is called, once. */
export interface Fetcher {
  fetched(data: FetchedData): void
  failed(error: unknown): void
}

/**
 * Reads what there is for a fetcher; where that is less than `minBytes`, waits up to `maxWaitMs` for more and reads
 * again. Errors of partitions are answered at once. What needs no file is read before this returns, and what others wait
 * for is read in the very task that brings it.
 */
export function fetchRecords(
  targets: readonly FetchTarget[],
  parameters: FetchParameters,
  find: FindPartition,
  clock: Clock,
  fetcher: Fetcher,
): void {
  const first = new Reading(targets, parameters, find)
  first.read(fetcher, () => {
    const missingBytes = parameters.minBytes - first.sizeBytes
    const mayWait = parameters.maxWaitMs > 0 && targets.length > 0 && !first.hasNews
    if (!mayWait || missingBytes <= 0) return fetcher.fetched(first)
    waitForBytes(targets, first, missingBytes, parameters, find, clock, (moved) => {
      if (!moved) return first.read(fetcher, () => fetcher.fetched(first))
      first.release()
      const second = new Reading(targets, parameters, find)
      second.read(fetcher, () => fetcher.fetched(second))
    })
  })
}

/** Waits until about `missingBytes` more can be read, or time is up; says whether anything has moved. */
function waitForBytes(
  targets: readonly FetchTarget[],
  seen: FetchedData,
  missingBytes: number,
  { upTo, maxWaitMs }: FetchParameters,
  find: FindPartition,
  clock: Clock,
  done: (moved: boolean) => void,
): void {
  const partitions: Partition[] = []
  let missing = missingBytes
  let moved = false
  let isOver = false
  const finish = (): void => {
    if (isOver) return
    isOver = true
    timer.cancel()
    for (const partition of partitions) partition.stopWaiting(waiter)
    // Whoever has moved a partition finishes first: other partitions may be about to move in the same task.
    clock.afterTask(() => done(moved))
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
class Reading implements FetchedData {
  readonly partitions: PartitionData[] = []
  /** Some partition has an error, or a diverging epoch: nobody should wait for that. */
  hasNews = false
  sizeBytes = 0
  readonly #targets: readonly FetchTarget[]
  readonly #parameters: FetchParameters
  readonly #find: FindPartition
  readonly #results: ReadResult[] = []
  #isFull = false

  constructor(targets: readonly FetchTarget[], parameters: FetchParameters, find: FindPartition) {
    this.#targets = targets
    this.#parameters = parameters
    this.#find = find
  }

  /** Calls `done` when all is read: before it returns, where no file is needed. What throws in it is the fetcher's failure. */
  read(fetcher: Fetcher, done: () => void): void {
    const fail = (error: unknown): void => {
      this.release()
      fetcher.failed(error)
    }
    const goOn = (): void => {
      try {
        const pending = this.#readOn()
        if (pending === null) done()
        else pending.then(goOn, fail)
      } catch (error) {
        fail(error)
      }
    }
    goOn()
  }

  /** @returns null when all is read, else when to go on */
  #readOn(): Promise<void> | null {
    const { upTo, minBytes, maxBytes, memory, mayLeaveOut } = this.#parameters
    while (this.partitions.length < this.#targets.length) {
      if (mayLeaveOut && this.#isFull && this.sizeBytes >= minBytes) return null
      const target = this.#targets[this.partitions.length]!
      const partition = this.#find(target)
      if (typeof partition === 'string') {
        this.#tell(failed(target, partition))
        continue
      }
      const left = this.#isFull
        ? 0
        : Math.max(Math.min(maxBytes - this.sizeBytes, memory.leftBytes), 0)
      const limit = Math.min(target.maxBytes, left)
      const read = readOne(partition, target, upTo, limit, this.sizeBytes === 0)
      if (read instanceof Promise) return read.then((result) => this.#take(target, result, left))
      if ('target' in read) this.#tell(read)
      else this.#take(target, read, left)
    }
    return null
  }

  #tell(data: PartitionData): void {
    this.partitions.push(data)
    this.hasNews ||= data.errorCode !== 'NONE' || data.divergingEpoch !== null
  }

  #take(target: FetchTarget, result: ReadResult, left: number): void {
    const { memory, upTo } = this.#parameters
    this.#results.push(result)
    this.sizeBytes += result.sizeBytes
    memory.take(result.sizeBytes)
    this.#tell(dataOf(target, result))
    // What is left didn't hold one batch: looking for a smaller one in each partition behind costs more than it gives.
    this.#isFull ||=
      result.sizeBytes === 0 && left < target.maxBytes && hasMore(target, result, upTo)
  }

  release(): void {
    this.#parameters.memory.give(this.sizeBytes)
    for (const result of this.#results.splice(0)) result.release()
    this.sizeBytes = 0
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
