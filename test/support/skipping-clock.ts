import { systemClock } from '../../src/host/clock.ts'
import type { Clock, Timer } from '../../src/host/host.ts'

interface Waiting {
  readonly at: number
  readonly order: number
  ring(): void
}

/** The machine's clock, which a test may put forward: what is due by then happens at once, in the order of its times. */
export class SkippingClock implements Clock {
  readonly #clock = systemClock()
  readonly #waiting = new Set<Waiting>()
  #skippedMs = 0
  #order = 0

  now(): number {
    return Math.floor(this.#clock.now() + this.#skippedMs)
  }

  monotonic(): number {
    return this.#clock.monotonic() + this.#skippedMs
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer = this.#clock.after(delayMs, () => waiting.ring())
    const waiting: Waiting = {
      at: this.monotonic() + delayMs,
      order: this.#order++,
      ring: () => {
        timer.cancel()
        if (this.#waiting.delete(waiting)) callback()
      },
    }
    this.#waiting.add(waiting)
    return {
      cancel: () => {
        timer.cancel()
        this.#waiting.delete(waiting)
      },
    }
  }

  endOfTurn(callback: () => void): void {
    this.#clock.endOfTurn(callback)
  }

  afterTask(callback: () => void): void {
    this.#clock.afterTask(callback)
  }

  /** Puts the clock forward; timers that are set meanwhile go off too, where they are due. */
  skip(ms: number): void {
    const until = this.monotonic() + ms
    for (;;) {
      const [next] = [...this.#waiting].sort((a, b) => a.at - b.at || a.order - b.order)
      if (next === undefined || next.at > until) break
      this.#skippedMs += Math.max(0, next.at - this.monotonic())
      next.ring()
    }
    this.#skippedMs += Math.max(0, until - this.monotonic())
  }
}
