import type { Clock } from '../../host/host.ts'

/** By then followers have heard who leads. */
const NEW_MS = 500
/** Until then. */
const SHORT_WAIT_MS = 20

/** A follower's fetch that waits for records. */
interface WaitingFetch {
  /** It is answered with what there is. */
  endWaiting(): void
}

/**
 * How long fetches of followers wait on this broker. A follower has one under way to each leader (of each of its fetchers), and asks
 * for what it follows from now on with the next one. So where this broker begins to lead, those that wait are answered, and for
 * a moment none waits for long: who has asked may not have heard of it yet. Kafka's followers come with their next fetch after
 * `replica.fetch.wait.max.ms`, and until then nothing that a producer wants from all is acknowledged.
 */
export class FollowerPatience {
  readonly #clock: Clock
  readonly #waiting = new Set<WaitingFetch>()
  #newUntilMs = -Infinity
  #isEnding = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** An epoch begins of a partition that others are to follow here. */
  leadBegan(): void {
    this.#newUntilMs = this.#clock.monotonic() + NEW_MS
    if (this.#isEnding || this.#waiting.size === 0) return
    this.#isEnding = true
    // Mostly there are others that are led from now on, too.
    this.#clock.afterTask(() => {
      this.#isEnding = false
      for (const fetch of [...this.#waiting]) fetch.endWaiting()
    })
  }

  /** How long a fetch may wait that would wait so long. Milliseconds. */
  limit(maxWaitMs: number): number {
    return this.#clock.monotonic() < this.#newUntilMs
      ? Math.min(maxWaitMs, SHORT_WAIT_MS)
      : maxWaitMs
  }

  add(fetch: WaitingFetch): void {
    this.#waiting.add(fetch)
  }

  delete(fetch: WaitingFetch): void {
    this.#waiting.delete(fetch)
  }
}
