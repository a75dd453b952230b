import type { Socket } from '../host.ts'
import type { Life, Scheduler } from './scheduler.ts'

/** What the network tells a socket of its way to the other side. */
export interface Wire {
  /** Of this side's machine. */
  readonly address: string
  readonly peerAddress: string
  readonly peerPort: number
  delayMs(): number
  /** Nothing arrives at the other side now. */
  isCut(): boolean
  isPeerPowered(): boolean
  closed(socket: SimSocket): void
}

/** How a machine says that a connection has ended. */
export type Ending = 'fin' | 'rst'

/** Somebody who sees what comes to one side. */
interface SocketWatch {
  arrived(bytes: Buffer): void
  /** The other side's machine says so. */
  ended(how: Ending): void
}

type Packet = { readonly type: 'data'; readonly bytes: Buffer } | { readonly type: Ending }
type Events = Parameters<Socket['attach']>[0]

/** What a kernel takes from a sender before the receiver has read it. */
const WINDOW_BYTES = 256 * 1024
/** As the real network's: how long one who has ended waits for the other's end. */
const LINGER_MS = 500

/**
 * One side of a simulated connection. Bytes arrive in order, some in other pieces than they were sent in; while the way
 * is cut they wait. What is taken by the kernel arrives even where the sender ends right after.
 */
export class SimSocket implements Socket {
  readonly life: Life
  readonly remoteAddress: string
  readonly remotePort: number
  readonly #scheduler: Scheduler
  readonly #wire: Wire
  #peer: SimSocket | null = null
  #watch: SocketWatch | null = null
  #events: Events | null = null
  #isPaused = false
  /** Written, and not taken by the kernel yet. */
  readonly #unsent: { readonly bytes: Buffer; readonly written: (() => void) | undefined }[] = []
  /** Taken, in order; the first is on its way while `#isMoving`. */
  readonly #moving: Packet[] = []
  #isMoving = false
  /** Taken and not read by the other side. */
  #windowBytes = 0
  /** Arrived, and not read by whoever is attached. */
  readonly #unread: Buffer[] = []
  #owesDrain = false
  #isEnding = false
  #isClosed = false
  #closeError: Error | undefined

  constructor(scheduler: Scheduler, life: Life, wire: Wire) {
    this.#scheduler = scheduler
    this.life = life
    this.#wire = wire
    this.remoteAddress = wire.peerAddress
    this.remotePort = wire.peerPort
  }

  join(peer: SimSocket): void {
    this.#peer = peer
  }

  look(watch: SocketWatch): void {
    this.#watch = watch
  }

  attach(events: Events): void {
    this.#events = events
    if (this.#isClosed) return this.#later('closed', () => events.close(this.#closeError))
    this.#later('read', () => this.#read())
  }

  get unsentBytes(): number {
    return this.#unsent.reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  write(chunks: readonly Uint8Array[], written?: () => void): boolean {
    if (this.#isClosed || this.#isEnding) {
      if (written !== undefined) this.#later('written', written)
      return true
    }
    this.#unsent.push({ bytes: Buffer.concat(chunks), written })
    this.#take()
    this.#owesDrain ||= this.#unsent.length > 0
    return this.#unsent.length === 0
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#later('read', () => this.#read())
  }

  end(): void {
    if (this.#isClosed || this.#isEnding) return
    this.#isEnding = true
    this.#unread.length = 0
    this.#take()
    this.#later('linger', () => this.#close(), LINGER_MS)
  }

  destroy(): void {
    if (this.#isClosed) return
    this.#send({ type: 'rst' })
    this.#close()
  }

  /** The way may be free again. */
  wake(): void {
    this.#move()
  }

  /** Whether one side, and only one, is on this machine. */
  isBetween(name: string): boolean {
    const { address, peerAddress } = this.#wire
    return (address === name) !== (peerAddress === name)
  }

  /** The connection breaks, for both sides. */
  reset(): void {
    this.#broken()
    if (this.#peer !== null) this.#peer.#broken()
  }

  /** The process is gone: its kernel says so, where it can. */
  die(isPowered: boolean): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (isPowered) this.#send({ type: 'rst' })
    else this.#moving.length = 0
    this.#wire.closed(this)
  }

  #take(): void {
    while (this.#unsent.length > 0 && this.#windowBytes < WINDOW_BYTES) {
      const { bytes, written } = this.#unsent.shift()!
      this.#windowBytes += bytes.length
      for (const piece of this.#pieces(bytes)) this.#send({ type: 'data', bytes: piece })
      if (written !== undefined) this.#later('written', written)
    }
    if (this.#unsent.length > 0) return
    if (this.#isEnding && !this.#isClosed) this.#send({ type: 'fin' })
    if (!this.#owesDrain) return
    this.#owesDrain = false
    this.#later('drain', () => this.#isClosed || this.#events?.drain())
  }

  /** Now and then in two pieces, as streams have no borders. */
  #pieces(bytes: Buffer): Buffer[] {
    const { random } = this.#scheduler
    if (bytes.length < 2 || random.below(8) > 0) return [bytes]
    const middle = 1 + random.below(bytes.length - 1)
    return [bytes.subarray(0, middle), bytes.subarray(middle)]
  }

  #send(packet: Packet): void {
    this.#moving.push(packet)
    this.#move()
  }

  #move(): void {
    const first = this.#moving[0]
    if (this.#isMoving || first === undefined || this.#wire.isCut()) return
    this.#isMoving = true
    const label = first.type === 'data' ? `data ${first.bytes.length}` : first.type
    this.#scheduler.after(this.#wire.delayMs(), `${label} to ${this.remoteAddress}`, () => {
      this.#isMoving = false
      if (this.#wire.isCut()) return
      const packet = this.#moving.shift()
      if (packet !== undefined) this.#arrive(packet)
      this.#move()
    })
  }

  #arrive(packet: Packet): void {
    const peer = this.#peer!
    if (!peer.#isClosed) peer.#receive(packet)
    // Nobody is there any more, which a kernel says and a machine without power doesn't.
    else if (packet.type === 'data' && this.#wire.isPeerPowered()) this.#broken()
  }

  #receive(packet: Packet): void {
    // A process that stands still finds it when it goes on.
    if (this.#scheduler.isPaused(this.life)) {
      this.#later('received', () => this.#isClosed || this.#receive(packet))
      return
    }
    if (packet.type === 'data') {
      this.#watch?.arrived(packet.bytes)
      this.#unread.push(packet.bytes)
      this.#read()
    } else if (packet.type === 'rst') this.#broken()
    else {
      this.#watch?.ended('fin')
      if (!this.#isEnding) this.#send({ type: 'fin' })
      this.#read()
      this.#close()
    }
  }

  #read(): void {
    while (!this.#isPaused && this.#unread.length > 0 && !this.#isClosed) {
      if (this.#events === null && !this.#isEnding) return
      const bytes = this.#unread.shift()!
      // The reader's memory is used again: whoever keeps a view of it is found out.
      const shown = Buffer.from(bytes)
      if (!this.#isEnding) this.#events?.data(shown)
      shown.fill(0xa5)
      this.#peer!.#wasRead(bytes.length)
    }
  }

  #wasRead(byteCount: number): void {
    this.#windowBytes -= byteCount
    if (!this.#isClosed) this.#take()
  }

  #broken(): void {
    if (this.#isClosed) return
    this.#watch?.ended('rst')
    this.#closeError = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
    this.#moving.length = 0
    this.#close()
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#wire.closed(this)
    for (const { written } of this.#unsent.splice(0)) {
      if (written !== undefined) this.#later('written', written)
    }
    this.#later('closed', () => this.#events?.close(this.#closeError))
  }

  #later(label: string, run: () => void, delayMs = 0): void {
    this.#scheduler.after(delayMs, label, run, this.life)
  }
}
