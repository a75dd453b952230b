import type { Clock, Timer } from './host.ts'

/** The longest delay that setTimeout takes; it turns anything above into one millisecond. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

const NOW = Promise.resolve()

/** The machine's own clocks and timers. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after: (delayMs, callback) => new SystemTimer(performance.now() + delayMs, callback),
    endOfTurn: (callback) => void setImmediate(callback),
    // queueMicrotask would set up an asynchronous context for each call.
    afterTask: (callback) => void NOW.then(callback),
  }
}

class SystemTimer implements Timer {
  readonly #dueMs: number
  readonly #callback: () => void
  #timeout: NodeJS.Timeout | undefined

  constructor(dueMs: number, callback: () => void) {
    this.#dueMs = dueMs
    this.#callback = callback
    this.#arm()
  }

  cancel(): void {
    clearTimeout(this.#timeout)
  }

  #arm(): void {
    const leftMs = Math.max(0, Math.ceil(this.#dueMs - performance.now()))
    this.#timeout = setTimeout(() => this.#fire(), Math.min(leftMs, LONGEST_TIMEOUT_MS)).unref()
  }

  /** setTimeout may be early by a fraction of a millisecond, and a long delay takes several of them. */
  #fire(): void {
    if (performance.now() < this.#dueMs) this.#arm()
    else this.#callback()
  }
}
