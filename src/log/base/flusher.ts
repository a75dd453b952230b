/** Lets all who ask for a flush while one runs share the next one. */
export class Flusher {
  readonly #flushOnce: () => Promise<void>
  #running: Promise<void> | null = null
  #next: Promise<void> | null = null

  /** @param flushOnce makes everything durable that was written before it was called */
  constructor(flushOnce: () => Promise<void>) {
    this.#flushOnce = flushOnce
  }

  get isRunning(): boolean {
    return this.#running !== null
  }

  flush(): Promise<void> {
    // Where the one before has just ended, the next one is about to begin: two at once would each count on the other.
    if (this.#running === null && this.#next === null) return this.#start()
    this.#next ??= this.#running!.catch(() => undefined).then(() => {
      this.#next = null
      return this.#start()
    })
    return this.#next
  }

  #start(): Promise<void> {
    const running = this.#flushOnce().finally(() => {
      if (this.#running === running) this.#running = null
    })
    this.#running = running
    return running
  }
}
