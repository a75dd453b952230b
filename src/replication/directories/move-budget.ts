import type { Clock, Timer } from '../../host/host.ts'

/** Somebody without any budget looks so often whether there is one again. */
const RECHECK_MS = 1000

/** Keeps what several have done together below a rate, which may change. */
export class MoveBudget {
  readonly #clock: Clock
  readonly #bytesPerSecond: () => number
  readonly #waits = new Set<{ timer: Timer; resolve: () => void }>()
  /** Bytes that were spent and are not paid for yet, as of that moment (monotonic milliseconds). */
  #owedBytes = 0
  #owedAtMs = 0

  /** @param bytesPerSecond Infinity, or what is beyond every disk, for no limit */
  constructor(clock: Clock, bytesPerSecond: () => number) {
    this.#clock = clock
    this.#bytesPerSecond = bytesPerSecond
  }

  /** So much should be spent at once at most, for the rate to be kept from second to second. */
  atOnce(most: number): number {
    return Math.max(1, Math.min(most, this.#bytesPerSecond()))
  }

  spend(bytes: number): void {
    this.#pay()
    this.#owedBytes += bytes
  }

  #pay(): void {
    const now = this.#clock.monotonic()
    const rate = this.#bytesPerSecond()
    const paidBytes = rate === Infinity ? rate : ((now - this.#owedAtMs) * rate) / 1000
    this.#owedBytes = Math.max(0, this.#owedBytes - paidBytes)
    this.#owedAtMs = now
  }

  /** Resolves when all that was spent so far is paid for, or nobody wants to go on; asked after each `wake`. */
  async ready(isWanted: () => boolean): Promise<void> {
    while (isWanted()) {
      const rate = this.#bytesPerSecond()
      this.#pay()
      const owedMs = (this.#owedBytes * 1000) / rate
      // What is owed for less than a timer can measure is paid with the next.
      if (rate === 0) await this.#wait(RECHECK_MS)
      else if (owedMs >= 1) await this.#wait(Math.min(owedMs, RECHECK_MS))
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
