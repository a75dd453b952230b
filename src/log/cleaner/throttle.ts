import type { WorkerParts } from '../../host/host.ts'

/** Rates are looked at no more often than this. */
const CHECK_MS = 300

/** Keeps a job's reading and writing, together, below a rate. */
export class Throttle {
  readonly #parts: Pick<WorkerParts, 'clock' | 'sleep'>
  readonly #bytesPerMs: number
  #sinceMs: number
  #bytes = 0

  constructor(parts: Pick<WorkerParts, 'clock' | 'sleep'>, bytesPerSecond: number) {
    this.#parts = parts
    this.#bytesPerMs = bytesPerSecond / 1000
    this.#sinceMs = parts.clock.monotonic()
  }

  /** So many bytes have just been read or written: sleeps where that is too many. */
  spent(bytes: number): void {
    this.#bytes += bytes
    if (this.#parts.clock.monotonic() - this.#sinceMs >= CHECK_MS) this.settle()
  }

  /** Sleeps for what is owed; at the end of a job too, since the next one doesn't know of it. */
  settle(): void {
    const elapsedMs = this.#parts.clock.monotonic() - this.#sinceMs
    const owedMs = this.#bytes / this.#bytesPerMs - elapsedMs
    if (owedMs > 1) this.#parts.sleep(owedMs)
    this.#bytes = 0
    this.#sinceMs = this.#parts.clock.monotonic()
  }
}
