import type { Clock, Timer } from '../host/host.ts'
import type { FetchToAnswer } from './types.ts'

/** As Apache Kafka's raft client asks for; who would wait longer is answered all the same. */
const MAX_WAIT_MS = 500

interface FetchSource {
  highWatermark(): number
  /** Whether this node leads in that epoch, still. */
  leads(epoch: number): boolean
  /** Uncommitted records from an offset on, null at the end of the log. */
  read(offset: number): Promise<Buffer | null>
  reply(fetch: FetchToAnswer, records: Buffer | null): void
  failed(error: Error): void
}

/** Followers' fetches that wait for something to tell them: records, or a later high watermark. By their request's id. */
export class ParkedFetches {
  readonly #clock: Clock
  readonly #source: FetchSource
  readonly #parked = new Map<number, { readonly fetch: FetchToAnswer; readonly timer: Timer }>()
  /** How often there was news. */
  #wakes = 0
  #isClosed = false

  constructor(clock: Clock, source: FetchSource) {
    this.#clock = clock
    this.#source = source
  }

  answer(fetch: FetchToAnswer): void {
    this.#take(fetch.requestId)
    const wakes = this.#wakes
    this.#source.read(fetch.offset).then(
      (records) => {
        if (this.#isClosed) return
        const isNews = records !== null || this.#source.highWatermark() > fetch.highWatermark
        const mayWait = fetch.maxWaitMs > 0 && this.#source.leads(fetch.epoch)
        if (isNews || !mayWait) this.#source.reply(fetch, records)
        // What was appended during the read may not be in it.
        else if (wakes !== this.#wakes) this.answer(fetch)
        else this.#park(fetch)
      },
      (error: Error) => this.#source.failed(error),
    )
  }

  /** Something was appended or committed. */
  wake(): void {
    this.#wakes++
    for (const { fetch } of [...this.#parked.values()]) this.answer(fetch)
  }

  /** Nothing will come: all are answered. */
  release(): void {
    for (const { fetch } of [...this.#parked.values()]) {
      this.#take(fetch.requestId)
      this.#source.reply(fetch, null)
    }
  }

  close(): void {
    this.#isClosed = true
    for (const requestId of [...this.#parked.keys()]) this.#take(requestId)
  }

  #park(fetch: FetchToAnswer): void {
    const timer = this.#clock.after(Math.min(fetch.maxWaitMs, MAX_WAIT_MS), () => {
      this.#parked.delete(fetch.requestId)
      this.#source.reply(fetch, null)
    })
    this.#parked.set(fetch.requestId, { fetch, timer })
  }

  #take(requestId: number): void {
    this.#parked.get(requestId)?.timer.cancel()
    this.#parked.delete(requestId)
  }
}
