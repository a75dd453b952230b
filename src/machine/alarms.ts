import type { Clock, Timer } from '../host/host.ts'

/** So many entries of alarms that were cleared, or moved to an earlier time, are kept at the least. */
const SPARE_ENTRIES = 1024

interface Entry {
  readonly name: string
  at: number
}

/**
 * Named alarms on one timer. Moving an alarm to a later time, which every heartbeat does, costs a map update: its entry in
 * the heap stays where it is and is put back when it comes up too early. An entry that is of no use any more stays until
 * it comes up, or half of them are so.
 */
export class Alarms {
  readonly #clock: Clock
  readonly #fire: (name: string) => void
  readonly #times = new Map<string, number>()
  readonly #queued = new Map<string, Entry>()
  readonly #heap: Entry[] = []
  #timer: Timer | null = null
  #timerAt = Infinity
  #isPaused = false
  #closed = false

  constructor(clock: Clock, fire: (name: string) => void) {
    this.#clock = clock
    this.#fire = fire
  }

  /** How many entries are kept, those of no use among them. */
  get entryCount(): number {
    return this.#heap.length
  }

  /** @param at monotonic milliseconds, null to clear */
  set(name: string, at: number | null): void {
    if (this.#closed) return
    if (at === null) {
      this.#times.delete(name)
      this.#dropSpare()
      return
    }
    this.#times.set(name, at)
    const queued = this.#queued.get(name)
    if (queued !== undefined && queued.at <= at) return
    // An entry that is too late is left to come up and find that it is no longer the one in the map.
    this.#push({ name, at })
    this.#dropSpare()
    this.#arm()
  }

  /** Alarms that are set and cleared all the time, each for half an hour, must not add up. */
  #dropSpare(): void {
    if (this.#heap.length <= 2 * this.#times.size + SPARE_ENTRIES) return
    this.#heap.length = 0
    this.#queued.clear()
    for (const [name, at] of this.#times) this.#push({ name, at })
  }

  /** None goes off until they go on: by then its time may be another one. */
  pause(): void {
    this.#isPaused = true
  }

  /** Those go off that are due. */
  goOn(): void {
    this.#isPaused = false
    this.#due()
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#times.clear()
  }

  #arm(): void {
    const next = this.#heap[0]
    if (next === undefined || next.at >= this.#timerAt || this.#closed || this.#isPaused) return
    this.#timer?.cancel()
    this.#timerAt = next.at
    const delayMs = Math.max(0, next.at - this.#clock.monotonic())
    this.#timer = this.#clock.after(delayMs, () => this.#due())
  }

  #due(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#timerAt = Infinity
    const now = this.#clock.monotonic()
    for (;;) {
      const next = this.#heap[0]
      if (next === undefined || next.at > now || this.#closed || this.#isPaused) break
      this.#pop()
      if (this.#queued.get(next.name) !== next) continue
      this.#queued.delete(next.name)
      const at = this.#times.get(next.name)
      if (at === undefined) continue
      if (at > now) {
        this.#push({ name: next.name, at })
        continue
      }
      this.#times.delete(next.name)
      this.#fire(next.name)
    }
    this.#arm()
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    this.#queued.set(entry.name, entry)
    let index = heap.push(entry) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (heap[parent]!.at <= entry.at) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++
      if (heap[child]!.at >= last.at) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
  }
}
