import { batchSizeBytes } from '../../../protocol/records/batch.ts'
import type { LogHome, QueuedWriter } from '../context.ts'
import type { PreparedBatches } from './prepare.ts'
import type { RememberedBatch } from '../producers/producer-entry.ts'
import type { AppendDone } from '../base/results.ts'
import type { Segment } from '../segment/segment.ts'

/** An append that waits to be written. */
export interface QueuedAppend {
  /** Null for records that are in the log, or in the queue, already. */
  readonly batches: PreparedBatches | null
  readonly duplicate: RememberedBatch | null
  readonly done: AppendDone
}

/** What the writer needs of its log. */
export interface WriterLog {
  /** The segment that these batches go to, or null where it has to be rolled first. */
  segmentFor(batches: PreparedBatches): Segment | null
  roll(batches: PreparedBatches): void
  /** The batches are in the file. */
  written(batches: PreparedBatches): void
  /** The appends, in order, are in the file, or were before. */
  completed(appends: readonly QueuedAppend[]): void
  failed(appends: readonly QueuedAppend[]): void
}

/**
 * Writes a log's appends in order: all that arrived in one turn of the event loop with one call for each segment, and
 * never more than one call at a time.
 */
export class LogWriter implements QueuedWriter {
  readonly #log: WriterLog
  readonly #home: LogHome
  #queue: QueuedAppend[] = []
  #queuedBytes = 0
  /** Under way on the thread pool. */
  #inFlight: readonly QueuedAppend[] = []
  #isWriting = false
  #idleWaiters: (() => void)[] = []

  constructor(log: WriterLog, home: LogHome) {
    this.#log = log
    this.#home = home
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  get isIdle(): boolean {
    return this.#queue.length === 0 && !this.#isWriting
  }

  /** Resolves when nothing is queued or being written. */
  whenIdle(): Promise<void> {
    return this.isIdle
      ? Promise.resolve()
      : new Promise((resolve) => this.#idleWaiters.push(resolve))
  }

  enqueue(append: QueuedAppend): void {
    const sizeBytes = append.batches?.bytes.length ?? 0
    this.#queue.push(append)
    this.#queuedBytes += sizeBytes
    this.#home.enqueue(this, sizeBytes)
  }

  /** Each batch that isn't written yet, in order. */
  forEachQueued(visit: (buffer: Buffer, at: number) => void): void {
    for (const { batches } of [...this.#inFlight, ...this.#queue]) {
      if (batches !== null) eachBatch(batches.bytes, (at) => visit(batches.bytes, at))
    }
  }

  writeQueued(onThreads: boolean): void {
    // What is appended by those who are told of the end of their appends has its own turn.
    let left = this.#queue.length
    while (left > 0 && !this.#isWriting && this.#home.failure === null) {
      const written = this.#writeGroup(left, onThreads)
      if (written === 0) break
      left -= written
    }
    if (this.#home.failure !== null) this.failAll()
    if (!this.isIdle) return
    for (const wake of this.#idleWaiters.splice(0)) wake()
  }

  /** The directory has failed, or the log is closed: nothing is written any more. */
  failAll(): void {
    const appends = this.#queue
    this.#queue = []
    this.#queuedBytes = 0
    if (appends.length > 0) this.#log.failed(appends)
  }

  /**
   * Writes the longest run of the first appends that go into one segment.
   * @returns how many; 0 when they are under way, or have failed
   */
  #writeGroup(most: number, onThreads: boolean): number {
    const chunks: Buffer[] = []
    let sizeBytes = 0
    let segment: Segment | null = null
    let count = 0
    try {
      for (; count < most; count++) {
        const { batches } = this.#queue[count]!
        if (batches === null) continue
        const next = this.#log.segmentFor(batches)
        if (next === null && segment !== null) break
        if (next === null) this.#log.roll(batches)
        segment = next ?? this.#log.segmentFor(batches)
        segment!.note(batches.bytes)
        chunks.push(batches.bytes)
        sizeBytes += batches.bytes.length
      }
    } catch (error) {
      this.#home.fail('begin a segment', error)
      return 0
    }
    const group = count === this.#queue.length ? this.#queue : this.#queue.slice(0, count)
    this.#queue = count === this.#queue.length ? [] : this.#queue.slice(count)
    this.#queuedBytes -= sizeBytes
    if (segment === null) {
      this.#finish(group)
      return count
    }
    if (onThreads) {
      void this.#writeOnThreads(segment, group, chunks, sizeBytes)
      return 0
    }
    return this.#writeNow(segment, group, chunks, sizeBytes) ? count : 0
  }

  #writeNow(
    segment: Segment,
    group: readonly QueuedAppend[],
    chunks: readonly Buffer[],
    sizeBytes: number,
  ): boolean {
    try {
      segment.writeSync(chunks, sizeBytes)
    } catch (error) {
      this.#home.fail(`write ${segment.handle.path}`, error)
      this.#log.failed(group)
      return false
    }
    this.#finish(group)
    return true
  }

  async #writeOnThreads(
    segment: Segment,
    group: readonly QueuedAppend[],
    chunks: readonly Buffer[],
    sizeBytes: number,
  ): Promise<void> {
    this.#isWriting = true
    this.#inFlight = group
    let error: unknown = null
    try {
      await segment.write(chunks, sizeBytes)
    } catch (cause) {
      error = cause ?? new Error('unknown')
    }
    this.#isWriting = false
    this.#inFlight = []
    if (error !== null) {
      this.#home.fail(`write ${segment.handle.path}`, error)
      this.#log.failed(group)
    } else if (this.#home.failure !== null) {
      this.#log.failed(group)
    } else {
      this.#finish(group)
    }
    this.writeQueued(this.#home.prefersThreads(this.#queuedBytes))
  }

  #finish(group: readonly QueuedAppend[]): void {
    try {
      for (const { batches } of group) {
        if (batches !== null) this.#log.written(batches)
      }
    } catch (error) {
      this.#home.fail('write a transaction index', error)
      return this.#log.failed(group)
    }
    this.#log.completed(group)
  }
}

export function eachBatch(batches: Buffer, visit: (at: number) => void): void {
  for (let at = 0; at < batches.length; at += batchSizeBytes(batches, at)) visit(at)
}
