import net from 'node:net'
import type { Listener, Socket } from '../../src/host/host.ts'
import { nodeHost } from '../../src/host/node.ts'

interface Peer {
  socket: Socket
  received: Buffer[]
  text(): string
  closed: Promise<Error | undefined>
  drains: number
}

function attach(socket: Socket, onData?: (bytes: Buffer) => void): Peer {
  const received: Buffer[] = []
  const peer: Peer = {
    socket,
    received,
    text: () => Buffer.concat(received).toString(),
    closed: Promise.resolve(undefined),
    drains: 0,
  }
  peer.closed = new Promise((resolve) => {
    socket.attach({
      data: (bytes) => {
        received.push(Buffer.from(bytes))
        onData?.(bytes)
      },
      drain: () => peer.drains++,
      close: resolve,
    })
  })
  return peer
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setImmediate(resolve))
}

describe('the sockets of a Node host', () => {
  const { network } = nodeHost({ log: { level: 'silent' } })
  const accepted: Socket[] = []
  let listener: Listener
  let clients: Socket[] = []

  beforeEach(async () => {
    accepted.length = 0
    listener = await network.listen('127.0.0.1', 0, (socket) => accepted.push(socket))
  })
  afterEach(async () => {
    for (const socket of [...accepted, ...clients]) socket.destroy()
    clients = []
    await listener.close()
  })
  const pair = async (): Promise<[Socket, Socket]> => {
    const count = accepted.length
    const client = await network.connect('127.0.0.1', listener.port)
    clients.push(client)
    await until(() => accepted.length > count)
    return [client, accepted[count]!]
  }

  test('a server socket knows its peer and gets what came before it was attached', async () => {
    const [client, server] = await pair()
    client.write([Buffer.from('early')])
    expect(server.remoteAddress).toBe('127.0.0.1')
    expect(server.remotePort).toBeGreaterThan(0)
    await new Promise<void>((resolve) => setImmediate(resolve))
    const peer = attach(server)
    await until(() => peer.text() === 'early')
  })

  test('a client hears of the end of a connection before what came later by another one', async () => {
    for (let time = 0; time < 20; time++) {
      const [[ending, ended], [other, later]] = [await pair(), await pair()]
      const told: string[] = []
      const isTold = new Promise<void>((resolve) => {
        attach(ending).closed.then(() => told.push('end'), resolve)
        attach(other, (bytes) => {
          told.push(bytes.toString())
          resolve()
        })
      })
      const server = attach(ended)
      // All are read from by then.
      for (let turn = 0; turn < 3; turn++)
        await new Promise<void>((resolve) => setImmediate(resolve))
      ended.destroy()
      await server.closed
      later.write([Buffer.from('later')])
      await isTold
      expect(told).toEqual(['end', 'later'])
    }
  })

  test('many chunks arrive in order with one notice when they were written', async () => {
    const [client, server] = await pair()
    const peer = attach(client)
    let notices = 0
    const chunks = Array.from({ length: 3000 }, (_, index) => Buffer.from(`${index},`))
    server.write(chunks, () => notices++)
    expect(notices).toBe(0)
    const expected = Buffer.concat(chunks).toString()
    await until(() => peer.text().length === expected.length)
    expect(peer.text()).toBe(expected)
    await until(() => notices === 1)
    server.write([], () => notices++)
    await until(() => notices === 2)
  })

  test('interleaved sockets keep their bytes apart though they share a read buffer', async () => {
    const pairs = [await pair(), await pair(), await pair()]
    const peers = accepted.map((server) => attach(server))
    const sent = pairs.map(([client], index) => {
      const bytes = Buffer.alloc(300_000, String.fromCharCode(97 + index))
      client.write([bytes])
      return bytes
    })
    await until(() => peers.every((peer) => peer.text().length === 300_000))
    expect(peers.map((peer) => peer.text()[0]).sort()).toEqual(['a', 'b', 'c'])
    for (const peer of peers) {
      expect(sent.some((bytes) => bytes.equals(Buffer.concat(peer.received)))).toBe(true)
    }
  })

  test('a paused socket gets nothing until it resumes', async () => {
    const [client, server] = await pair()
    const peer = attach(server, () => {
      if (peer.received.length === 1) server.pause()
    })
    client.write([Buffer.from('1')])
    await until(() => peer.received.length === 1)
    client.write([Buffer.from('2')])
    for (let turn = 0; turn < 20; turn++) await new Promise<void>((r) => setImmediate(r))
    expect(peer.text()).toBe('1')
    server.resume()
    await until(() => peer.text() === '12')
  })

  test('what the system has taken may be overwritten at once, and it says so', async () => {
    const [client, server] = await pair()
    attach(server)
    const bytes = Buffer.from('taken')
    server.write([bytes])
    server.write([bytes, bytes])
    expect(server.unsentBytes).toBe(0)
    bytes.fill(0)
    const big = Buffer.alloc(8_000_000)
    server.write([big])
    expect(server.unsentBytes).toBeGreaterThan(0)
    const reader = attach(client)
    await until(() => reader.text().length >= 15)
    expect(reader.text().slice(0, 15)).toBe('takentakentaken')
  })

  test('a slow reader makes write say false and drain tells when to go on', async () => {
    const [client, server] = await pair()
    const writer = attach(server)
    const big = Buffer.alloc(8_000_000)
    expect(server.write([big])).toBe(false)
    expect(writer.drains).toBe(0)
    const reader = attach(client)
    await until(() => writer.drains === 1)
    await until(() => reader.received.reduce((sum, each) => sum + each.length, 0) === big.length)
  })

  test('end sends what was written first and both sides close without an error', async () => {
    const [client, server] = await pair()
    const peer = attach(client)
    const writer = attach(server)
    server.write([Buffer.alloc(1_000_000, 'x')])
    server.end()
    expect(await peer.closed).toBeUndefined()
    expect(await writer.closed).toBeUndefined()
    expect(peer.text()).toHaveLength(1_000_000)
  })

  test('destroy closes at once and the notice of an unsent write still comes', async () => {
    const [client, server] = await pair()
    let notices = 0
    const writer = attach(server)
    server.write([Buffer.alloc(8_000_000)], () => notices++)
    server.destroy()
    expect(await writer.closed).toBeUndefined()
    expect(server.write([Buffer.from('late')], () => notices++)).toBe(true)
    await until(() => notices === 2)
    attach(client)
  })

  test('a connection reset is told as an error, even to one who attaches late', async () => {
    const raw = net.connect(listener.port, '127.0.0.1')
    await until(() => accepted.length === 1)
    const peer = attach(accepted[0]!)
    raw.resetAndDestroy()
    expect(await peer.closed).toMatchObject({ code: 'ECONNRESET' })
    expect(await attach(accepted[0]!).closed).toMatchObject({ code: 'ECONNRESET' })
  })

  test('listening on a taken port and connecting to a closed one fail with their codes', async () => {
    await expect(network.listen('127.0.0.1', listener.port, () => undefined)).rejects.toMatchObject(
      { code: 'EADDRINUSE' },
    )
    const other = await network.listen('127.0.0.1', 0, () => undefined)
    await other.close()
    await expect(network.connect('127.0.0.1', other.port)).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    })
  })

  test('who is attached later takes over, and hears of the end of a peer', async () => {
    const [client, server] = await pair()
    const first = attach(server)
    client.write([Buffer.from('1')])
    await until(() => first.text() === '1')
    const second = attach(server)
    client.write([Buffer.from('2')])
    await until(() => second.text() === '2')
    client.end()
    expect(await second.closed).toBeUndefined()
    expect(first.text()).toBe('1')
  })

  test('a closed listener leaves its sockets open and its port free', async () => {
    const [client, server] = await pair()
    const { port } = listener
    await listener.close()
    listener = await network.listen('127.0.0.1', port, (socket) => accepted.push(socket))
    const peer = attach(server)
    client.write([Buffer.from('still here')])
    await until(() => peer.text() === 'still here')
  })
})
