import { nodeCodecs } from '../../../src/host/codecs.ts'
import type { Host, Socket } from '../../../src/host/host.ts'
import { SimMachine } from '../../../src/host/sim/machine.ts'
import { SimNetwork } from '../../../src/host/sim/network.ts'
import { Scheduler } from '../../../src/host/sim/scheduler.ts'

const PORT = 9092

/** Two machines, of which `server` listens and keeps what it gets. */
async function pair(seed = 1) {
  const scheduler = new Scheduler(seed)
  const network = new SimNetwork(scheduler)
  const world = { scheduler, network, codecs: nodeCodecs() }
  const [server, client] = [new SimMachine('server', world), new SimMachine('client', world)]
  const received: Buffer[] = []
  const accepted: Socket[] = []
  const listen = (host: Host): Promise<unknown> =>
    host.network.listen('', PORT, (socket) => {
      accepted.push(socket)
      socket.attach({
        data: (bytes) => void received.push(Buffer.from(bytes)),
        drain: () => undefined,
        close: () => undefined,
      })
    })
  const serverHost = server.start()
  const host = client.start()
  await scheduler.resolve(listen(serverHost), 100, 'listener')
  const connect = (): Promise<Socket> =>
    scheduler.resolve(host.network.connect('server', PORT), 30_000, 'connection')
  const closed: (Error | undefined)[] = []
  const open = async (): Promise<Socket> => {
    const socket = await connect()
    socket.attach({
      data: () => undefined,
      drain: () => undefined,
      close: (error) => void closed.push(error),
    })
    return socket
  }
  const text = (): string => Buffer.concat(received).toString()
  return {
    scheduler,
    network,
    server,
    client,
    serverHost,
    host,
    connect,
    open,
    closed,
    accepted,
    text,
  }
}

const code = (expected: string) => expect.objectContaining({ code: expected })

describe('connections', () => {
  test('bring all bytes in order, in whatever pieces, and take a sender’s memory back', async () => {
    const { scheduler, open, text } = await pair()
    const socket = await open()
    let returned = 0
    const all = Array.from({ length: 50 }, (_, index) => `piece ${index}; `)
    for (const piece of all) {
      const chunk = Buffer.from(piece)
      socket.write([chunk], () => {
        returned++
        chunk.fill(0)
      })
    }
    socket.end()
    await scheduler.until(() => text() === all.join(''), 1000, 'arrival of everything')
    expect(returned).toBe(50)
  })

  test('a way between two machines is free again when it is mended, and others stay cut', async () => {
    const { scheduler, network, open, text } = await pair()
    const socket = await open()
    network.cut('client', 'server')
    network.cut('server', 'client')
    socket.write([Buffer.from('late')])
    await scheduler.pass(100)
    expect(text()).toBe('')
    network.mend('client', 'server')
    await scheduler.until(() => text() === 'late', 100, 'what waited')
    network.mend('server', 'client')
  })

  test('a machine that refuses has the connections go on that it has', async () => {
    const { scheduler, network, open, connect, text } = await pair()
    const socket = await open()
    network.refuse('server')
    await expect(connect()).rejects.toEqual(code('ECONNREFUSED'))
    socket.write([Buffer.from('on')])
    await scheduler.until(() => text() === 'on', 100, 'arrival')
    network.accept('server')
    await connect()
  })

  test('all connections of a machine break, for both sides', async () => {
    const { scheduler, network, open, closed } = await pair()
    await open()
    await open()
    network.break('server')
    await scheduler.until(() => closed.length === 2, 100, 'end of the connections')
    expect(closed).toEqual([code('ECONNRESET'), code('ECONNRESET')])
  })

  test('the kernel takes connections and bytes for a process that stands still, which finds them later', async () => {
    const { scheduler, server, open, text } = await pair()
    server.pause()
    const socket = await open()
    socket.write([Buffer.from('meanwhile')])
    await scheduler.pass(1000)
    expect(text()).toBe('')
    server.resume()
    await scheduler.until(() => text() === 'meanwhile', 100, 'what was taken')
  })

  test('a cut way holds bytes back until it is healed', async () => {
    const { scheduler, network, open, text } = await pair()
    const socket = await open()
    network.cut('client', 'server')
    socket.write([Buffer.from('held')])
    await scheduler.pass(5000)
    expect(text()).toBe('')
    network.heal()
    await scheduler.until(() => text() === 'held', 1000, 'arrival')
  })

  test('are refused where nobody listens, and unanswered where the way is cut or the power is off', async () => {
    const { network, server, host, scheduler, connect } = await pair()
    const refused = scheduler.resolve(host.network.connect('server', 1), 1000, 'refusal')
    await expect(refused).rejects.toEqual(code('ECONNREFUSED'))
    network.cut('server', 'client')
    await expect(connect()).rejects.toEqual(code('ETIMEDOUT'))
    network.heal()
    server.losePower('lost')
    await expect(connect()).rejects.toEqual(code('ETIMEDOUT'))
    server.start()
    await expect(connect()).rejects.toEqual(code('ECONNREFUSED'))
  })

  test('a reader that pauses is sent no more than its window, and the writer is told to wait', async () => {
    const { scheduler, open, accepted, text } = await pair()
    const socket = await open()
    await scheduler.until(() => accepted.length === 1, 100, 'connection')
    accepted[0]!.pause()
    let last = true
    for (let written = 0; written < 40; written++) last = socket.write([Buffer.alloc(16_384, 0x61)])
    await scheduler.pass(1000)
    expect([last, socket.unsentBytes > 0, text()]).toEqual([false, true, ''])
    accepted[0]!.resume()
    await scheduler.until(() => text().length === 40 * 16_384, 5000, 'arrival of everything')
    expect(socket.unsentBytes).toBe(0)
  })
})

describe('the end of a process', () => {
  test('closes its connections for the others, and frees its port', async () => {
    const { scheduler, server, open, closed, connect } = await pair()
    await open()
    server.kill()
    await scheduler.until(() => closed.length === 1, 1000, 'end of the connection')
    expect(closed).toEqual([code('ECONNRESET')])
    await expect(connect()).rejects.toEqual(code('ECONNREFUSED'))
  })

  test('may close its ports a moment later than its connections: who connects meanwhile is ended with them', async () => {
    const { scheduler, server, open, closed, connect } = await pair()
    server.kill(20)
    await open()
    await scheduler.until(() => closed.length === 1, 1000, 'end of the connection')
    expect(closed).toEqual([code('ECONNRESET')])
    await expect(connect()).rejects.toEqual(code('ECONNREFUSED'))
  })

  test('without power nobody is told until they send, and the machine is there again', async () => {
    const { scheduler, server, open, closed } = await pair()
    const socket = await open()
    server.losePower('lost')
    socket.write([Buffer.from('lost')])
    await scheduler.pass(1000)
    expect(closed).toEqual([])
    server.start()
    socket.write([Buffer.from('more')])
    await scheduler.until(() => closed.length === 1, 1000, 'end of the connection')
  })

  test('settles nothing that was pending, and keeps what was written', async () => {
    const { scheduler, server, serverHost } = await pair()
    const file = serverHost.disk.open('/file', 'create')
    file.writeSync([Buffer.from('written')], 0)
    const settled: string[] = []
    void file.sync().then(() => settled.push('sync'))
    serverHost.clock.after(1, () => void settled.push('timer'))
    serverHost.clock.endOfTurn(() => void settled.push('end of turn'))
    void serverHost.network.connect('client', 1).catch(() => settled.push('connect'))
    server.kill()
    await scheduler.pass(60_000)
    expect(settled).toEqual([])
    expect(server.start().disk.readFile('/file').toString()).toBe('written')
  })

  test('by a power cut takes what was not synced', async () => {
    const { scheduler, server, serverHost } = await pair()
    const { disk } = serverHost
    for (const name of ['synced', 'unsynced']) {
      disk.open(`/${name}`, 'create').writeSync([Buffer.from(name)], 0)
    }
    disk.syncDirectory('/')
    const file = disk.open('/synced', 'write')
    await scheduler.resolve(file.sync(), 1000, 'sync')
    server.losePower('lost')
    const after = server.start().disk
    expect(after.readFile('/synced').toString()).toBe('synced')
    expect(after.readFile('/unsynced').toString()).toBe('')
  })
})

test('a copy of a machine has what is on its disk, and changes nothing there', async () => {
  const { server, scheduler, network } = await pair()
  server.disk.replaceFile('/file', 'both')
  const copied = { scheduler, network, codecs: nodeCodecs() }
  const copy = new SimMachine('copy', copied, server.disk)
  expect(copy.disk.readFile('/file').toString()).toBe('both')
  copy.disk.replaceFile('/file', 'own')
  expect(server.disk.readFile('/file').toString()).toBe('both')
})
