import type { Clock, Timer } from '../../../src/host/host.ts'

/** A clock whose time passes when the test says so; timers go off on the way, in order. */
export class PassingClock implements Clock {
  #nowMs = 1000
  readonly #timers = new Set<{ readonly atMs: number; readonly ring: () => void }>()

  now(): number {
    return this.#nowMs
  }

  monotonic(): number {
    return this.#nowMs
  }

  after(delayMs: number, ring: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, ring }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  endOfTurn(callback: () => void): void {
    callback()
  }

  afterTask(callback: () => void): void {
    callback()
  }

  /** How many are set. */
  get timers(): number {
    return this.#timers.size
  }

  pass(ms: number): void {
    const endMs = this.#nowMs + ms
    for (let next = this.#next(); next !== null && next.atMs <= endMs; next = this.#next()) {
      this.#ring(next)
    }
    this.#nowMs = endMs
  }

  /** Until the next timer goes off, of which there must be one. @returns how long that is */
  passToTimer(): number {
    const beforeMs = this.#nowMs
    this.#ring(this.#next()!)
    return this.#nowMs - beforeMs
  }

  #next(): { readonly atMs: number; readonly ring: () => void } | null {
    let first = null
    for (const timer of this.#timers) {
      if (first === null || timer.atMs < first.atMs) first = timer
    }
    return first
  }

  #ring(timer: { readonly atMs: number; readonly ring: () => void }): void {
    this.#timers.delete(timer)
    this.#nowMs = Math.max(this.#nowMs, timer.atMs)
    timer.ring()
  }
}
