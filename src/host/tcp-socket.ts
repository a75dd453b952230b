import net from 'node:net'
import type { Socket } from './host.ts'

type SocketEvents = Parameters<Socket['attach']>[0]

/** How much may wait in a socket until `write` says false; Node's own 16 KiB would say so for nearly every answer. */
export const WRITE_QUEUE_BYTES = 256 * 1024

/**
 * How long a client gets to close its side once we have sent our last. Closing at once, with bytes of it unread, would
 * reset the connection and take the last answers with it; waiting for as long as it likes would hold up our end.
 */
const LINGER_MS = 500

/** Hands the bytes of a read to whoever is attached by then. */
export class Reader {
  data: ((bytes: Buffer) => void) | null = null
  /** What was read last: a client's small requests are often of one length. */
  #last: Buffer = Buffer.alloc(0)

  readonly onread = (length: number, buffer: Uint8Array): boolean => {
    if (this.#last.length !== length || this.#last.buffer !== buffer.buffer) {
      this.#last = Buffer.from(buffer.buffer, buffer.byteOffset, length)
    }
    this.data?.(this.#last)
    return true
  }
}

/** A socket's handle, which isn't part of Node's documented API; where it is missing we fall back to `data` events. */
interface WithHandle {
  _handle?: object | null
}

type Peer = Pick<Socket, 'remoteAddress' | 'remotePort'>

function peerOf({ remoteAddress = '', remotePort = 0 }: net.Socket): Peer {
  return { remoteAddress: withoutMapping(remoteAddress), remotePort }
}

/** A socket of node:net, or one of node:tls over it. */
export class TcpSocket implements Socket {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly #socket: net.Socket
  readonly #reader: Reader | null
  #events: SocketEvents | null = null
  #error: Error | undefined
  #closed = false
  #endsWithPeer = false

  /**
   * Takes over a connected socket that doesn't read yet.
   * @param reader null where bytes come as `data` events
   * @param peer who is at the other end, where that is known: the kernel doesn't tell any more once that has reset the connection,
   *   while bytes that came before are still to be read
   */
  constructor(socket: net.Socket, reader: Reader | null, peer: Peer = peerOf(socket)) {
    this.#socket = socket
    this.#reader = reader
    this.remoteAddress = peer.remoteAddress
    this.remotePort = peer.remotePort
    socket.on('error', (error) => {
      this.#error = error
    })
    socket.on('drain', () => this.#events?.drain())
    socket.on('close', () => this.#tellClosed())
  }

  /**
   * Of one that this process has opened the end of what comes is the end of all, and told as soon as it comes. Node would first end
   * this side in order, and tell of the end in a later turn than of what came after it by other sockets.
   */
  endWithPeer(): this {
    this.#endsWithPeer = true
    return this
  }

  #tellClosed(): void {
    if (this.#closed) return
    this.#closed = true
    this.#events?.close(this.#error)
  }

  /**
   * Node gives a server no way to choose the buffer that its sockets read into, only a client (`onread`): so the
   * accepted socket's handle moves into a socket that is made with the option.
   */
  static accepted(accepted: net.Socket, readBuffer: Buffer): TcpSocket {
    const holder = accepted as WithHandle
    const handle = holder._handle
    if (handle == null) return new TcpSocket(accepted, null)
    holder._handle = null
    const reader = new Reader()
    const socket = new net.Socket({
      handle,
      manualStart: true,
      writableHighWaterMark: WRITE_QUEUE_BYTES,
      onread: { buffer: readBuffer, callback: reader.onread },
    } as net.SocketConstructorOpts)
    return new TcpSocket(socket, reader)
  }

  /** Node's own, for who speaks TLS over it; nobody may be attached. */
  get inner(): net.Socket {
    return this.#socket
  }

  attach(events: SocketEvents): void {
    this.#events = events
    if (this.#closed) return setImmediateCall(() => events.close(this.#error))
    if (this.#reader !== null) this.#reader.data = events.data
    else this.#socket.removeAllListeners('data').on('data', events.data)
    if (this.#endsWithPeer) {
      this.#socket.once('end', () => {
        this.#tellClosed()
        this.#socket.destroy()
      })
    }
    this.#socket.resume()
  }

  write(chunks: readonly Uint8Array[], written?: () => void): boolean {
    const socket = this.#socket
    const last = chunks.length - 1
    if (last < 0 || !socket.writable) {
      if (written !== undefined) setImmediateCall(written)
      return true
    }
    if (last === 0) return socket.write(chunks[0]!, written)
    socket.cork()
    let ready = true
    for (let index = 0; index <= last; index++) {
      ready = socket.write(chunks[index]!, index === last ? written : undefined)
    }
    socket.uncork()
    return ready
  }

  get unsentBytes(): number {
    return this.#socket.writableLength
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    const socket = this.#socket
    if (this.#reader !== null) this.#reader.data = null
    else socket.removeAllListeners('data')
    // Unread bytes would hide the client's own end.
    socket.resume()
    socket.end(() => {
      const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref()
      socket.once('close', () => clearTimeout(timer))
    })
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

function setImmediateCall(callback: () => void): void {
  setImmediate(callback)
}

/** IPv4 clients of a listener on both protocols come as ::ffff:192.0.2.1; Kafka shows and compares the IPv4 address. */
function withoutMapping(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
