const SMALLEST_CLASS_BYTES = 16 * 1024
const GREATEST_CLASS_BYTES = 4 * 1024 * 1024

/**
 * Large buffers that are used again and again. Fresh memory costs more than to read into it; and its bytes count for the garbage
 * collector, which looks through all that is alive once for each hundred megabytes of it.
 */
export class BufferPool {
  readonly #budgetBytes: number
  readonly #greatestBytes: number
  #pooledBytes = 0
  readonly #free = new Map<number, Buffer[]>()

  /**
   * @param budgetBytes kept for reuse at most
   * @param greatestBytes a power of two; larger buffers are not kept
   */
  constructor(budgetBytes: number, greatestBytes = GREATEST_CLASS_BYTES) {
    this.#budgetBytes = budgetBytes
    this.#greatestBytes = greatestBytes
  }

  /** A buffer of at least this length, with anything in it: a larger one where there is none of its class, so that none is kept in vain. */
  take(lengthBytes: number): Buffer {
    if (lengthBytes > this.#greatestBytes) return Buffer.allocUnsafeSlow(lengthBytes)
    const classBytes = classOf(lengthBytes)
    for (let bytes = classBytes; bytes <= this.#greatestBytes; bytes *= 2) {
      const buffer = this.#free.get(bytes)?.pop()
      if (buffer === undefined) continue
      this.#pooledBytes -= bytes
      return buffer
    }
    return Buffer.allocUnsafeSlow(classBytes)
  }

  /** Gives back a buffer that `take` returned and that nobody looks at any more. */
  give(buffer: Buffer): void {
    const isPoolable =
      buffer.length <= this.#greatestBytes && classOf(buffer.length) === buffer.length
    if (!isPoolable || this.#pooledBytes + buffer.length > this.#budgetBytes) return
    let free = this.#free.get(buffer.length)
    if (free === undefined) this.#free.set(buffer.length, (free = []))
    free.push(buffer)
    this.#pooledBytes += buffer.length
  }
}

function classOf(lengthBytes: number): number {
  let classBytes = SMALLEST_CLASS_BYTES
  while (classBytes < lengthBytes) classBytes *= 2
  return classBytes
}
