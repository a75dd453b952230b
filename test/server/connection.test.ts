import type { Logger } from '../../src/host/host.ts'
import { Connection } from '../../src/server/connection.ts'
import type { Dispatcher, Outcome } from '../../src/server/dispatch.ts'
import { FramePool } from '../../src/server/frame-pool.ts'
import { RequestMemory } from '../../src/server/request-memory.ts'
import { FakeSocket } from '../support/fake-socket.ts'

const PIPELINED = 0
const BARRIER = 1

/** A request of eight bytes: API key, version, correlation id. */
function request(apiKey: number, id: number): Buffer {
  const frame = Buffer.alloc(12)
  frame.writeInt32BE(8, 0)
  frame.writeInt16BE(apiKey, 4)
  frame.writeInt32BE(id, 8)
  return frame
}

function serving(maxQueuedBytes = -1) {
  const started: number[] = []
  const pending = new Map<number, (outcome: Outcome) => void>()
  const warnings: string[] = []
  const log: Logger = {
    debug: () => {},
    info: () => {},
    warn: (_, message) => warnings.push(message),
    error: (_, message) => warnings.push(message),
    child: () => log,
  }
  const dispatcher = {
    isPooled: () => false,
    isPipelined: (frame: Buffer) => frame.readInt16BE(0) === PIPELINED,
    start: (frame: Buffer) => {
      const id = frame.readInt32BE(4)
      started.push(id)
      return new Promise<Outcome>((resolve) => pending.set(id, resolve))
    },
  } as unknown as Dispatcher
  const socket = new FakeSocket()
  const memory = new RequestMemory(maxQueuedBytes)
  const connection = new Connection({
    socket,
    context: {
      id: 1,
      host: '127.0.0.1',
      listenerName: 'PLAINTEXT',
      software: { name: '', version: '' },
    },
    dispatcher,
    pool: new FramePool(0),
    memory,
    maxRequestBytes: 1000,
    log,
    monotonic: () => 0,
    onClose: () => {},
  })
  const answer = async (id: number, outcome?: Outcome): Promise<void> => {
    pending.get(id)!(
      outcome === undefined ? { chunks: [Buffer.from([id])], sent: undefined } : outcome,
    )
    await Promise.resolve()
    await Promise.resolve()
  }
  const sent = (): number[] => socket.written.map((bytes) => bytes[0]!)
  return { socket, connection, memory, started, answer, sent, warnings }
}

describe('Connection', () => {
  test('pipelined requests start at once and are answered in the order in which they came', async () => {
    const { socket, started, answer, sent } = serving()
    socket.receive(Buffer.concat([1, 2, 3].map((id) => request(PIPELINED, id))))
    expect(started).toEqual([1, 2, 3])
    await answer(3)
    await answer(2)
    expect(sent()).toEqual([])
    await answer(1)
    expect(sent()).toEqual([1, 2, 3])
  })

  test('another request starts when the one before it was answered', async () => {
    const { socket, started, answer } = serving()
    socket.receive(
      Buffer.concat([request(PIPELINED, 1), request(BARRIER, 2), request(PIPELINED, 3)]),
    )
    expect(started).toEqual([1])
    await answer(1)
    expect(started).toEqual([1, 2])
    await answer(2)
    expect(started).toEqual([1, 2, 3])
  })

  test('a request without an answer leaves its place to the next', async () => {
    const { socket, answer, sent } = serving()
    socket.receive(Buffer.concat([request(PIPELINED, 1), request(PIPELINED, 2)]))
    await answer(2)
    await answer(1, null)
    expect(sent()).toEqual([2])
  })

  test('a fault closes the connection and says why in the log', async () => {
    const { socket, answer, warnings } = serving()
    socket.receive(request(BARRIER, 1))
    await answer(1, { fault: 'a reason' })
    expect(socket.closed).toBe(true)
    expect(warnings).toEqual(['Closing the connection: a reason'])
  })

  test('requests that follow a fault are not started, even before the connection is gone', async () => {
    const { socket, started, answer, warnings } = serving()
    socket.destroy = () => {}
    socket.receive(Buffer.concat([request(BARRIER, 1), request(BARRIER, 2)]))
    await answer(1, { fault: 'a reason' })
    socket.receive(request(BARRIER, 3))
    expect(started).toEqual([1])
    expect(warnings).toHaveLength(1)
  })

  test('a frame above socket.request.max.bytes closes the connection and nothing of it is read', () => {
    const { socket, started, warnings } = serving()
    const prefix = Buffer.alloc(8)
    prefix.writeInt32BE(1001)
    socket.receive(prefix)
    expect(socket.closed).toBe(true)
    expect(started).toEqual([])
    expect(warnings[0]).toContain('socket.request.max.bytes is 1000')
  })

  test('a client that does not read its answers is not read either', async () => {
    const { socket, started, answer } = serving()
    socket.hasRoom = false
    socket.receive(request(BARRIER, 1))
    await answer(1)
    expect(socket.paused).toBe(true)
    socket.receive(request(BARRIER, 2))
    expect(started).toEqual([1])
    socket.drain()
    expect(socket.paused).toBe(false)
    expect(started).toEqual([1, 2])
  })

  test('too many unanswered requests stop the reading until some are answered', async () => {
    const { socket, answer } = serving()
    socket.receive(Buffer.concat(Array.from({ length: 64 }, (_, id) => request(PIPELINED, id))))
    expect(socket.paused).toBe(true)
    await answer(0)
    expect(socket.paused).toBe(false)
  })

  test('queued.max.request.bytes stops the reading of all connections until there is room', async () => {
    const { socket, answer, memory } = serving(8)
    socket.receive(request(BARRIER, 1))
    expect(socket.paused).toBe(true)
    await answer(1)
    expect(socket.paused).toBe(false)
    memory.add(8)
    socket.receive(request(BARRIER, 2))
    await answer(2)
    expect(socket.paused).toBe(true)
    memory.remove(8)
    expect(socket.paused).toBe(false)
  })

  test('draining answers what has started and starts nothing more', async () => {
    const { socket, connection, started, answer, sent } = serving()
    socket.receive(Buffer.concat([request(BARRIER, 1), request(BARRIER, 2)]))
    connection.drain()
    expect(socket.closed).toBe(false)
    await answer(1)
    expect(sent()).toEqual([1])
    expect(started).toEqual([1])
    expect(socket.closed).toBe(true)
  })
})
