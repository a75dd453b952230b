import type { Clock, Timer } from '../../../src/host/host.ts'
import type { EpochEndOffset, ReadResult, ReadUpTo } from '../../../src/log/base/results.ts'
import type { Place } from '../../../src/log/base/row.ts'
import type { FetchMemory, MemoryHolder } from '../../../src/log/read/memory.ts'
import { fetchRecords } from '../../../src/replication/fetch/fetch.ts'
import type { FetchParameters } from '../../../src/replication/fetch/parameters.ts'
import type { PartitionData } from '../../../src/replication/fetch/partition-data.ts'
import type { FetchedData } from '../../../src/replication/fetch/reading.ts'
import type { FetchTarget } from '../../../src/replication/fetch/session.ts'
import type { Partition } from '../../../src/replication/partition/partition.ts'
import type { FetchWaiter } from '../../../src/replication/partition/waiters.ts'
import { Presence } from '../../../src/replication/fetch/presence.ts'

/** A clock whose time, turns and tasks end when the test says so. */
export class HeldClock implements Clock {
  readonly timers = new Set<{ readonly delayMs: number; ring(): void }>()
  #turns: (() => void)[] = []
  #tasks: (() => void)[] = []

  now(): number {
    return 0
  }

  monotonic(): number {
    return 0
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer = { delayMs, ring: callback }
    this.timers.add(timer)
    return { cancel: () => void this.timers.delete(timer) }
  }

  endOfTurn(callback: () => void): void {
    this.#turns.push(callback)
  }

  afterTask(callback: () => void): void {
    this.#tasks.push(callback)
  }

  /** @returns whether anything had waited for it */
  endTurn(): boolean {
    const turns = this.#turns.splice(0)
    for (const callback of turns) callback()
    return turns.length > 0
  }

  endTask(): void {
    for (const callback of this.#tasks.splice(0)) callback()
  }

  /** All timers that are set go off. */
  ring(): void {
    for (const timer of [...this.timers]) {
      this.timers.delete(timer)
      timer.ring()
    }
  }
}

/** A partition of nothing but batches with one record each, of these sizes. */
export class FakePartition {
  readonly waiters = new Set<FetchWaiter>()
  /** Each read that was asked for: its limits. */
  readonly reads: { maxBytes: number; firstBatchBytes: number }[] = []
  /** Reads that wait until the test lets them go on; null where they are done at once. */
  held: (() => void)[] | null = null
  released = 0
  errorCode: 'NONE' | 'NOT_LEADER_OR_FOLLOWER' = 'NONE'
  /** What a follower is told whose log is another. */
  diverging: EpochEndOffset | null = null
  readError: ReadResult['errorCode'] = 'NONE'
  isThrottledAsLeader = false
  /** Its topic is deleted. */
  isGone = false
  readonly whyUnusable = 'UNKNOWN_TOPIC_OR_PARTITION'
  /** Nobody may wait any more, as where the broker stops. */
  hasEnded = false
  readonly isLeader = true
  assignment = { isr: [1] }
  readonly sizes: number[]
  highWatermark: number
  lastStableOffset: number

  constructor(...sizes: number[]) {
    this.sizes = sizes
    this.highWatermark = this.lastStableOffset = sizes.length
  }

  get log() {
    const { highWatermark, lastStableOffset, sizes } = this
    const read = this.#read.bind(this)
    if (this.isGone) return null
    return { highWatermark, lastStableOffset, logEndOffset: sizes.length, logStartOffset: 0, read }
  }

  checkLeader(): string {
    return this.errorCode
  }

  divergence(): EpochEndOffset | null {
    return this.diverging
  }

  wait(waiter: FetchWaiter): Place {
    this.waiters.add(waiter)
    if (this.hasEnded) waiter.advanced(Infinity, Infinity)
    return { leave: () => void this.waiters.delete(waiter) }
  }

  /** Takes a batch of an open transaction in. */
  appendOpen(sizeBytes: number): void {
    this.sizes.push(sizeBytes)
    this.highWatermark = this.sizes.length
    for (const waiter of [...this.waiters]) waiter.advanced(sizeBytes, -1)
  }

  /** Takes a batch in; those who wait are told. */
  append(sizeBytes: number): void {
    this.sizes.push(sizeBytes)
    this.highWatermark = this.lastStableOffset = this.sizes.length
    for (const waiter of [...this.waiters]) waiter.advanced(sizeBytes, sizeBytes)
  }

  #read(
    offset: number,
    maxBytes: number,
    upTo: ReadUpTo,
    minOneBatch: boolean,
    firstBatchBytes: number,
  ): ReadResult | Promise<ReadResult> {
    this.reads.push({ maxBytes, firstBatchBytes })
    const result = this.#result(offset, maxBytes, upTo, minOneBatch ? firstBatchBytes : 0)
    const { held } = this
    if (held === null) return result
    return new Promise((resolve) => held.push(() => resolve(result)))
  }

  #result(offset: number, maxBytes: number, upTo: ReadUpTo, firstBytes: number): ReadResult {
    const end = upTo === 'lastStable' ? this.lastStableOffset : this.highWatermark
    let sizeBytes = 0
    if (this.readError === 'NONE') {
      for (const size of this.sizes.slice(offset, end)) {
        if (sizeBytes + size > (sizeBytes === 0 ? Math.max(maxBytes, firstBytes) : maxBytes)) break
        sizeBytes += size
      }
    }
    return {
      errorCode: this.readError,
      // The bytes themselves would take their time.
      chunks: sizeBytes === 0 ? [] : [{ length: sizeBytes } as Buffer],
      sizeBytes,
      abortedTransactions: null,
      highWatermark: this.highWatermark,
      lastStableOffset: this.lastStableOffset,
      logStartOffset: 0,
      logEndOffset: this.sizes.length,
      release: () => void this.released++,
    }
  }
}

export type Came = FetchedData | 'abandoned' | Error | null

export interface Asked {
  readonly client: Presence
  /** What it came to; null as long as it waits. */
  readonly came: Came
  /** The sizes that were read, of each partition. */
  readonly sizes: readonly number[] | null
  /** How often its client was to lose its connection. */
  readonly dismissed: number
  release(): void
}

/** For tests that hold memory themselves. */
export const HOLDER: MemoryHolder = { overdue: () => undefined }

/** Asks for records from these offsets on, of each partition. */
export function ask(
  partitions: readonly FakePartition[],
  clock: Clock,
  memory: FetchMemory,
  { offsets = [], ...more }: Partial<FetchParameters> & { offsets?: readonly number[] } = {},
): Asked {
  const targets = partitions.map((_, partition): FetchTarget => ({
    topic: 't',
    topicId: '',
    partition,
    fetchOffset: offsets[partition] ?? 0,
    maxBytes: 1 << 20,
    currentLeaderEpoch: -1,
    lastFetchedEpoch: -1,
    logStartOffset: -1,
  }))
  let dismissed = 0
  const client = more.client ?? new Presence(() => void dismissed++)
  let came: Came = null
  const come = (what: NonNullable<Came>): void => {
    if (came !== null) throw new Error('it was told twice')
    came = what
  }
  const parameters = {
    upTo: 'highWatermark',
    maxWaitMs: 1000,
    minBytes: 1,
    maxBytes: 4 << 20,
    memory,
    mayLeaveOut: false,
    fromAnyReplica: false,
    selector: null,
    throttle: null,
    patience: null,
    ...more,
    client,
  } as const
  const find = ({ partition }: FetchTarget): Partition =>
    partitions[partition] as unknown as Partition
  fetchRecords(targets, parameters, find, clock, {
    fetched: come,
    failed: (error) => come(error as Error),
    abandoned: () => come('abandoned'),
  })
  const data = (): FetchedData | null =>
    came !== null && came !== 'abandoned' && !(came instanceof Error) ? came : null
  return {
    client,
    get came() {
      return came
    },
    get dismissed() {
      return dismissed
    },
    get sizes() {
      return data()?.partitions.map(({ sizeBytes }: PartitionData) => sizeBytes) ?? null
    },
    release: () => data()?.release(),
  }
}
