import type { RateWindows } from './sampled-rate.ts'

/**
 * [KIP-599] As Kafka's TokenBucket: it fills by the limit, up to what that is over all samples, and who takes may take more than
 * is there once, and waits until that is made good. Times are milliseconds of one clock.
 */
export class TokenBucket {
  readonly #windows: RateWindows
  /** A new one is full. */
  #tokens = Infinity
  #filledMs = 0

  constructor(windows: RateWindows) {
    this.#windows = windows
  }

  /** @param tokens less than 0: gives them back */
  take(tokens: number, limit: number, nowMs: number): void {
    const left = this.at(limit, nowMs) - tokens
    this.#tokens = Math.min(this.#most(limit), left)
  }

  /** What is there; less than 0 where too much was taken. */
  at(limit: number, nowMs: number): number {
    const added = (limit * (nowMs - this.#filledMs)) / 1000
    this.#tokens = Math.min(this.#most(limit), this.#tokens + added)
    this.#filledMs = nowMs
    return this.#tokens
  }

  /** How long it takes, in milliseconds, until what was taken too much is made good; 0 where that is now. */
  excessMs(limit: number, nowMs: number): number {
    const tokens = this.at(limit, nowMs)
    return tokens < 0 ? Math.round((-tokens / limit) * 1000) : 0
  }

  /** Whether it is full: a new one would be the same. */
  isIdle(nowMs: number, limit: number): boolean {
    return this.at(limit, nowMs) >= this.#most(limit)
  }

  #most(limit: number): number {
    return (this.#windows.count * this.#windows.lengthMs * limit) / 1000
  }
}
