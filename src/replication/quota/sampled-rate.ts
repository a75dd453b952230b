/** A part of the time that a rate is measured over; times are milliseconds of one clock. */
interface Sample {
  startMs: number
  lastMs: number
  bytes: number
}

/** How a rate is measured: over the last `count` samples, each `lengthMs` long. */
export interface RateWindows {
  readonly count: number
  readonly lengthMs: number
}

/**
 * Bytes a second, measured as Kafka's SimpleRate does: what the samples have, by the time since the oldest of them began, which
 * counts as one sample's length at least. A sample is forgotten when nothing was added to it for as long as all are together.
 */
export class SampledRate {
  readonly #windows: RateWindows
  /** A ring of one more than are measured over: the oldest reaches into that time. */
  readonly #samples: Sample[] = []
  #current = 0

  constructor(windows: RateWindows) {
    this.#windows = windows
  }

  record(bytes: number, nowMs: number): void {
    const sample = this.#sampleAt(nowMs)
    sample.bytes += bytes
    sample.lastMs = nowMs
  }

  /** In bytes a second. */
  at(nowMs: number): number {
    this.#forget(nowMs)
    const { bytes, startMs } = this.#total(nowMs)
    return (bytes * 1000) / Math.max(nowMs - startMs, this.#windows.lengthMs)
  }

  /**
   * When to look whether the rate is no more than that, where it is more now and nothing is added: not after it is. It may
   * still be more then, since a sample that is forgotten takes its time with it.
   */
  mayFallTo(bytesPerSecond: number, nowMs: number): number {
    this.#forget(nowMs)
    const { bytes, startMs } = this.#total(nowMs)
    return Math.min(startMs + (bytes * 1000) / bytesPerSecond, this.#nextForgotten())
  }

  #sampleAt(nowMs: number): Sample {
    const { count, lengthMs } = this.#windows
    const samples = this.#samples
    const current = samples[this.#current]
    if (current !== undefined && nowMs - current.startMs < lengthMs) return current
    if (current !== undefined) this.#current = (this.#current + 1) % (count + 1)
    const next = { startMs: nowMs, lastMs: nowMs, bytes: 0 }
    samples[this.#current] = next
    return next
  }

  #total(nowMs: number): { readonly bytes: number; readonly startMs: number } {
    // A look begins a sample, too.
    if (this.#samples.length === 0) this.#sampleAt(nowMs)
    let bytes = 0
    let oldestMs = nowMs
    for (const sample of this.#samples) {
      bytes += sample.bytes
      oldestMs = Math.min(oldestMs, sample.startMs)
    }
    return { bytes, startMs: oldestMs }
  }

  get #keptMs(): number {
    return this.#windows.count * this.#windows.lengthMs
  }

  #forget(nowMs: number): void {
    const keptMs = this.#keptMs
    for (const sample of this.#samples) {
      if (nowMs - sample.lastMs < keptMs) continue
      sample.startMs = sample.lastMs = nowMs
      sample.bytes = 0
    }
  }

  #nextForgotten(): number {
    let nextMs = Infinity
    for (const { bytes, lastMs } of this.#samples) {
      if (bytes > 0) nextMs = Math.min(nextMs, lastMs + this.#keptMs)
    }
    return nextMs
  }
}
