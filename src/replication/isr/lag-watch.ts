import type { Clock, Timer } from '../../host/host.ts'

export interface LagWatchOptions {
  readonly clock: Clock
  /** `replica.lag.time.max.ms` */
  readonly maxLagMs: () => number
  /** Looks at all partitions that are led here. */
  readonly look: () => void
}

/** Has leaders look for followers that have fallen behind; as in Kafka twice in the time that a follower may be behind. */
export class LagWatch {
  readonly #options: LagWatchOptions
  #timer: Timer | null = null

  constructor(options: LagWatchOptions) {
    this.#options = options
  }

  start(): void {
    const { clock, maxLagMs, look } = this.#options
    this.#timer = clock.after(maxLagMs() / 2, () => {
      look()
      this.start()
    })
  }

  close(): void {
    this.#timer?.cancel()
  }
}
