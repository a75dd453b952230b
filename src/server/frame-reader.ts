import type { FramePool } from './frame-pool.ts'

/** One request as it came: `bytes` without the length that precedes it. */
export interface Frame {
  readonly bytes: Buffer
  /** Gives the memory back, once nothing refers to `bytes` any more. */
  release(): void
}

/** A length that is negative or above socket.request.max.bytes: the connection can't be used any further. */
export class FrameSizeError extends Error {
  override readonly name = 'FrameSizeError'
  readonly code = 'ERR_FRAME_SIZE'
}

export interface FrameLimits {
  /** Of the next frame. */
  readonly maxBytes: number
  /** Where that comes from. */
  readonly maxBytesSetting?: string
  /** Whether the frames of this API are used up before they are answered, so that their memory may be pooled. */
  readonly pooled: (apiKey: number) => boolean
}

const LENGTH_BYTES = 4
/** What a client begins with that speaks TLS: a record of a handshake, in any version. Taken for a length it is 369 MB. */
const TLS_HANDSHAKE = 0x1603
const PREFIX_BYTES = LENGTH_BYTES + 2

/** Cuts a stream of bytes into frames. Every byte is copied once, into the one buffer its frame lives in. */
export class FrameReader {
  readonly #pool: FramePool
  readonly #limits: FrameLimits
  readonly #prefix = Buffer.alloc(PREFIX_BYTES)
  #prefixFilled = 0
  #body: Buffer | null = null
  #size = 0
  #filled = 0
  #pooled = false

  constructor(pool: FramePool, limits: FrameLimits) {
    this.#pool = pool
    this.#limits = limits
  }

  /** Takes bytes in and hands out the frames they complete. Throws FrameSizeError. */
  feed(bytes: Buffer, onFrame: (frame: Frame) => void): void {
    let at = 0
    while (at < bytes.length) {
      if (this.#body === null) {
        at += this.#feedPrefix(bytes, at)
        if (this.#body === null) continue
      } else {
        at += this.#feedBody(this.#body, bytes, at)
      }
      if (this.#filled === this.#size) onFrame(this.#complete(this.#body))
    }
  }

  /** Memory held for a frame that is not complete. */
  get pendingBytes(): number {
    return this.#body?.length ?? 0
  }

  /** Gives back the memory of a frame that will never be completed. */
  abandon(): void {
    const body = this.#body
    if (body === null) return
    this.#body = null
    this.#pool.addIncomplete(-body.length)
    if (this.#pooled) this.#pool.release(body)
  }

  #feedPrefix(bytes: Buffer, at: number): number {
    if (this.#prefixFilled === 0 && bytes.length - at >= PREFIX_BYTES) {
      this.#checkSize(bytes.readInt32BE(at))
      this.#begin(bytes.readInt16BE(at + LENGTH_BYTES))
      return LENGTH_BYTES
    }
    const count = Math.min(PREFIX_BYTES - this.#prefixFilled, bytes.length - at)
    bytes.copy(this.#prefix, this.#prefixFilled, at, at + count)
    this.#prefixFilled += count
    if (this.#prefixFilled >= LENGTH_BYTES) this.#checkSize(this.#prefix.readInt32BE(0))
    if (this.#prefixFilled === PREFIX_BYTES) {
      this.#prefixFilled = 0
      const body = this.#begin(this.#prefix.readInt16BE(LENGTH_BYTES))
      body[0] = this.#prefix[LENGTH_BYTES]!
      body[1] = this.#prefix[LENGTH_BYTES + 1]!
      this.#filled = 2
    }
    return count
  }

  #checkSize(size: number): void {
    if (size < 2 || size > this.#limits.maxBytes) {
      if (size >>> 16 === TLS_HANDSHAKE) {
        throw new FrameSizeError('it speaks TLS, which this listener has not')
      }
      throw new FrameSizeError(
        `a request of ${size} bytes: the smallest is 2, and ${this.#limits.maxBytesSetting ?? 'socket.request.max.bytes'} is ${this.#limits.maxBytes}`,
      )
    }
    this.#size = size
  }

  #begin(apiKey: number): Buffer {
    this.#pooled = this.#limits.pooled(apiKey)
    this.#filled = 0
    return (this.#body = this.#allocate(this.#pool.aheadOf(this.#size)))
  }

  #allocate(size: number): Buffer {
    const buffer = this.#pooled ? this.#pool.take(size) : Buffer.allocUnsafe(size)
    this.#pool.addIncomplete(buffer.length)
    return buffer
  }

  #feedBody(body: Buffer, bytes: Buffer, at: number): number {
    const count = Math.min(this.#size - this.#filled, bytes.length - at)
    if (this.#filled + count > body.length) body = this.#grow(body, this.#filled + count)
    bytes.copy(body, this.#filled, at, at + count)
    this.#filled += count
    return count
  }

  /** A length is only a promise: memory beyond the first piece follows the bytes, doubling. */
  #grow(body: Buffer, needed: number): Buffer {
    const larger = this.#allocate(Math.min(this.#size, Math.max(needed, 2 * body.length)))
    body.copy(larger, 0, 0, this.#filled)
    this.#pool.addIncomplete(-body.length)
    if (this.#pooled) this.#pool.release(body)
    this.#body = larger
    return larger
  }

  #complete(body: Buffer): Frame {
    this.#body = null
    this.#pool.addIncomplete(-body.length)
    return new CompleteFrame(body, this.#size, this.#pooled ? this.#pool : null)
  }
}

class CompleteFrame implements Frame {
  readonly bytes: Buffer
  readonly #body: Buffer
  readonly #pool: FramePool | null

  constructor(body: Buffer, size: number, pool: FramePool | null) {
    this.bytes = body.length === size ? body : body.subarray(0, size)
    this.#body = body
    this.#pool = pool
  }

  release(): void {
    this.#pool?.release(this.#body)
  }
}
