import type { Host, Socket } from '../../src/host/host.ts'
import { nodeHost } from '../../src/host/node.ts'
import type { Dispatcher } from '../../src/server/dispatch.ts'
import { Server } from '../../src/server/server.ts'
import { FakeSocket } from '../support/fake-socket.ts'

async function listening(maxConnections: number, maxSockets = Infinity) {
  let accept: (socket: Socket) => void = () => {}
  const host: Host = {
    ...nodeHost({ log: { level: 'silent' } }),
    network: {
      hostName: 'localhost',
      listen: (_host, _port, onSocket) => {
        accept = onSocket
        return Promise.resolve({ host: '', port: 1, close: () => Promise.resolve() })
      },
      connect: () => Promise.reject(new Error('nobody connects')),
    },
  }
  const settings = {
    maxRequestBytes: 1000,
    maxQueuedBytes: -1,
    maxConnections,
    maxSockets,
    maxConnectionsOf: () => 100,
    maxIdleMs: -1,
  }
  const server = new Server(host, settings, {} as Dispatcher)
  await server.listen({ name: 'PLAINTEXT', host: '', port: 0 })
  const connect = (): FakeSocket => {
    const socket = new FakeSocket()
    accept(socket)
    return socket
  }
  return { server, connect }
}

describe('Server', () => {
  test('a client that waits for another to leave is not served by a server that closes', async () => {
    const { server, connect } = await listening(1)
    server.open()
    const served = connect()
    const waiting = connect()
    expect(server.connectionCount).toBe(1)
    await server.close(10_000)
    expect([served.closed, waiting.closed]).toEqual([true, true])
    expect(server.connectionCount).toBe(0)
  })

  test('clients that came before it opened are let go when it never does', async () => {
    const { server, connect } = await listening(10)
    const waiting = connect()
    await server.close(10_000)
    expect(waiting.closed).toBe(true)
  })

  test('a connection for which the limit of open files has no room is closed at once', async () => {
    const { server, connect } = await listening(1, 2)
    server.open()
    const served = connect()
    const waiting = connect()
    const refused = connect()
    expect([served.closed, waiting.closed, refused.closed]).toEqual([false, false, true])
    served.destroy()
    expect(connect().closed).toBe(false)
    await server.close(10_000)
  })
})
