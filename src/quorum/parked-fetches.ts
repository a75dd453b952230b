import type { Clock, Timer } from '../host/host.ts'
import type { FetchMemory, MemoryWaiter } from '../log/read/memory.ts'
import type { FetchToAnswer } from './types.ts'
import { holdUntilSent, UnsentMemory, type Asker } from './unsent.ts'

/** As Apache Kafka's raft client asks for; who would wait longer is answered all the same. */
const MAX_WAIT_MS = 500

interface FetchSource {
  highWatermark(): number
  /** From there on there is nothing to be read. */
  logEnd(): number
  /** Whether this node leads in that epoch, still. */
  leads(epoch: number): boolean
  /** Uncommitted records from an offset on, null where they were removed meanwhile. */
  read(offset: number): Promise<Buffer | null>
  /** Null where nobody minds how long what was read is held. */
  askerOf(fetch: FetchToAnswer): Asker | null
  reply(fetch: FetchToAnswer, records: Buffer | null): void
  failed(error: Error): void
}

/** A read of the log, for all who ask from the same offset before it ends. */
interface Reading {
  readonly key: string
  readonly epoch: number
  readonly offset: number
  readonly memory: FetchMemory
  readonly waiter: MemoryWaiter
  /** By their request's id; each with the end of its patience while there is no memory for the read. */
  readonly fetches: Map<number, { readonly fetch: FetchToAnswer; readonly timer: Timer | null }>
  hasBegun: boolean
}

/**
 * Followers' fetches that are not answered yet: for some the log is read, and others wait for something to tell them: records,
 * or a later high watermark. All that one append wakes share one read. By their request's id.
 */
export class ParkedFetches {
  /** For what was read for other nodes; snapshots, too, take theirs from it. */
  readonly memory: UnsentMemory
  readonly #clock: Clock
  readonly #source: FetchSource
  readonly #parked = new Map<number, { readonly fetch: FetchToAnswer; readonly timer: Timer }>()
  readonly #readings = new Map<string, Reading>()
  #isClosed = false

  constructor(clock: Clock, source: FetchSource) {
    this.memory = new UnsentMemory(clock)
    this.#clock = clock
    this.#source = source
  }

  answer(fetch: FetchToAnswer): void {
    this.#take(fetch.requestId)
    if (fetch.offset < this.#source.logEnd()) return this.#read(fetch)
    const isNews = this.#source.highWatermark() > fetch.highWatermark
    const mayWait = fetch.maxWaitMs > 0 && this.#source.leads(fetch.epoch)
    if (isNews || !mayWait) this.#source.reply(fetch, null)
    else this.#park(fetch)
  }

  /** Something was appended or committed. */
  wake(): void {
    for (const { fetch } of [...this.#parked.values()]) this.answer(fetch)
  }

  /** Nothing will come: all are answered, those that are read for when that has ended. */
  release(): void {
    for (const { fetch } of [...this.#parked.values()]) {
      this.#take(fetch.requestId)
      this.#source.reply(fetch, null)
    }
    for (const reading of this.#waitingForMemory()) {
      for (const { fetch } of [...reading.fetches.values()]) this.#giveUp(reading, fetch)
    }
  }

  close(): void {
    this.#isClosed = true
    for (const requestId of [...this.#parked.keys()]) this.#take(requestId)
    for (const reading of this.#waitingForMemory()) {
      for (const { timer } of reading.fetches.values()) timer?.cancel()
      this.#forget(reading)
    }
  }

  #park(fetch: FetchToAnswer): void {
    const timer = this.#clock.after(waitMs(fetch), () => {
      this.#parked.delete(fetch.requestId)
      this.#source.reply(fetch, null)
    })
    this.#parked.set(fetch.requestId, { fetch, timer })
  }

  #take(requestId: number): void {
    this.#parked.get(requestId)?.timer.cancel()
    this.#parked.delete(requestId)
  }

  #read(fetch: FetchToAnswer): void {
    const key = `${fetch.isVoter} ${fetch.offset}`
    const known = this.#readings.get(key)
    // In another epoch other records may be there.
    const reading = known?.epoch === fetch.epoch ? known : this.#beginSoon(key, fetch)
    // Where there is no memory it is answered in time all the same, and asks again.
    const timer = reading.hasBegun
      ? null
      : this.#clock.after(waitMs(fetch), () => this.#giveUp(reading, fetch))
    reading.fetches.set(fetch.requestId, { fetch, timer })
  }

  #beginSoon(key: string, { epoch, offset, isVoter }: FetchToAnswer): Reading {
    const memory = this.memory.of(isVoter)
    const granted = (): void => this.#begin(reading)
    const waiter = { needsLargeBatch: false, granted }
    const fetches: Reading['fetches'] = new Map()
    const reading: Reading = { key, epoch, offset, memory, waiter, fetches, hasBegun: false }
    this.#readings.set(key, reading)
    if (memory.grant()) this.#begin(reading)
    else memory.wait(waiter)
    return reading
  }

  #begin(reading: Reading): void {
    reading.hasBegun = true
    for (const { timer } of reading.fetches.values()) timer?.cancel()
    this.#source.read(reading.offset).then(
      (records) => this.#ended(reading, records),
      (error: Error) => this.#source.failed(error),
    )
  }

  #ended(reading: Reading, records: Buffer | null): void {
    const { key, memory } = reading
    if (this.#readings.get(key) === reading) this.#readings.delete(key)
    const fetches = this.#isClosed ? [] : [...reading.fetches.values()]
    const askers = fetches.flatMap(({ fetch }) => this.#source.askerOf(fetch) ?? [])
    if (records === null) holdUntilSent(memory, 0, [])
    else holdUntilSent(memory, records.length, askers)
    for (const { fetch } of fetches) this.#source.reply(fetch, records)
  }

  /** There was no memory for a fetch as long as it may wait, or there is nothing to read any more. */
  #giveUp(reading: Reading, fetch: FetchToAnswer): void {
    reading.fetches.get(fetch.requestId)?.timer?.cancel()
    reading.fetches.delete(fetch.requestId)
    if (reading.fetches.size === 0) this.#forget(reading)
    this.#source.reply(fetch, null)
  }

  #forget({ key, memory, waiter }: Reading): void {
    this.#readings.delete(key)
    memory.stopWaiting(waiter)
  }

  #waitingForMemory(): Reading[] {
    return [...this.#readings.values()].filter(({ hasBegun }) => !hasBegun)
  }
}

function waitMs({ maxWaitMs }: FetchToAnswer): number {
  return Math.min(maxWaitMs, MAX_WAIT_MS)
}
