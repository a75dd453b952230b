import type { Clock, Timer } from '../host/host.ts'

/** Somebody without any budget looks so often whether there is one again. */
const RECHECK_MS = 1000

/** Keeps what several have done together below a rate, which may change. */
export class MoveBudget {
  readonly #clock: Clock
  readonly #bytesPerSecond: () => number
  readonly #waits = new Set<{ timer: Timer; resolve: () => void }>()
  /** Monotonic milliseconds; all that was spent is paid for by then. */
  #paidAtMs = 0

  /** @param bytesPerSecond Infinity, or what is beyond every disk, for no limit */
  constructor(clock: Clock, bytesPerSecond: () => number) {
    this.#clock = clock
    this.#bytesPerSecond = bytesPerSecond
  }

  spend(bytes: number): void {
    const rate = this.#bytesPerSecond()
    const now = this.#clock.monotonic()
    if (rate > 0) this.#paidAtMs = Math.max(this.#paidAtMs, now) + (bytes * 1000) / rate
  }

  /** Resolves when all that was spent so far is paid for, or nobody wants to go on; asked after each `wake`. */
  async ready(isWanted: () => boolean): Promise<void> {
    while (isWanted()) {
      const owedMs = this.#paidAtMs - this.#clock.monotonic()
      if (this.#bytesPerSecond() === 0) await this.#wait(RECHECK_MS)
      else if (owedMs > 0) await this.#wait(Math.min(owedMs, RECHECK_MS))
      else return
    }
  }

  /** Lets all who wait look again. */
  wake(): void {
    for (const { timer, resolve } of this.#waits) {
      timer.cancel()
      resolve()
    }
    this.#waits.clear()
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wait = {
        resolve,
        timer: this.#clock.after(delayMs, () => {
          this.#waits.delete(wait)
          resolve()
        }),
      }
      this.#waits.add(wait)
    })
  }
}
