import type { Socket } from '../../../src/host/host.ts'
import { nodeHost } from '../../../src/host/node.ts'
import type { ListenerSasl } from '../../../src/security/sasl/listener-sasl.ts'
import type { ListenerTls } from '../../../src/security/tls/listener-tls.ts'
import type { Pipeline } from '../../../src/server/pipeline.ts'
import { RequestMemory } from '../../../src/server/request-memory.ts'
import { Server } from '../../../src/server/server.ts'
import { FakeSocket } from '../../support/fake-socket.ts'
import { SkippingClock } from '../../support/skipping-clock.ts'

/** Of each kind. */
const MANY = 1000
const ADDRESS_LIMIT = 2 * MANY

/** A handshake that nobody ever ends, but the other side by closing. */
const endless = {
  accept: (socket: Socket) =>
    new Promise<never>((_, reject) => {
      socket.attach({
        data: () => undefined,
        drain: () => undefined,
        close: () => reject(new Error('the connection was closed in the handshake')),
      })
    }),
} as unknown as ListenerTls

async function serving() {
  const lines: string[] = []
  const clock = new SkippingClock()
  const own = nodeHost({
    log: { level: 'info', destination: { write: (line: string) => void lines.push(line) } },
  })
  const accepts: ((socket: Socket) => void)[] = []
  const network = {
    ...own.network,
    listen: (_host: string, _port: number, onSocket: (socket: Socket) => void) => {
      accepts.push(onSocket)
      return Promise.resolve({ host: '', port: 1, close: () => Promise.resolve() })
    },
  }
  const settings = {
    maxRequestBytes: 100 << 20,
    maxConnections: Infinity,
    maxSockets: Infinity,
    maxConnectionsOf: () => ADDRESS_LIMIT,
    maxIdleMs: -1,
  }
  const pipeline = {
    apis: [],
    isPooled: () => false,
    isPipelined: () => false,
    start: () => undefined,
  }
  const server = new Server({ ...own, clock, network }, settings, new RequestMemory(-1))
  const listen = (name: string, tls: ListenerTls | null, sasl: ListenerSasl | null) =>
    server.listen({ name, host: '', port: 0 }, pipeline as unknown as Pipeline, { tls, sasl })
  const maxReceiveBytes = 524_288
  await listen('SSL', endless, null)
  await listen('SASL', null, { maxReceiveBytes } as ListenerSasl)
  server.open()
  const connect = (listener: 'SSL' | 'SASL') => {
    const socket = new FakeSocket()
    accepts[listener === 'SSL' ? 0 : 1]!(socket)
    return socket
  }
  return { server, clock, lines, connect }
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

test('a thousand half-open handshakes and a thousand half log-ins end when their time is over, told of in a few lines', async () => {
  const { server, clock, lines, connect } = await serving()
  const begun = Buffer.alloc(100)
  begun.writeInt32BE(500_000)
  const sockets = Array.from({ length: MANY }, (_, index) => {
    const loggingIn = connect('SASL')
    // Half of them say nothing, the others announce a token that never comes.
    if (index % 2 === 0) loggingIn.receive(begun)
    return [connect('SSL'), loggingIn]
  }).flat()
  expect(sockets.filter(({ closed }) => closed)).toEqual([])
  expect(server.connectionCount).toBe(MANY)
  clock.skip(10_000)
  // One byte now and then is no progress.
  for (const socket of sockets) socket.receive(Buffer.from([0]))
  expect(sockets.filter(({ closed }) => closed)).toEqual([])
  clock.skip(20_001)
  await settled()
  expect(sockets.filter(({ closed }) => !closed)).toEqual([])
  expect(server.connectionCount).toBe(0)
  expect(lines.length).toBeLessThanOrEqual(10)
  expect(lines.join('')).toContain('has not authenticated within 30 s')
  expect(lines.join('')).toContain('it took more than 30 s')
  // Nobody is held against the limit of their address any more.
  const next = Array.from({ length: ADDRESS_LIMIT }, () => connect('SSL'))
  expect(next.filter(({ closed }) => closed)).toEqual([])
  await server.close(0)
})
