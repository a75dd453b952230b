/** No answer that we ask for comes near it; TLS and HTTP, read as a length, are above it. */
const MAX_FRAME_BYTES = 256 * 1024 * 1024
/** What who speaks TLS says to who doesn't. As a length it would be above that. */
const TLS_ALERT = 0x15
const TLS_MAJOR = 0x03

/** Cuts what a socket receives into frames: an int32 length, and as many bytes. */
export class FrameCutter {
  readonly #deliver: (frame: Buffer) => void
  readonly #memoryFor: (sizeBytes: number) => Buffer
  readonly #length = Buffer.alloc(4)
  #lengthBytes = 0
  #frame: Buffer | null = null
  #filled = 0

  /** @param memoryFor of the frame that begins, exactly so many bytes; memory of its own where it is left out */
  constructor(
    deliver: (frame: Buffer) => void,
    memoryFor: (sizeBytes: number) => Buffer = (sizeBytes) => Buffer.allocUnsafe(sizeBytes),
  ) {
    this.#deliver = deliver
    this.#memoryFor = memoryFor
  }

  /** @returns null, or what is wrong with the bytes, after which nothing more may be pushed */
  push(bytes: Buffer): string | null {
    let at = 0
    while (at < bytes.length) {
      if (this.#frame === null) {
        this.#length[this.#lengthBytes++] = bytes[at++]!
        if (this.#lengthBytes < 4) continue
        const size = this.#length.readInt32BE(0)
        if (this.#length[0] === TLS_ALERT && this.#length[1] === TLS_MAJOR) {
          return 'it speaks TLS, and security.protocol says PLAINTEXT here, or SASL_PLAINTEXT'
        }
        if (size < 0 || size > MAX_FRAME_BYTES) {
          return `an answer that begins with ${JSON.stringify(this.#length.toString('latin1'))}`
        }
        this.#lengthBytes = 0
        this.#frame = this.#memoryFor(size)
        this.#filled = 0
      } else {
        const count = Math.min(this.#frame.length - this.#filled, bytes.length - at)
        bytes.copy(this.#frame, this.#filled, at, at + count)
        this.#filled += count
        at += count
      }
      if (this.#frame !== null && this.#filled === this.#frame.length) {
        const frame = this.#frame
        this.#frame = null
        this.#deliver(frame)
      }
    }
    return null
  }
}
