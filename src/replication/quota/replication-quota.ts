import type { Clock, Timer } from '../../host/host.ts'
import { SampledRate } from '../../quota/sampled-rate.ts'
import type { RateWindows } from '../../quota/sampled-rate.ts'

/** Somebody whom a quota holds back. */
export interface QuotaWaiter {
  /** It may be free now; called once for each `wait`. */
  quotaFree(): void
}

/**
 * [KIP-73] Keeps what several have done together below a rate, which may change (Kafka's ReplicationQuotaManager). It looks back:
 * whoever finds it free may go on with as much as comes in one piece, and is measured by that. Without a limit nothing is measured.
 */
export class ReplicationQuota {
  readonly #clock: Clock
  readonly #bytesPerSecond: () => number
  readonly #rate: SampledRate
  readonly #waiters = new Set<QuotaWaiter>()
  #timer: Timer | null = null

  /** @param bytesPerSecond asked for each time; Infinity for no limit */
  constructor(clock: Clock, windows: RateWindows, bytesPerSecond: () => number) {
    this.#clock = clock
    this.#rate = new SampledRate(windows)
    this.#bytesPerSecond = bytesPerSecond
  }

  get bytesPerSecond(): number {
    return this.#bytesPerSecond()
  }

  get isLimited(): boolean {
    return this.#bytesPerSecond() !== Infinity
  }

  /** Where the rate is 0, always. */
  get isExceeded(): boolean {
    const most = this.#bytesPerSecond()
    if (most === Infinity) return false
    return most === 0 || this.#rate.at(this.#clock.monotonic()) > most
  }

  /**
   * After so many whole milliseconds it is worth to look again, where it is exceeded; 0 where it is not, Infinity where only
   * another rate can help.
   */
  get retryAfterMs(): number {
    if (!this.isExceeded) return 0
    const most = this.#bytesPerSecond()
    if (most === 0) return Infinity
    const now = this.#clock.monotonic()
    return Math.max(1, Math.ceil(this.#rate.mayFallTo(most, now) - now))
  }

  /** So much was done, whether there was quota for it or not. */
  record(bytes: number): void {
    if (this.isLimited) this.#rate.record(bytes, this.#clock.monotonic())
  }

  /** Has this one told when it is free, or has changed. */
  wait(waiter: QuotaWaiter): void {
    this.#waiters.add(waiter)
    if (this.#timer === null) this.#lookAfter(Math.max(1, this.retryAfterMs))
  }

  stopWaiting(waiter: QuotaWaiter): void {
    this.#waiters.delete(waiter)
    if (this.#waiters.size === 0) this.#stopTimer()
  }

  /** Its rate, or what it is for, may have changed: all who wait look again. */
  changed(): void {
    this.#stopTimer()
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const waiter of waiters) waiter.quotaFree()
  }

  #lookAfter(delayMs: number): void {
    if (delayMs !== Infinity) this.#timer = this.#clock.after(delayMs, () => this.#look())
  }

  #look(): void {
    this.#timer = null
    const waitMs = this.retryAfterMs
    if (waitMs === 0) this.changed()
    else this.#lookAfter(waitMs)
  }

  #stopTimer(): void {
    this.#timer?.cancel()
    this.#timer = null
  }
}
