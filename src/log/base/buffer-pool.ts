const SMALLEST_CLASS_BYTES = 16 * 1024
const GREATEST_CLASS_BYTES = 4 * 1024 * 1024

/** Buffers for reading files, used again and again: fresh memory costs more than reading into it. */
export class BufferPool {
  readonly #budgetBytes: number
  #pooledBytes = 0
  readonly #free = new Map<number, Buffer[]>()

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes
  }

  /** A buffer of at least this length, with anything in it. */
  take(lengthBytes: number): Buffer {
    if (lengthBytes > GREATEST_CLASS_BYTES) return Buffer.allocUnsafeSlow(lengthBytes)
    const classBytes = classOf(lengthBytes)
    const buffer = this.#free.get(classBytes)?.pop()
    if (buffer === undefined) return Buffer.allocUnsafeSlow(classBytes)
    this.#pooledBytes -= classBytes
    return buffer
  }

  /** Gives back a buffer that `take` returned and that nobody looks at any more. */
  give(buffer: Buffer): void {
    const isPoolable =
      buffer.length <= GREATEST_CLASS_BYTES && classOf(buffer.length) === buffer.length
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
