import type { Socket } from '../../src/host/host.ts'

/** A socket whose other end is the test. */
export class FakeSocket implements Socket {
  readonly remoteAddress: string
  readonly remotePort = 50_000
  readonly written: Buffer[] = []
  /** The very chunks of the writes, as they are now. */
  readonly chunks: Uint8Array[] = []
  /** Told when what was written is sent; with `isSlow` that is the test's affair. */
  readonly awaiting: (() => void)[] = []
  isSlow = false
  paused = false
  closed = false
  /** What `write` says: false asks the writer to wait for `drain`. */
  hasRoom = true
  unsentBytes = 0
  #events: Parameters<Socket['attach']>[0] | null = null

  constructor(remoteAddress = '127.0.0.1') {
    this.remoteAddress = remoteAddress
  }

  attach(events: Parameters<Socket['attach']>[0]): void {
    this.#events = events
  }

  write(chunks: readonly Uint8Array[], written?: () => void): boolean {
    this.written.push(Buffer.concat(chunks))
    this.chunks.push(...chunks)
    if (written !== undefined && this.isSlow) this.awaiting.push(written)
    else written?.()
    return this.hasRoom
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  end(): void {
    this.destroy()
  }

  /** The connection ends, and not by what is done here. */
  breaks(error?: Error): void {
    this.closed = true
    this.#events?.close(error)
  }

  destroy(): void {
    if (this.closed) return
    this.closed = true
    this.#events?.close()
  }

  /** As with the real ones, what was received is overwritten when the call is over. */
  receive(bytes: Buffer): void {
    const shared = Buffer.from(bytes)
    this.#events?.data(shared)
    shared.fill(0xee)
  }

  drain(): void {
    this.hasRoom = true
    this.#events?.drain()
  }
}
