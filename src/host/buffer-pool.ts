const SMALLEST_CLASS_BYTES = 16 * 1024
const GREATEST_CLASS_BYTES = 4 * 1024 * 1024

/**
 * Large buffers that are used again and again. Fresh memory costs more than to read into it; and as its bytes are counted by the
 * garbage collector, each thirty megabytes of it have that look through all that is alive.
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

  /** A buffer of at least this length, with anything in it. */
  take(lengthBytes: number): Buffer {
    if (lengthBytes > this.#greatestBytes) return Buffer.allocUnsafeSlow(lengthBytes)
    const classBytes = classOf(lengthBytes)
    const buffer = this.#free.get(classBytes)?.pop()
    if (buffer === undefined) return Buffer.allocUnsafeSlow(classBytes)
    this.#pooledBytes -= classBytes
    return buffer
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
