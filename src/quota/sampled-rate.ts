/** A part of the time that a rate is measured over; times are milliseconds of one clock. */
interface Sample {
  startMs: number
  lastMs: number
  amount: number
}

/** How a rate is measured: over the last `count` samples, each `lengthMs` long. */
export interface RateWindows {
  readonly count: number
  readonly lengthMs: number
}

/**
 * So much a second, measured as Kafka's rates are: what the samples have, by the time since the oldest of them began. A sample is
 * forgotten when nothing was added to it for as long as all are together. A short time tells little of a rate: what it counts as
 * at least is what the two forms differ in.
 */
abstract class Rate {
  protected readonly windows: RateWindows
  /** A ring of one more than are measured over: the oldest reaches into that time. */
  readonly #samples: Sample[] = []
  #current = 0
  /** Of all samples, as they were last looked at. */
  protected amount = 0
  protected oldestMs = 0

  constructor(windows: RateWindows) {
    this.windows = windows
  }

  record(amount: number, nowMs: number): void {
    const sample = this.#sampleAt(nowMs)
    sample.amount += amount
    sample.lastMs = nowMs
  }

  /** A second. */
  at(nowMs: number): number {
    this.look(nowMs)
    return (this.amount * 1000) / this.spanMs(nowMs)
  }

  /** The time that what was counted is spread over. */
  protected abstract spanMs(nowMs: number): number

  protected look(nowMs: number): void {
    const keptMs = this.keptMs
    // A look begins a sample, too.
    if (this.#samples.length === 0) this.#sampleAt(nowMs)
    this.amount = 0
    this.oldestMs = nowMs
    for (const sample of this.#samples) {
      if (nowMs - sample.lastMs >= keptMs) {
        sample.startMs = sample.lastMs = nowMs
        sample.amount = 0
      }
      this.amount += sample.amount
      if (sample.startMs < this.oldestMs) this.oldestMs = sample.startMs
    }
  }

  protected get keptMs(): number {
    return this.windows.count * this.windows.lengthMs
  }

  /** When the first of what was counted is forgotten, where nothing is added. */
  protected get nextForgottenMs(): number {
    let nextMs = Infinity
    for (const { amount, lastMs } of this.#samples) {
      if (amount > 0) nextMs = Math.min(nextMs, lastMs + this.keptMs)
    }
    return nextMs
  }

  #sampleAt(nowMs: number): Sample {
    const { count, lengthMs } = this.windows
    const samples = this.#samples
    const current = samples[this.#current]
    if (current !== undefined && nowMs - current.startMs < lengthMs) return current
    if (current !== undefined) this.#current = (this.#current + 1) % (count + 1)
    const next = samples[this.#current]
    if (next === undefined) return (samples[this.#current] = newSample(nowMs))
    next.startMs = next.lastMs = nowMs
    next.amount = 0
    return next
  }
}

const newSample = (nowMs: number): Sample => ({ startMs: nowMs, lastMs: nowMs, amount: 0 })

/** Bytes a second, as Kafka's SimpleRate measures them for replication: a time counts as one sample's length at least. */
export class SampledRate extends Rate {
  protected spanMs(nowMs: number): number {
    return Math.max(nowMs - this.oldestMs, this.windows.lengthMs)
  }

  /**
   * When to look whether the rate is no more than that, where it is more now and nothing is added: not after it is. It may
   * still be more then, since a sample that is forgotten takes its time with it.
   */
  mayFallTo(bytesPerSecond: number, nowMs: number): number {
    this.look(nowMs)
    return Math.min(this.oldestMs + (this.amount * 1000) / bytesPerSecond, this.nextForgottenMs)
  }
}

/**
 * So much a second, as Kafka's Rate measures it for clients: a time counts as all samples but the last one at least, so that who
 * begins may take in one go what is its own for that long. Times are whole milliseconds.
 */
export class ClientRate extends Rate {
  protected spanMs(nowMs: number): number {
    const { count, lengthMs } = this.windows
    const elapsedMs = nowMs - this.oldestMs
    const missing = count - 1 - Math.floor(elapsedMs / lengthMs)
    return Math.max(missing > 0 ? elapsedMs + missing * lengthMs : elapsedMs, 1)
  }

  /**
   * For how many milliseconds nothing may be added for the rate to come down to that (Kafka's QuotaUtils.throttleTime); 0 where it
   * is no more.
   */
  excessMs(limit: number, nowMs: number): number {
    this.look(nowMs)
    const spanMs = this.spanMs(nowMs)
    const rate = (this.amount * 1000) / spanMs
    return rate > limit ? Math.round(((rate - limit) / limit) * spanMs) : 0
  }

  /** Whether nothing is counted any more: a new one would measure the same. */
  isIdle(nowMs: number): boolean {
    this.look(nowMs)
    return this.amount <= 0
  }
}
