/** Buffers from 4 KiB on come in powers of two, so that one fits the next frame of about its size. */
const SMALLEST_POOLED_BYTES = 4096

/** A frame's memory is taken before its bytes arrive, but no more than this ahead of them... */
const MAX_AHEAD_BYTES = 1 << 20
/** ...and no more than this once so much is taken for frames that aren't complete: there are thousands who promise and don't send. */
const CAREFUL_AHEAD_BYTES = 2048
const MAX_INCOMPLETE_BYTES = 64 << 20

/**
 * Reuses the buffers of large requests. Fresh memory for every megabyte of records costs more than handling them does.
 * The bytes kept for reuse are bounded; what is beyond goes to the garbage collector.
 */
export class FramePool {
  readonly #free = new Map<number, Buffer[]>()
  readonly #maxIdleBytes: number
  #idleBytes = 0
  #incompleteBytes = 0

  constructor(maxIdleBytes: number) {
    this.#maxIdleBytes = maxIdleBytes
  }

  /** How much of a frame to take memory for before its bytes are there. */
  aheadOf(frameBytes: number): number {
    const isMuch = this.#incompleteBytes >= MAX_INCOMPLETE_BYTES
    return Math.min(frameBytes, isMuch ? CAREFUL_AHEAD_BYTES : MAX_AHEAD_BYTES)
  }

  /** So much more, or less, is held for frames that aren't complete. */
  addIncomplete(bytes: number): void {
    this.#incompleteBytes += bytes
  }

  /** A buffer of at least `size` bytes with any content; give it back with `release`. */
  take(size: number): Buffer {
    if (size < SMALLEST_POOLED_BYTES) return Buffer.allocUnsafe(size)
    const capacity = 2 ** Math.ceil(Math.log2(size))
    const buffer = this.#free.get(capacity)?.pop()
    if (buffer === undefined) return Buffer.allocUnsafeSlow(capacity)
    this.#idleBytes -= capacity
    return buffer
  }

  /** Gives back what `take` gave. Nobody may look at it any more. */
  release(buffer: Buffer): void {
    const capacity = buffer.length
    if (capacity < SMALLEST_POOLED_BYTES || this.#idleBytes + capacity > this.#maxIdleBytes) return
    const free = this.#free.get(capacity)
    if (free === undefined) this.#free.set(capacity, [buffer])
    else free.push(buffer)
    this.#idleBytes += capacity
  }
}
