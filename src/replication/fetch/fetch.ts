import type { ErrorName } from '../../../protocol/errors.ts'
import type { Clock, Timer } from '../../host/host.ts'
import type {
  AbortedTransaction,
  EpochEndOffset,
  ReadResult,
  ReadUpTo,
} from '../../log/base/results.ts'
import type { Log } from '../../log/log.ts'
import { GRANT_BYTES } from '../../log/read/memory.ts'
import type { FetchMemory, MemoryHolder, MemoryWaiter } from '../../log/read/memory.ts'
import type { FetchTarget } from './session.ts'
import type { Partition } from '../partition/partition.ts'
import type { FetchWaiter } from '../partition/waiters.ts'
import type { QuotaWaiter } from '../quota/replication-quota.ts'
import type { LeaderThrottle } from './leader-throttle.ts'
import type { FollowerPatience } from './patience.ts'
import type { ReplicaSelector } from './replica-selector.ts'
import type { ClientWaiter, Presence } from './presence.ts'

export interface FetchParameters {
  readonly upTo: ReadUpTo
  readonly maxWaitMs: number
  readonly minBytes: number
  /** GRANT_BYTES at most. */
  readonly maxBytes: number
  /** Where the bytes that are read are counted. */
  readonly memory: FetchMemory
  /** Who has asked. */
  readonly client: Presence
  /** [KIP-392] Any replica will do: what is asked for need not be led here. */
  readonly fromAnyReplica: boolean
  /** Sends the client on to other replicas; null where the leader is as good as any. */
  readonly selector: ReplicaSelector | null
  /** Of a follower; null for all others. */
  readonly patience: FollowerPatience | null
  /** When the answer is full, the targets behind needn't be looked at. */
  readonly mayLeaveOut: boolean
  /** What a follower may be made to wait for; null where nothing is throttled. */
  readonly throttle: LeaderThrottle | null
}

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
  /** The client has gone while the fetch waited: nothing was read, and nobody wants it. */
  abandoned(): void
}

/**
 * Reads what there is for a fetcher; where that is less than `minBytes`, waits up to `maxWaitMs` for more and reads
 * again. Errors of partitions are answered at once. What needs no file is read before this returns, and what others wait
 * for is read in the very task that brings it.
 *
 * Where the memory for what fetches have read is used up, it waits for its turn, up to `maxWaitMs` too, and then answers
 * without records. No wait outlives the client.
 */
export function fetchRecords(
  targets: readonly FetchTarget[],
  parameters: FetchParameters,
  find: FindPartition,
  clock: Clock,
  fetcher: Fetcher,
): void {
  new Fetching(targets, parameters, find, clock, fetcher).begin()
}

class Fetching implements FetchWaiter, MemoryWaiter, ClientWaiter, QuotaWaiter {
  needsLargeBatch = false
  readonly #targets: readonly FetchTarget[]
  readonly #parameters: FetchParameters
  readonly #find: FindPartition
  readonly #clock: Clock
  readonly #fetcher: Fetcher
  /** What was read last. */
  #reading: Reading | null = null
  /** While it waits, for bytes or for memory: until when. */
  #timer: Timer | null = null
  #isTimeUp = false
  #isWaiting = false
  /** It waits on these for bytes. */
  #partitions: Partition[] = []
  #missingBytes = 0
  #hasMoved = false
  /** What was read is not held while it waits for more. */
  #hasLetGo = false
  /** It reads again as a quota may let it, which may have let others before. */
  #isForQuota = false
  /** On partitions that are held back: what comes to them can't be read, and doesn't count. */
  readonly #heldBack: FetchWaiter = {
    advanced: (sizeBytes) => {
      if (sizeBytes === Infinity) this.#bytesCame()
    },
  }

  constructor(
    targets: readonly FetchTarget[],
    parameters: FetchParameters,
    find: FindPartition,
    clock: Clock,
    fetcher: Fetcher,
  ) {
    this.#targets = targets
    this.#parameters = parameters
    this.#find = find
    this.#clock = clock
    this.#fetcher = fetcher
  }

  /** Reads; again, where it has waited for bytes and so holds nothing. */
  begin(): void {
    this.#read(this.#parameters.memory.grant() ? 'granted' : 'none')
  }

  #read(memory: Grant): void {
    const reading = new Reading(this.#targets, this.#parameters, this.#find, memory)
    this.#reading = reading
    reading.read(this)
  }

  /** All is read that may be read now. */
  readingDone(reading: Reading): void {
    const { memory, maxWaitMs, minBytes } = this.#parameters
    this.needsLargeBatch = reading.needsLargeBatch
    if (reading.needsLargeBatch && memory.grantLargeBatch()) return this.#read('large')
    const mayWait = maxWaitMs > 0 && !this.#isTimeUp && this.#targets.length > 0
    if (!mayWait || reading.hasNews) return this.#answer(reading)
    if (reading.lacksMemory) return this.#waitForMemory()
    // One that has waited takes what has come.
    const isToWait = this.#timer === null || (this.#isForQuota && reading.sizeBytes === 0)
    const missingBytes = isToWait ? minBytes - reading.sizeBytes : 0
    if (missingBytes > 0) this.#waitForBytes(reading, missingBytes)
    else this.#answer(reading)
  }

  readingFailed(error: unknown): void {
    this.#timer?.cancel()
    this.#fetcher.failed(error)
  }

  #answer(reading: Reading): void {
    this.#timer?.cancel()
    if (reading.throttledBytes > 0) this.#parameters.throttle!.quota.record(reading.throttledBytes)
    try {
      this.#fetcher.fetched(reading)
    } catch (error) {
      reading.release()
      this.#fetcher.failed(error)
    }
  }

  /** @returns false where the client has gone meanwhile: then all is over */
  #wait(): boolean {
    const { client, maxWaitMs, patience } = this.#parameters
    if (client.hasLeft) {
      this.#abandon()
      return false
    }
    this.#isWaiting = true
    client.add(this)
    patience?.add(this)
    this.#timer ??= this.#clock.after(patience?.limit(maxWaitMs) ?? maxWaitMs, () =>
      this.endWaiting(),
    )
    return true
  }

  #waitForMemory(): void {
    if (this.#wait()) this.#parameters.memory.wait(this)
  }

  /** Waits until about `missingBytes` more can be read. */
  #waitForBytes(seen: Reading, missingBytes: number): void {
    if (!this.#wait()) return
    const { upTo, throttle } = this.#parameters
    this.#missingBytes = missingBytes
    this.#hasMoved = false
    this.#isForQuota = false
    this.#hasLetGo = seen.sizeBytes > 0
    seen.release()
    this.#targets.forEach((target, i) => {
      const partition = this.#find(target)
      if (typeof partition === 'string' || !this.#isWaiting) return
      this.#partitions.push(partition)
      if (seen.partitions[i]!.isHeldBack) return partition.wait(this.#heldBack, upTo)
      partition.wait(this, upTo)
      if (readableEnd(partition, upTo) > seenEnd(seen.partitions[i]!, upTo)) this.#hasMoved = true
    })
    // Something came in while the first read was under way: its size isn't known, so look at once.
    if (this.#hasMoved) this.#bytesCame()
    else if (seen.isHeldBack && this.#isWaiting) throttle!.quota.wait(this)
  }

  advanced(sizeBytes: number, stableBytes: number): void {
    const cameBytes = this.#parameters.upTo === 'lastStable' ? stableBytes : sizeBytes
    // To look would be in vain: what is behind an open transaction can't be read yet.
    if (cameBytes < 0) return
    this.#hasMoved = true
    this.#missingBytes -= cameBytes
    if (this.#missingBytes <= 0) this.#bytesCame()
  }

  #bytesCame(): void {
    if (!this.#stopWaiting()) return
    // Whoever has moved a partition finishes first: other partitions may be about to move in the same task.
    this.#clock.afterTask(() => this.begin())
  }

  quotaFree(): void {
    this.#isForQuota = true
    this.#bytesCame()
  }

  granted(): void {
    this.#stopWaiting()
    this.#reading!.release()
    this.#read(this.needsLargeBatch ? 'large' : 'granted')
  }

  endWaiting(): void {
    this.#isTimeUp = true
    if (!this.#stopWaiting()) return
    if (this.#hasMoved || this.#hasLetGo) this.#clock.afterTask(() => this.begin())
    else this.#answer(this.#reading!)
  }

  clientLeft(): void {
    if (this.#stopWaiting()) this.#abandon()
  }

  #abandon(): void {
    this.#timer?.cancel()
    this.#reading!.release()
    this.#fetcher.abandoned()
  }

  /** @returns false where it waits no more */
  #stopWaiting(): boolean {
    if (!this.#isWaiting) return false
    this.#isWaiting = false
    const { client, memory, patience, throttle } = this.#parameters
    client.delete(this)
    patience?.delete(this)
    memory.stopWaiting(this)
    for (const partition of this.#partitions) {
      partition.stopWaiting(this)
      if (throttle !== null) partition.stopWaiting(this.#heldBack)
    }
    this.#partitions = []
    throttle?.quota.stopWaiting(this)
    return true
  }
}

function readableEnd(partition: Partition, upTo: ReadUpTo): number {
  const { log } = partition
  if (log === null) return Infinity
  if (upTo === 'logEnd') return log.logEndOffset
  return upTo === 'lastStable' ? log.lastStableOffset : log.highWatermark
}

function seenEnd(data: PartitionData, upTo: ReadUpTo): number {
  if (upTo === 'logEnd') return data.logEndOffset
  return upTo === 'lastStable' ? data.lastStableOffset : data.highWatermark
}

/** What a reading may take of the memory for what was read: a first batch of any size; what is granted; nothing. */
type Grant = 'large' | 'granted' | 'none'

/** [KIP-74] In the order of the request; the first partition that has records gives at least one batch. */
class Reading implements FetchedData, MemoryHolder {
  readonly partitions: PartitionData[] = []
  /** Some partition has an error, a diverging epoch or a better replica: nobody should wait for that. */
  hasNews = false
  /** There are records, and no memory to read them into. */
  lacksMemory = false
  /** The first batch is larger than what was granted: nothing was read. */
  needsLargeBatch = false
  /** There are records that a quota holds back. */
  isHeldBack = false
  sizeBytes = 0
  /** So much of that counts towards the quota. */
  throttledBytes = 0
  readonly #targets: readonly FetchTarget[]
  readonly #parameters: FetchParameters
  readonly #find: FindPartition
  readonly #grant: Grant
  readonly #results: ReadResult[] = []
  #isFull = false

  constructor(
    targets: readonly FetchTarget[],
    parameters: FetchParameters,
    find: FindPartition,
    grant: Grant,
  ) {
    this.#targets = targets
    this.#parameters = parameters
    this.#find = find
    this.#grant = grant
  }

  /** Tells when all is read: before it returns, where no file is needed. */
  read(fetching: Fetching): void {
    let isSettled = false
    const settle = (): void => {
      isSettled = true
      this.#settle()
    }
    const fail = (error: unknown): void => {
      if (!isSettled) settle()
      this.release()
      fetching.readingFailed(error)
    }
    const goOn = (): void => {
      try {
        const pending = this.#readOn()
        if (pending !== null) return void pending.then(goOn, fail)
        settle()
        fetching.readingDone(this)
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
    memory.settle(this.sizeBytes, this)
    if (this.#grant === 'large') memory.largeBatchRead()
  }

  /** @returns null when all is read, else when to go on */
  #readOn(): Promise<void> | null {
    const { minBytes, maxBytes, mayLeaveOut } = this.#parameters
    const mostBytes = this.#grant === 'granted' ? maxBytes : 0
    while (this.partitions.length < this.#targets.length) {
      if (mayLeaveOut && this.#isFull && this.sizeBytes >= minBytes) return null
      const target = this.#targets[this.partitions.length]!
      const partition = this.#find(target)
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
    this.#parameters.memory.give(this.sizeBytes, this)
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

function dataOf(target: FetchTarget, result: ReadResult): PartitionData {
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

function offsetsOf({
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

function failed(
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
