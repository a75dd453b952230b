import type { Host, Socket } from '../../src/host/host.ts'
import type { ConnectionContext } from '../../src/handlers/context.ts'
import { nodeHost } from '../../src/host/node.ts'
import type { Pipeline } from '../../src/server/pipeline.ts'
import { RequestMemory } from '../../src/server/request-memory.ts'
import type { ListenerTls } from '../../src/security/tls/listener-tls.ts'
import { Server } from '../../src/server/server.ts'
import { FakeSocket } from '../support/fake-socket.ts'
import { SkippingClock } from '../support/skipping-clock.ts'

interface Limits {
  readonly maxConnections?: number
  readonly maxSockets?: number
  readonly perAddress?: number
  readonly maxIdleMs?: number
  readonly tls?: ListenerTls | null
}

async function listening({
  maxConnections = 100,
  maxSockets = Infinity,
  perAddress = 100,
  maxIdleMs = -1,
  tls = null,
}: Limits) {
  let accept: (socket: Socket) => void = () => {}
  const clock = new SkippingClock()
  const own = nodeHost({ log: { level: 'silent' } })
  const host: Host = {
    ...own,
    clock,
    network: {
      tls: own.network.tls,
      http: own.network.http,
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
    maxConnections,
    maxSockets,
    maxConnectionsOf: () => perAddress,
    maxIdleMs,
  }
  /** The connections of the requests that were started, in their order. */
  const started: ConnectionContext[] = []
  const pipeline = {
    apis: [],
    isPooled: () => false,
    isPipelined: () => false,
    start: (_: Buffer, context: ConnectionContext) => void started.push(context),
  } as unknown as Pipeline
  const server = new Server(host, settings, new RequestMemory(-1))
  await server.listen({ name: 'PLAINTEXT', host: '', port: 0 }, pipeline, { tls, sasl: null })
  const connect = (remoteAddress?: string): FakeSocket => {
    const socket = new FakeSocket(remoteAddress)
    accept(socket)
    return socket
  }
  return { server, connect, clock, started }
}

/** A request of eight bytes with its length. */
function request(): Buffer {
  const frame = Buffer.alloc(12)
  frame.writeInt32BE(8)
  return frame
}

describe('Server', () => {
  test('who has reset its connection before it was accepted is nobody, and asks nothing', async () => {
    const { server, connect, started } = await listening({})
    server.open()
    const gone = connect('')
    expect(gone.closed).toBe(true)
    gone.receive(request())
    expect(started).toEqual([])
  })

  test('who has not finished a handshake counts for all limits, until it fails', async () => {
    const handshakes: ((error: Error) => void)[] = []
    const accept = () => new Promise<never>((_, reject) => handshakes.push(reject))
    const tls = { accept } as unknown as ListenerTls
    const { server, connect } = await listening({ perAddress: 2, maxSockets: 3, tls })
    server.open()
    const [, , third] = [connect(), connect(), connect()]
    expect([third.closed, server.connectionCount, handshakes.length]).toEqual([true, 0, 2])
    handshakes[0]!(new Error('it was none'))
    await new Promise<void>((resolve) => setImmediate(resolve))
    expect(connect().closed).toBe(false)
    expect(connect().closed).toBe(true)
    await server.close(0)
  })

  test('a client that is dismissed loses its connection, and nobody else does', async () => {
    const { server, connect, started } = await listening({})
    server.open()
    const [first] = [connect(), connect()]
    first.receive(request())
    started[0]!.presence.dismiss()
    expect([started[0]!.presence.hasLeft, server.connectionCount]).toEqual([true, 1])
  })

  test('a client that waits for another to leave is not served by a server that closes', async () => {
    const { server, connect } = await listening({ maxConnections: 1 })
    server.open()
    const served = connect()
    const waiting = connect()
    expect(server.connectionCount).toBe(1)
    await server.close(10_000)
    expect([served.closed, waiting.closed]).toEqual([true, true])
    expect(server.connectionCount).toBe(0)
  })

  test('clients that came before it opened are let go when it never does', async () => {
    const { server, connect } = await listening({ maxConnections: 10 })
    const waiting = connect()
    await server.close(10_000)
    expect(waiting.closed).toBe(true)
  })

  test('a connection for which the limit of open files has no room is closed at once', async () => {
    const { server, connect } = await listening({ maxConnections: 1, maxSockets: 2 })
    server.open()
    const served = connect()
    const waiting = connect()
    const refused = connect()
    expect([served.closed, waiting.closed, refused.closed]).toEqual([false, false, true])
    served.destroy()
    expect(connect().closed).toBe(false)
    await server.close(10_000)
  })

  test('serves who waits in the order in which they came, with what they have sent meanwhile', async () => {
    const { server, connect, started } = await listening({ maxConnections: 1 })
    server.open()
    const served = connect()
    const [second, third] = [connect(), connect()]
    third.receive(request().subarray(0, 5))
    third.receive(request().subarray(5))
    second.receive(request())
    expect([server.connectionCount, started]).toEqual([1, []])
    served.destroy()
    expect(started.map(({ id }) => id)).toEqual([2])
    second.destroy()
    expect(started.map(({ id }) => id)).toEqual([2, 3])
    await server.close(0)
  })

  test('those who connect before it is open are served when it opens, all of them', async () => {
    const { server, connect, started } = await listening({})
    const early = [connect(), connect(), connect()]
    for (const socket of early) socket.receive(request())
    expect([server.connectionCount, started]).toEqual([0, []])
    server.open()
    expect(started.map(({ id }) => id)).toEqual([1, 2, 3])
    for (const socket of early) socket.destroy()
    await server.close(0)
  })

  test('reads no more of one who waits than its first requests', async () => {
    const { server, connect } = await listening({ maxConnections: 1 })
    server.open()
    const served = connect()
    const waiting = connect()
    waiting.receive(Buffer.alloc(4095))
    expect(waiting.paused).toBe(false)
    waiting.receive(Buffer.alloc(1))
    expect(waiting.paused).toBe(true)
    served.destroy()
    await server.close(0)
  })

  test('one who waited and has gone is served no more, and counts for its address no more', async () => {
    const { server, connect, started } = await listening({ maxConnections: 1, perAddress: 3 })
    server.open()
    const served = connect()
    const [gone, next] = [connect(), connect()]
    expect(connect().closed).toBe(true)
    gone.receive(request())
    gone.destroy()
    next.receive(request())
    expect(connect().closed).toBe(false)
    served.destroy()
    expect(started.map(({ id }) => id)).toEqual([2])
    await server.close(0)
  })

  test('a connection that was closed does not count for max.connections.per.ip', async () => {
    const { server, connect } = await listening({ perAddress: 2 })
    server.open()
    const sockets = [connect(), connect()]
    for (let round = 0; round < 3; round++) {
      expect(connect().closed).toBe(true)
      sockets.shift()!.destroy()
      const next = connect()
      expect(next.closed).toBe(false)
      sockets.push(next)
    }
    await server.close(0)
  })

  test('one who is idle for longer than connections.max.idle.ms is closed, and not one who waits for an answer', async () => {
    const { server, connect, clock } = await listening({ maxIdleMs: 8000 })
    server.open()
    const [silent, busy] = [connect(), connect()]
    busy.receive(request())
    clock.skip(7000)
    expect([silent.closed, busy.closed]).toEqual([false, false])
    clock.skip(4000)
    expect([silent.closed, busy.closed]).toEqual([true, false])
    busy.destroy()
    await server.close(0)
  })

  test('one who waits for room for longer than connections.max.idle.ms is closed', async () => {
    const { server, connect, clock } = await listening({ maxConnections: 1, maxIdleMs: 8000 })
    server.open()
    const busy = connect()
    busy.receive(request())
    const waiting = connect()
    clock.skip(7000)
    expect([busy.closed, waiting.closed]).toEqual([false, false])
    clock.skip(4000)
    expect([busy.closed, waiting.closed]).toEqual([false, true])
    busy.destroy()
    await server.close(0)
  })

  test('closes who does not get its answers in time', async () => {
    const { server, connect, clock } = await listening({})
    server.open()
    const busy = connect()
    busy.receive(request())
    let isClosed = false
    const closed = server.close(5000).then(() => (isClosed = true))
    expect(busy.paused).toBe(true)
    clock.skip(4000)
    expect([busy.closed, isClosed]).toEqual([false, false])
    expect(connect().closed).toBe(true)
    clock.skip(2000)
    expect(busy.closed).toBe(true)
    await closed
  })
})
