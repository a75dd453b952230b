/**
 * Counts the bytes that were read for fetchers and not sent yet. A consumer may ask for fifty megabytes and then read them
 * slowly; a hundred such consumers must not take the node's memory.
 */
export class FetchMemory {
  readonly #maxBytes: number
  #heldBytes = 0

  /** @param maxBytes from here on each fetch gets one batch at a time */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** What may be read beyond the batch that every fetch gets. */
  get leftBytes(): number {
    return Math.max(this.#maxBytes - this.#heldBytes, 0)
  }

  take(sizeBytes: number): void {
    this.#heldBytes += sizeBytes
  }

  give(sizeBytes: number): void {
    this.#heldBytes -= sizeBytes
  }
}
