import net from 'node:net'
import { hostname } from 'node:os'
import type { Listener, Logger, Network, Socket } from './host.ts'

type SocketEvents = Parameters<Socket['attach']>[0]

/** What one read from a socket can fetch at most. Larger reads cost more CPU for a byte, not less (cache misses). */
const READ_BUFFER_BYTES = 64 * 1024

/** How much may wait in a socket until `write` says false; Node's own 16 KiB would say so for nearly every answer. */
const WRITE_QUEUE_BYTES = 256 * 1024

/**
 * How long a client gets to close its side once we have sent our last. Closing at once, with bytes of it unread, would
 * reset the connection and take the last answers with it; waiting for as long as it likes would hold up our end.
 */
const LINGER_MS = 500

/**
 * TCP by node:net. All sockets read into one buffer: Node's default takes 64 KiB of fresh memory for each read, which
 * costs about half of the CPU time of receiving. On Unix a read and its callback are one step, so that one buffer
 * serves all; Windows reads ahead, and there each socket gets its own.
 */
export function tcpNetwork(log: Logger): Network {
  const shared = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES)
  const readBuffer = (): Buffer =>
    process.platform === 'win32' ? Buffer.allocUnsafeSlow(READ_BUFFER_BYTES) : shared
  return {
    hostName: hostname(),
    listen: (host, port, accept) => listen(host, port, accept, readBuffer, log),
    connect: (host, port) => connect(host, port, readBuffer()),
  }
}

function listen(
  host: string,
  port: number,
  accept: (socket: Socket) => void,
  readBuffer: () => Buffer,
  log: Logger,
): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const server = net.createServer(
      { pauseOnConnect: true, noDelay: true, keepAlive: true },
      (accepted) => accept(TcpSocket.accepted(accepted, readBuffer())),
    )
    server.once('error', reject)
    server.listen({ port, backlog: 511, ...(host === '' ? {} : { host }) }, () => {
      server.off('error', reject)
      server.on('error', (error) => log.warn({ err: error }, 'Could not accept a connection'))
      const address = server.address() as net.AddressInfo
      resolve({
        host: address.address,
        port: address.port,
        close: () =>
          new Promise((closed) => {
            // The server's own event would wait for the accepted sockets, too; the port is free after this turn.
            server.close()
            setImmediate(closed)
          }),
      })
    })
  })
}

function connect(host: string, port: number, readBuffer: Buffer): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const reader = new Reader()
    const socket = net.connect({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      writableHighWaterMark: WRITE_QUEUE_BYTES,
      onread: { buffer: readBuffer, callback: reader.onread },
    } as net.NetConnectOpts)
    socket.pause()
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(new TcpSocket(socket, reader))
    })
  })
}

/** Hands the bytes of a read to whoever is attached by then. */
class Reader {
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

class TcpSocket implements Socket {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly #socket: net.Socket
  readonly #reader: Reader | null
  #events: SocketEvents | null = null
  #error: Error | undefined
  #closed = false

  /** Takes over a connected socket that doesn't read yet. `reader` is null where bytes come as `data` events. */
  constructor(socket: net.Socket, reader: Reader | null) {
    this.#socket = socket
    this.#reader = reader
    this.remoteAddress = withoutMapping(socket.remoteAddress ?? '')
    this.remotePort = socket.remotePort ?? 0
    socket.on('error', (error) => {
      this.#error = error
    })
    socket.on('drain', () => this.#events?.drain())
    socket.on('close', () => {
      this.#closed = true
      this.#events?.close(this.#error)
    })
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

  attach(events: SocketEvents): void {
    this.#events = events
    if (this.#closed) return setImmediateCall(() => events.close(this.#error))
    if (this.#reader !== null) this.#reader.data = events.data
    else this.#socket.removeAllListeners('data').on('data', events.data)
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
