import type { Clock } from '../../host/host.ts'
import type { QueuedWriter } from '../context.ts'

/**
 * From so many bytes in one turn of the event loop on, writing is left to the thread pool. Fewer take at most 0.4 ms, and a
 * trip to the pool costs a sixth of a request of 64 KiB.
 */
const THREADS_FROM_BYTES = 1024 * 1024
/** A write into the page cache that takes so long keeps the event loop from other things. */
const SLOW_MS = 5
/** One alone may be the scheduler's doing; so many within `SLOW_FOR_MS` are the disk's... */
const SLOW_WRITES = 4
/** ...and for this time the thread pool is used. */
const SLOW_FOR_MS = 1000

/** Has all appends to a directory that arrived in one turn of the event loop written at its end. */
export class TurnWriter {
  readonly #clock: Clock
  readonly #writers = new Set<QueuedWriter>()
  #bytes = 0
  readonly #slowWrites: number[] = []
  #slowUntilMs = -Infinity

  constructor(clock: Clock) {
    this.#clock = clock
  }

  enqueue(writer: QueuedWriter, sizeBytes: number): void {
    if (this.#writers.size === 0) this.#clock.endOfTurn(() => this.#write())
    this.#writers.add(writer)
    this.#bytes += sizeBytes
  }

  prefersThreads(sizeBytes: number): boolean {
    return sizeBytes >= THREADS_FROM_BYTES || this.#clock.monotonic() < this.#slowUntilMs
  }

  /** @param durationMs how long the event loop was held up by a write */
  #tookMs(durationMs: number): void {
    if (durationMs <= SLOW_MS) return
    const now = this.#clock.monotonic()
    this.#slowWrites.push(now)
    if (this.#slowWrites.length > SLOW_WRITES) this.#slowWrites.shift()
    const isSlow =
      this.#slowWrites.length === SLOW_WRITES && this.#slowWrites[0]! > now - SLOW_FOR_MS
    if (isSlow) this.#slowUntilMs = now + SLOW_FOR_MS
  }

  #write(): void {
    const writers = [...this.#writers]
    const onThreads = this.prefersThreads(this.#bytes)
    this.#writers.clear()
    this.#bytes = 0
    const startedMs = this.#clock.monotonic()
    for (const writer of writers) writer.writeQueued(onThreads)
    if (!onThreads) this.#tookMs(this.#clock.monotonic() - startedMs)
  }
}
