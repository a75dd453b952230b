/** Someone who stopped reading because the memory for requests was used up. */
interface Waiter {
  memoryAvailable(): void
}

/** `queued.max.request.bytes`: the bytes of all requests that are not answered yet; -1 sets no limit. */
export class RequestMemory {
  readonly #maxBytes: number
  readonly #waiting = new Set<Waiter>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  add(bytes: number): void {
    this.#bytes += bytes
  }

  remove(bytes: number): void {
    this.#bytes -= bytes
    if (this.#waiting.size === 0 || this.#bytes >= this.#maxBytes) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const waiter of waiting) waiter.memoryAvailable()
  }

  /** Whether the limit is reached; if so, the waiter is told once it no longer is. */
  isFull(waiter: Waiter): boolean {
    const full = this.#maxBytes > 0 && this.#bytes >= this.#maxBytes
    if (full) this.#waiting.add(waiter)
    return full
  }
}
