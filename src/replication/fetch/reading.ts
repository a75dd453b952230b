import type { ErrorName } from '../../../protocol/errors.ts'
import type { ReadResult, ReadUpTo } from '../../log/base/results.ts'
import type { Place } from '../../log/base/row.ts'
import type { Log } from '../../log/log.ts'
import { GRANT_BYTES, type MemoryHolder } from '../../log/read/memory.ts'
import type { Partition } from '../partition/partition.ts'
import type { FetchParameters } from './parameters.ts'
import { dataOf, failed, offsetsOf, type PartitionData } from './partition-data.ts'
import type { FetchTarget } from './session.ts'

/** All that one Fetch has read; `release` when it was sent. */
export interface FetchedData {
  readonly partitions: readonly PartitionData[]
  readonly sizeBytes: number
  release(): void
}

/** The partition of a target, or why there is none. */
export type Found = Partition | ErrorName

export type FindPartition = (target: FetchTarget) => Found

/** Is told how a reading ended. */
interface ReadingObserver {
  readingDone(reading: Reading): void
  readingFailed(error: unknown): void
}

/** What a reading may take of the memory for what was read: a first batch of any size; what is granted; nothing. */
export type Grant = 'large' | 'granted' | 'none'

/** [KIP-74] In the order of the request; the first partition that has records gives at least one batch. */
export class Reading implements FetchedData, MemoryHolder {
  readonly partitions: PartitionData[] = []
  /** Of the targets that were read, and of others where they were looked for before. */
  readonly found: Found[]
  /** Some partition has an error, a diverging epoch or a better replica: nobody should wait for that. */
  hasNews = false
  /** There are records, and no memory to read them into. */
  lacksMemory = false
  /** The first batch is larger than what was granted: nothing was read. */
  needsLargeBatch = false
  /** There are records that a quota holds back. */
  isHeldBack = false
  sizeBytes = 0
  /** It was all read in one task: nothing has moved meanwhile. */
  isOfOneTask = true
  /** So much of that counts towards the quota. */
  throttledBytes = 0
  readonly #targets: readonly FetchTarget[]
  readonly #parameters: FetchParameters
  readonly #find: FindPartition
  readonly #grant: Grant
  readonly #results: ReadResult[] = []
  /** Among those that hold memory. */
  #place: Place | null = null
  #isFull = false

  /** @param found of the targets, where they were just looked for */
  constructor(
    targets: readonly FetchTarget[],
    parameters: FetchParameters,
    find: FindPartition,
    grant: Grant,
    found: Found[],
  ) {
    this.found = found
    this.#targets = targets
    this.#parameters = parameters
    this.#find = find
    this.#grant = grant
  }

  /** Tells when all is read: before it returns, where no file is needed. */
  read(observer: ReadingObserver): void {
    let isSettled = false
    const settle = (): void => {
      isSettled = true
      this.#settle()
    }
    const fail = (error: unknown): void => {
      if (!isSettled) settle()
      this.release()
      observer.readingFailed(error)
    }
    const goOn = (): void => {
      try {
        const pending = this.#readOn()
        if (pending !== null) {
          this.isOfOneTask = false
          return void pending.then(goOn, fail)
        }
        settle()
        observer.readingDone(this)
      } catch (error) {
        fail(error)
      }
    }
    goOn()
  }

  /** Holds what was read in place of what was granted. */
  #settle(): void {
    if (this.#grant === 'none') return
    const { memory } = this.#parameters
    this.#place = memory.settle(this.sizeBytes, this)
    if (this.#grant === 'large') memory.largeBatchRead()
  }

  /** @returns null when all is read, else when to go on */
  #readOn(): Promise<void> | null {
    const { minBytes, maxBytes, mayLeaveOut } = this.#parameters
    const mostBytes = this.#grant === 'granted' ? maxBytes : 0
    while (this.partitions.length < this.#targets.length) {
      if (mayLeaveOut && this.#isFull && this.sizeBytes >= minBytes) return null
      const index = this.partitions.length
      const target = this.#targets[index]!
      const partition = (this.found[index] ??= this.#find(target))
      if (typeof partition === 'string') {
        this.#tell(failed(target, partition))
        continue
      }
      const left = this.#isFull ? 0 : Math.max(mostBytes - this.sizeBytes, 0)
      const limit = Math.min(target.maxBytes, left)
      const read = readOne(partition, target, this.#parameters, limit, this.#firstBatchBytes())
      if (read instanceof Promise) {
        return read.then((result) => this.#take(target, partition, result, left))
      }
      if ('target' in read) this.#tell(read)
      else this.#take(target, partition, read, left)
    }
    return null
  }

  /** So large may the first batch be, whatever the client's limits are. */
  #firstBatchBytes(): number {
    if (this.sizeBytes > 0 || this.needsLargeBatch || this.#grant === 'none') return 0
    return this.#grant === 'large' ? Infinity : GRANT_BYTES
  }

  #tell(data: PartitionData): void {
    this.partitions.push(data)
    this.isHeldBack ||= data.isHeldBack
    this.hasNews ||= data.errorCode !== 'NONE' || data.mustTell
  }

  #take(target: FetchTarget, partition: Partition, result: ReadResult, left: number): void {
    this.#results.push(result)
    const mustHaveRead = this.#firstBatchBytes() > 0
    this.sizeBytes += result.sizeBytes
    if (this.#parameters.throttle !== null && partition.isThrottledAsLeader) {
      this.throttledBytes += result.sizeBytes
    }
    this.#tell(
      result.errorCode === 'KAFKA_STORAGE_ERROR'
        ? failed(target, partition.whyUnusable, result)
        : dataOf(target, result),
    )
    if (result.sizeBytes > 0 || !hasMore(target, result, this.#parameters.upTo)) return
    if (this.#grant === 'none') this.lacksMemory = true
    else if (mustHaveRead && result.errorCode === 'NONE') {
      this.needsLargeBatch = this.lacksMemory = this.#grant === 'granted'
    }
    // What is left didn't hold one batch: looking for a smaller one in each partition behind costs more than it gives.
    this.#isFull ||= left < target.maxBytes || this.needsLargeBatch
  }

  overdue(): void {
    this.#parameters.client.dismiss()
  }

  release(): void {
    this.#parameters.memory.give(this.sizeBytes, this.#place)
    for (const result of this.#results.splice(0)) result.release()
    this.sizeBytes = this.throttledBytes = 0
  }
}

function hasMore({ fetchOffset }: FetchTarget, result: ReadResult, upTo: ReadUpTo): boolean {
  if (upTo === 'logEnd') return fetchOffset < result.logEndOffset
  return fetchOffset < (upTo === 'lastStable' ? result.lastStableOffset : result.highWatermark)
}

function readOne(
  partition: Partition,
  target: FetchTarget,
  { upTo, fromAnyReplica, selector, throttle }: FetchParameters,
  maxBytes: number,
  firstBatchBytes: number,
): ReadResult | Promise<ReadResult> | PartitionData {
  const { currentLeaderEpoch, fetchOffset, lastFetchedEpoch } = target
  const error = fromAnyReplica
    ? partition.checkReplica(currentLeaderEpoch)
    : partition.checkLeader(currentLeaderEpoch)
  if (error !== 'NONE') return failed(target, error)
  const { log } = partition
  if (log === null) return failed(target, partition.whyUnusable)
  if (!partition.isLeader && !reachesTo(log, fetchOffset)) {
    // Whoever is told that an offset is out of range begins elsewhere: only the leader knows.
    return failed(target, 'NOT_LEADER_OR_FOLLOWER')
  }
  const preferredReadReplica = selector === null ? -1 : selector.select(partition, fetchOffset)
  if (preferredReadReplica >= 0) {
    return { ...failed(target, 'NONE', offsetsOf(log)), preferredReadReplica, mustTell: true }
  }
  const divergingEpoch = partition.divergence(fetchOffset, lastFetchedEpoch)
  if (divergingEpoch !== null) {
    if (divergingEpoch === 'unknown' || fetchOffset < log.logStartOffset) {
      return failed(target, 'OFFSET_OUT_OF_RANGE')
    }
    return { ...failed(target, 'NONE', offsetsOf(log)), divergingEpoch, mustTell: true }
  }
  // Before anything is read: what is held back costs nothing.
  if (throttle !== null && isBehind(log, fetchOffset) && throttle.holdsBack(partition)) {
    return { ...failed(target, 'NONE', offsetsOf(log)), isHeldBack: true }
  }
  return log.read(fetchOffset, maxBytes, upTo, firstBatchBytes > 0, firstBatchBytes)
}

function isBehind({ logStartOffset, logEndOffset }: Log, offset: number): boolean {
  return offset >= logStartOffset && offset < logEndOffset
}

function reachesTo({ logStartOffset, logEndOffset }: Log, offset: number): boolean {
  return offset >= logStartOffset && offset <= logEndOffset
}
