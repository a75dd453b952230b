import type { BufferPool } from '../host/buffer-pool.ts'

/**
 * The memory of the answers that one gets who asks for one thing at a time, and is done with an answer before asking again: it is used
 * for the next one, too. Between answers it is the pool's.
 */
export class AnswerMemory {
  readonly #pool: BufferPool
  #taken: Buffer | null = null

  constructor(pool: BufferPool) {
    this.#pool = pool
  }

  /** For an answer of so many bytes that begins to arrive. */
  take(sizeBytes: number): Buffer {
    this.#taken = this.#pool.take(sizeBytes)
    return this.#taken.subarray(0, sizeBytes)
  }

  /** Nobody looks at the last answer any more. */
  give(): void {
    if (this.#taken !== null) this.#pool.give(this.#taken)
    this.#taken = null
  }

  /** It is not known who looks at the last answer still: it is left to the garbage collector. */
  leave(): void {
    this.#taken = null
  }
}
