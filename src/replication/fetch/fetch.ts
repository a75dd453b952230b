import type { ReadUpTo } from '../../log/base/results.ts'
import type { Place } from '../../log/base/row.ts'
import type { Clock, Timer } from '../../host/host.ts'
import type { MemoryWaiter } from '../../log/read/memory.ts'
import type { Partition } from '../partition/partition.ts'
import type { FetchWaiter } from '../partition/waiters.ts'
import type { QuotaWaiter } from '../quota/replication-quota.ts'
import type { FetchParameters } from './parameters.ts'
import type { PartitionData } from './partition-data.ts'
import type { ClientWaiter } from './presence.ts'
import { Reading, type FetchedData, type FindPartition, type Found, type Grant } from './reading.ts'
import type { FetchTarget } from './session.ts'

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
 * @param found what `find` has just said of all targets; null where it was not asked yet
 */
export function fetchRecords(
  targets: readonly FetchTarget[],
  parameters: FetchParameters,
  find: FindPartition,
  clock: Clock,
  fetcher: Fetcher,
  found: Found[] | null = null,
): void {
  new Fetching(targets, parameters, find, clock, fetcher).begin(found)
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
  /** With the partitions on which it waits for bytes. */
  #places: Place[] = []
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
  begin(found: Found[] | null = null): void {
    this.#read(this.#parameters.memory.grant() ? 'granted' : 'none', found)
  }

  #read(memory: Grant, found: Found[] | null = null): void {
    const reading = new Reading(this.#targets, this.#parameters, this.#find, memory, found ?? [])
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
    seen.found.forEach((partition, i) => {
      if (typeof partition === 'string' || !this.#isWaiting) return
      const { isHeldBack } = seen.partitions[i]!
      const place = partition.wait(isHeldBack ? this.#heldBack : this, upTo)
      // Where nobody may wait it was told so before it knew its place.
      if (!this.#isWaiting) return place.leave()
      this.#places.push(place)
      if (isHeldBack || seen.isOfOneTask) return
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
    for (const place of this.#places) place.leave()
    this.#places = []
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
