import net from 'node:net'
import { encode } from '../../protocol/codec.ts'
import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import type { Socket } from '../../src/host/host.ts'
import { nodeHost } from '../../src/host/node.ts'
import { SimMachine } from '../../src/host/sim/machine.ts'
import { SimNetwork } from '../../src/host/sim/network.ts'
import { Scheduler } from '../../src/host/sim/scheduler.ts'
import { Connection, connectSocket } from '../../src/peer/connection.ts'
import { IN_THE_CLEAR, type PeerSecurity, type SaslLogin } from '../../src/peer/security.ts'
import { isRetriable } from '../../bin/client/errors.ts'
import { failureOf } from '../../bin/errors.ts'
import { SaslHandshake } from '../../protocol/messages/sasl-handshake.ts'

const host = { ...nodeHost({ log: { level: 'silent' } }), security: IN_THE_CLEAR }

/** A server that answers whatever comes with the same bytes, or hangs up. */
async function serving<T>(answer: Buffer | null, use: (port: number) => Promise<T>): Promise<T> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', () => (answer === null ? socket.destroy() : socket.write(answer)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    return await use((server.address() as net.AddressInfo).port)
  } finally {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
}

const connect = (port: number, connectTimeoutMs = 10_000, name = '127.0.0.1') =>
  Connection.open(
    host,
    { host: name, port },
    { clientId: 'test', connectTimeoutMs, requestTimeoutMs: 10_000 },
  )

/** Why there is no connection. */
const failing = (port: number, security: PeerSecurity): Promise<unknown> =>
  Connection.open(
    { ...host, security },
    { host: '127.0.0.1', port },
    { clientId: 'test', connectTimeoutMs: 10_000, requestTimeoutMs: 10_000 },
  ).catch((error: unknown) => error)

/** As it is once the handshake is done. */
const OVER_TLS: PeerSecurity = {
  protocol: 'SSL',
  tls: { secure: (socket) => Promise.resolve(socket) },
  login: null,
}

describe('Connecting', () => {
  test('where nothing listens is refused, and the error says where', async () => {
    const port = await serving(null, (used) => Promise.resolve(used))
    await expect(connect(port)).rejects.toMatchObject({
      name: 'PeerError',
      code: 'CONNECTION_REFUSED',
      address: { host: '127.0.0.1', port },
    })
  })

  test('to a name that nobody has is an error of its own', async () => {
    const network = {
      ...host.network,
      connect: () =>
        Promise.reject(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })),
    }
    const options = { clientId: 'test', connectTimeoutMs: 10_000, requestTimeoutMs: 10_000 }
    const opening = Connection.open({ ...host, network }, { host: 'nobody', port: 1 }, options)
    await expect(opening).rejects.toMatchObject({ code: 'HOST_NOT_FOUND' })
  })

  test('to a name with several addresses is refused only where all of them refuse', async () => {
    const failing = async (codes: Readonly<Record<string, string>>): Promise<unknown> => {
      const errors = Object.entries(codes).map(([address, code]) =>
        Object.assign(new Error(code), { address, code }),
      )
      // As Node's: the error of several has the code of the first.
      const error = Object.assign(new AggregateError(errors), { code: errors[0]!.code })
      const network = { ...host.network, connect: () => Promise.reject(error) }
      const options = { clientId: 'test', connectTimeoutMs: 10_000, requestTimeoutMs: 10_000 }
      const address = { host: 'several', port: 1 }
      return Connection.open({ ...host, network }, address, options).catch(
        (error: unknown) => error,
      )
    }
    expect(await failing({ '::1': 'ECONNREFUSED', '10.0.0.1': 'ECONNREFUSED' })).toMatchObject({
      code: 'CONNECTION_REFUSED',
      refusedBy: ['::1', '10.0.0.1'],
    })
    expect(await failing({ '::1': 'ECONNREFUSED', '10.0.0.1': 'ETIMEDOUT' })).toMatchObject({
      code: 'CONNECT_FAILED',
      refusedBy: ['::1'],
    })
  })

  test('to something else than a broker is an error at once', async () => {
    await serving(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), (port) =>
      expect(connect(port)).rejects.toMatchObject({ code: 'NOT_KAFKA' }),
    )
  })

  test('to who answers with more than the answer is an error', async () => {
    const answer = encode(ApiVersions.response, 3, { errorCode: 'NONE', apiKeys: [] })
    const framed = (...more: number[]): Buffer => {
      const frame = Buffer.concat([Buffer.alloc(8), answer, Buffer.from(more)])
      frame.writeInt32BE(frame.length - 4)
      frame.writeInt32BE(1, 4)
      return frame
    }
    await serving(framed(), async (port) => (await connect(port)).close())
    await serving(framed(0), (port) =>
      expect(connect(port)).rejects.toMatchObject({ code: 'NOT_KAFKA' }),
    )
  })

  test('that comes about too late is not kept', async () => {
    const sockets: { isDestroyed: boolean }[] = []
    let dialled = (): void => undefined
    const network = {
      ...host.network,
      connect: () =>
        new Promise<Socket>((resolve) => {
          dialled = () => {
            const state = { isDestroyed: false }
            sockets.push(state)
            resolve({ destroy: () => void (state.isDestroyed = true) } as unknown as Socket)
          }
        }),
    }
    const options = { clientId: 'test', connectTimeoutMs: 1, requestTimeoutMs: 1 }
    const opening = Connection.open({ ...host, network }, { host: 'far', port: 1 }, options)
    await expect(opening).rejects.toMatchObject({ code: 'CONNECT_TIMEOUT' })
    dialled()
    await new Promise((resolve) => setImmediate(resolve))
    expect(sockets).toEqual([{ isDestroyed: true }])
  })

  test('that was refused while this process could not look is refused, and not too late', async () => {
    const scheduler = new Scheduler(1)
    const world = { scheduler, network: new SimNetwork(scheduler), codecs: nodeCodecs() }
    const own = new SimMachine('own', world).start()
    // The time-out comes first, and then what has come before it.
    const connect = (): Promise<Socket> =>
      new Promise((_, reject) => {
        own.clock.after(0, () =>
          own.clock.after(1000, () => reject(Object.assign(new Error(), { code: 'ECONNREFUSED' }))),
        )
      })
    const stalled = { clock: own.clock, network: { ...own.network, connect } }
    const opening = connectSocket(stalled, { host: 'far', port: 1 }, 1000)
    await expect(scheduler.resolve(opening, 2000, 'an outcome')).rejects.toMatchObject({
      code: 'CONNECTION_REFUSED',
    })
  })

  test('to one that answers another request than the one sent is an error', async () => {
    const frame = Buffer.alloc(12)
    frame.writeInt32BE(8)
    frame.writeInt32BE(4711, 4)
    await serving(frame, (port) =>
      expect(connect(port)).rejects.toMatchObject({
        code: 'NOT_KAFKA',
        message: expect.stringContaining('4711'),
      }),
    )
  })

  test('to one that hangs up is an error that says that it had been silent', async () => {
    await serving(null, (port) =>
      expect(connect(port)).rejects.toMatchObject({
        code: 'CONNECTION_CLOSED',
        hadSaid: 'nothing',
        isPeersEnd: true,
      }),
    )
  })

  test('over TLS to one that hangs up before it has answered may be tried again: it may be stopping', async () => {
    const closed = await serving(null, (port) => failing(port, OVER_TLS))
    expect(closed).toMatchObject({
      code: 'CONNECTION_CLOSED',
      hadSaid: 'handshake',
      message: expect.stringContaining('it may demand a certificate') as string,
    })
    expect(isRetriable(closed)).toBe(true)
    expect(failureOf(closed).remedy).toContain('--tls-cert')
  })

  test('over TLS to one that says what is wrong with a certificate is refused', async () => {
    const alert = Object.assign(new Error('alert'), {
      code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    })
    let close = (_: Error): void => undefined
    const socket = {
      attach: (events: Parameters<Socket['attach']>[0]) => void (close = events.close),
      write: () => (setImmediate(() => close(alert)), true),
      end: () => undefined,
    }
    const network = { ...host.network, connect: () => Promise.resolve(socket as unknown as Socket) }
    const opening = Connection.open(
      { ...host, network, security: OVER_TLS },
      { host: 'far', port: 1 },
      { clientId: 'test', connectTimeoutMs: 10_000, requestTimeoutMs: 10_000 },
    )
    await expect(opening).rejects.toMatchObject({ code: 'TLS_FAILED' })
  })

  test('without anything to log in with is an error as any other on the way', async () => {
    const login: SaslLogin = {
      mechanism: 'PLAIN',
      begin: () => {
        throw new Error('it has no username')
      },
    }
    const answer = encode(SaslHandshake.response, 1, { errorCode: 'NONE', mechanisms: ['PLAIN'] })
    const frame = Buffer.concat([Buffer.alloc(8), answer])
    frame.writeInt32BE(frame.length - 4)
    frame.writeInt32BE(1, 4)
    const security = { protocol: 'SASL_PLAINTEXT', tls: null, login } as const
    expect(await serving(frame, (port) => failing(port, security))).toMatchObject({
      name: 'PeerError',
      code: 'AUTHENTICATION_FAILED',
      message: expect.stringContaining('it has no username') as string,
    })
  })

  test('to one that says nothing ends in time', async () => {
    await serving(Buffer.alloc(0), (port) =>
      expect(connect(port, 20)).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' }),
    )
  })
})

test('who uses the command is told what to do about it', async () => {
  const port = await serving(null, (used) => Promise.resolve(used))
  const refused = failureOf(await connect(port).catch((error: unknown) => error))
  expect(refused).toMatchObject({ code: 'CONNECTION_REFUSED', exitCode: 1 })
  expect(refused.remedy).toContain('ottla start')
  const closed = await serving(null, (used) => connect(used).catch((error: unknown) => error))
  expect(failureOf(closed).remedy).toContain('TLS')
})
