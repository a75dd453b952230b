import net from 'node:net'
import { hostname } from 'node:os'
import type { Listener, Logger, Network, Socket } from './host.ts'
import { Reader, TcpSocket, WRITE_QUEUE_BYTES } from './tcp-socket.ts'
import { nodeHttp } from './http.ts'
import { nodeTls } from './tls.ts'

/** What one read from a socket can fetch at most. Larger reads cost more CPU for a byte, not less (cache misses). */
const READ_BUFFER_BYTES = 64 * 1024

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
    tls: nodeTls,
    http: nodeHttp,
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
      resolve(new TcpSocket(socket, reader).endWithPeer())
    })
  })
}
