import type { Clock } from '../host/host.ts'
import type { QueuedWriter } from './context.ts'

/** From so many bytes in one turn of the event loop on, writing is left to the thread pool. */
const THREADS_FROM_BYTES = 128 * 1024
/** A write into the page cache that takes so long keeps the event loop from other things... */
const SLOW_MS = 5
/** ...so for this time the thread pool is used. */
const SLOW_FOR_MS = 1000

/** Has all appends to a directory that arrived in one turn of the event loop written at its end. */
export class TurnWriter {
  readonly #clock: Clock
  readonly #writers = new Set<QueuedWriter>()
  #bytes = 0
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

  tookMs(durationMs: number): void {
    if (durationMs > SLOW_MS) this.#slowUntilMs = this.#clock.monotonic() + SLOW_FOR_MS
  }

  #write(): void {
    const writers = [...this.#writers]
    const onThreads = this.prefersThreads(this.#bytes)
    this.#writers.clear()
    this.#bytes = 0
    const startedMs = this.#clock.monotonic()
    for (const writer of writers) writer.writeQueued(onThreads)
    this.tookMs(this.#clock.monotonic() - startedMs)
  }
}
