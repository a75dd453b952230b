import type { Logger } from '../../src/host/host.ts'
import { Connection } from '../../src/server/connection.ts'
import { Presence } from '../../src/replication/fetch/presence.ts'
import { Answers } from '../../src/server/answers.ts'
import { NOT_ASKED } from '../../src/security/authentication.ts'
import type { Outcome, Requester } from '../../src/server/outcome.ts'
import type { Pipeline } from '../../src/server/pipeline.ts'
import { Reply } from '../../src/server/reply.ts'
import type { Context } from '../../src/server/request-context.ts'
import { NO_STAGES } from '../../src/server/stages.ts'
import type { AnyApi } from '../../protocol/schema.ts'
import type { Writer } from '../../protocol/wire/writer.ts'
import { FramePool } from '../../src/server/frame-pool.ts'
import { RatedLog } from '../../src/host/rated-log.ts'
import { RequestMemory } from '../../src/server/request-memory.ts'
import { FakeSocket } from '../support/fake-socket.ts'
import { PassingClock } from '../replication/quota/passing-clock.ts'

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

function largeRequest(apiKey: number, id: number, size: number): Buffer {
  const frame = Buffer.alloc(4 + size)
  request(apiKey, id).copy(frame)
  frame.writeInt32BE(size)
  return frame
}

/** An answer of nothing but this id. */
function reply(id: number, options: { content?: number[]; sent?: () => void } = {}): Reply {
  const { content = [], sent } = options
  const route = {
    api: {} as AnyApi,
    stages: NO_STAGES,
    isInterNode: false,
    name: 'Test v0',
    requestHeader: UNUSED,
    request: UNUSED,
    responseHeader: {
      ...UNUSED,
      write: (writer: Writer, header: { correlationId: number }) =>
        writer.int32(header.correlationId),
    },
    response: {
      read: UNUSED.read,
      write: (writer: Writer) => {
        for (const size of content) writer.plainRecords(Buffer.alloc(size, id))
      },
      writeInTurns: UNUSED.writeInTurns,
    },
  }
  let ready: Outcome = null
  new Reply(route, id, { sent, costBytes: 0, throttleTimeMs: 0, isTimed: false } as Context, {
    settle: (outcome) => (ready = outcome),
  }).given({})
  return ready as unknown as Reply
}

const UNUSED = {
  read: () => ({}) as never,
  write: () => undefined,
  writeInTurns: () => [][Symbol.iterator]() as never,
}

function idsOf(bytes: Buffer): number[] {
  const ids: number[] = []
  for (let at = 0; at < bytes.length; at += 4 + bytes.readInt32BE(at)) {
    ids.push(bytes.readInt32BE(at + 4))
  }
  return ids
}

const endOfTask = (): Promise<void> => new Promise((resolve) => queueMicrotask(resolve))

/** The API key of the requests whose memory is used again. */
const POOLED = 2

function serving(maxQueuedBytes = -1, maxRequestBytes = 1000) {
  const started: number[] = []
  const pending = new Map<number, Requester>()
  const clock = new PassingClock()
  const warnings: string[] = []
  const log: Logger = {
    debug: () => {},
    info: () => {},
    warn: (_, message) => warnings.push(message),
    error: (_, message) => warnings.push(message),
    child: () => log,
  }
  const pipeline = {
    isPooled: (apiKey: number) => apiKey === POOLED,
    isPipelined: (frame: Buffer) => frame.readInt16BE(0) === PIPELINED,
    start: (frame: Buffer, _: unknown, requester: Requester) => {
      const id = frame.readInt32BE(4)
      started.push(id)
      pending.set(id, requester)
    },
  } as unknown as Pipeline
  const socket = new FakeSocket()
  const memory = new RequestMemory(maxQueuedBytes)
  const pool = new FramePool(1 << 20)
  const connection = new Connection({
    clock,
    socket,
    context: {
      id: 1,
      host: '127.0.0.1',
      listener: { name: 'PLAINTEXT', apis: [], answerForwarded: () => Promise.reject(new Error()) },
      presence: new Presence(() => undefined),
      authentication: NOT_ASKED,
      sasl: null,
      end: () => undefined,
      software: { name: '', version: '' },
    },
    pipeline,
    answers: new Answers({ afterTask: (callback) => queueMicrotask(callback) }),
    pool,
    memory,
    maxRequestBytes,
    log,
    faults: new RatedLog(log, { after: () => ({ cancel: () => undefined }) }),
    onClose: () => {},
  })
  const settle = (id: number, outcome: Outcome = reply(id)): void =>
    pending.get(id)!.settle(outcome)
  const answer = async (id: number, outcome?: Outcome): Promise<void> => {
    settle(id, outcome)
    await endOfTask()
  }
  /** The correlation ids of what was written, an array for each write. */
  const writes = (): number[][] => socket.written.map(idsOf)
  const sent = (): number[] => writes().flat()
  const mute = (id: number, ms: number): void => pending.get(id)!.mute!(ms)
  return {
    socket,
    connection,
    memory,
    pool,
    clock,
    started,
    settle,
    mute,
    answer,
    writes,
    sent,
    warnings,
  }
}

type Serving = ReturnType<typeof serving>

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

  test('a client that is throttled has its answer at once, and is looked at again when its time is over', async () => {
    const { socket, clock, started, mute, answer, sent } = serving()
    socket.receive(Buffer.concat([request(PIPELINED, 1), request(PIPELINED, 2)]))
    mute(1, 500)
    expect(socket.paused).toBe(true)
    // It was read before the socket stood still.
    socket.receive(request(PIPELINED, 3))
    await answer(1)
    await answer(2)
    expect([started, sent(), socket.paused]).toEqual([[1, 2], [1, 2], true])
    clock.pass(499)
    expect(started).toEqual([1, 2])
    clock.pass(1)
    expect([started, socket.paused]).toEqual([[1, 2, 3], false])
  })

  test('what waits for the end of a throttling does not hold up other clients', async () => {
    const { socket, clock, memory, started, mute, answer } = serving(100)
    const other = { memoryAvailable: () => {} }
    socket.receive(Buffer.concat([1, 2, 3].map((id) => largeRequest(BARRIER, id, 50))))
    expect(memory.isFull(other)).toBe(true)
    mute(1, 500)
    socket.receive(largeRequest(BARRIER, 4, 50))
    await answer(1)
    expect(memory.isFull(other)).toBe(false)
    clock.pass(500)
    expect([started, memory.isFull(other)]).toEqual([[1, 2], true])
    for (const id of [2, 3, 4]) await answer(id)
    memory.add(99)
    expect(memory.isFull(other)).toBe(false)
  })

  test('the longest throttling counts of several', async () => {
    const { socket, clock, started, mute, answer } = serving()
    socket.receive(Buffer.concat([1, 2, 3].map((id) => request(PIPELINED, id))))
    mute(1, 300)
    mute(2, 500)
    mute(3, 100)
    for (const id of [1, 2, 3]) await answer(id)
    socket.receive(request(BARRIER, 4))
    clock.pass(499)
    expect([started, clock.timers]).toEqual([[1, 2, 3], 1])
    clock.pass(1)
    expect([started, clock.timers]).toEqual([[1, 2, 3, 4], 0])
  })

  test('nothing is left of a throttling when the client has gone, or is told to go', async () => {
    const { socket, connection, clock, mute, answer } = serving()
    socket.receive(request(BARRIER, 1))
    mute(1, 500)
    await answer(1)
    connection.drain()
    expect([socket.closed, clock.timers]).toEqual([true, 0])
    mute(1, 500)
    expect(clock.timers).toBe(0)
  })

  test('answers that are given in one task leave with one write', async () => {
    const { socket, settle, writes } = serving()
    socket.receive(Buffer.concat([1, 2, 3, 4].map((id) => request(PIPELINED, id))))
    settle(2)
    settle(1)
    settle(4)
    expect(writes()).toEqual([])
    await endOfTask()
    expect(writes()).toEqual([[1, 2]])
    settle(3)
    await endOfTask()
    expect(writes()).toEqual([
      [1, 2],
      [3, 4],
    ])
  })

  test('records that were copied are let go at once, those taken by reference when they were sent', async () => {
    const { socket, answer } = serving()
    const released: number[] = []
    socket.isSlow = true
    socket.receive(Buffer.concat([request(BARRIER, 1), request(BARRIER, 2)]))
    await answer(1, reply(1, { content: [100, 4000], sent: () => released.push(1) }))
    expect(released).toEqual([1])
    await answer(2, reply(2, { content: [5000], sent: () => released.push(2) }))
    expect(released).toEqual([1])
    for (const sent of socket.awaiting) sent()
    expect(released).toEqual([1, 2])
    expect(socket.chunks).toContainEqual(Buffer.alloc(5000, 2))
  })

  test('records are let go when the client has left before they could be sent', async () => {
    const { socket, answer, sent } = serving()
    const released: number[] = []
    socket.receive(request(BARRIER, 1))
    socket.destroy()
    await answer(1, reply(1, { content: [5000], sent: () => released.push(1) }))
    expect(released).toEqual([1])
    expect(sent()).toEqual([])
  })

  test('an answer that the system has not taken is not overwritten by the next one', async () => {
    const { socket, answer } = serving()
    socket.receive(Buffer.concat([1, 2, 3].map((id) => request(BARRIER, id))))
    socket.unsentBytes = 1
    await answer(1, reply(1, { content: [50_000] }))
    await answer(2, reply(2, { content: [4000] }))
    socket.unsentBytes = 0
    await answer(3, reply(3, { content: [4000] }))
    expect(Buffer.concat(socket.chunks)).toEqual(Buffer.concat(socket.written))
  })

  test('an answer that can not be written ends the connection, and no part of it is sent', async () => {
    const { socket, answer, warnings } = serving()
    let released = 0
    const broken = reply(1, { content: [5000], sent: () => released++ })
    broken.writeTo = (writer) => {
      writer.int32(0)
      return { fault: 'an answer that could not be written' }
    }
    socket.receive(request(BARRIER, 1))
    await answer(1, broken)
    expect([socket.closed, socket.written, released]).toEqual([true, [], 1])
    expect(warnings).toEqual(['Closing the connection: an answer that could not be written'])
  })

  test('answers that were ready before a fault are sent', async () => {
    const { socket, settle, sent, started } = serving()
    socket.receive(Buffer.concat([request(PIPELINED, 1), request(PIPELINED, 2)]))
    settle(2, { fault: 'a reason' })
    socket.receive(request(PIPELINED, 3))
    settle(1)
    await endOfTask()
    expect([sent(), started, socket.closed]).toEqual([[1], [1, 2], true])
  })

  test('answers behind a fault are not sent, and it ends the connection whatever follows', async () => {
    const { socket, settle, sent, warnings } = serving()
    socket.receive(Buffer.concat([1, 2, 3].map((id) => request(PIPELINED, id))))
    settle(3, null)
    settle(2)
    settle(1, { fault: 'a reason' })
    await endOfTask()
    expect([sent(), socket.closed]).toEqual([[], true])
    expect(warnings).toEqual(['Closing the connection: a reason'])
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

  test('unanswered requests of more than 8 MiB stop the reading until they are answered, time after time', async () => {
    const { socket, answer } = serving(-1, 6 << 20)
    for (let round = 0; round < 2; round++) {
      socket.receive(largeRequest(PIPELINED, 1, 5 << 20))
      expect(socket.paused).toBe(false)
      socket.receive(largeRequest(PIPELINED, 2, 5 << 20))
      expect(socket.paused).toBe(true)
      await answer(1)
      expect(socket.paused).toBe(false)
      await answer(2)
    }
  })

  test('the memory of a request is used again when it was answered, or its client has broken off', async () => {
    const { socket, answer, pool } = serving(-1, 1 << 20)
    const memory = pool.take(5000)
    pool.release(memory)
    const frame = largeRequest(POOLED, 1, 5000)
    socket.receive(frame)
    expect(pool.take(5000)).not.toBe(memory)
    await answer(1)
    expect(pool.take(5000)).toBe(memory)
    pool.release(memory)
    socket.receive(frame.subarray(0, 4000))
    expect(pool.take(5000)).not.toBe(memory)
    socket.destroy()
    expect(pool.take(5000)).toBe(memory)
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

  test('is idle from the look at it that found nothing new, and never while it owes an answer', async () => {
    const { socket, connection, answer } = serving()
    expect(connection.idleSince(10)).toBe(10)
    expect(connection.idleSince(20)).toBe(10)
    socket.receive(request(BARRIER, 1))
    expect(connection.idleSince(30)).toBe(null)
    await answer(1)
    expect(connection.idleSince(40)).toBe(40)
    expect(connection.idleSince(50)).toBe(40)
    socket.receive(request(BARRIER, 2).subarray(0, 5))
    expect(connection.idleSince(60)).toBe(60)
  })

  test('is idle with an answer owed where so many requests wait that it would not notice its client leave', async () => {
    const { socket, connection, answer } = serving()
    socket.receive(Buffer.concat(Array.from({ length: 64 }, (_, id) => request(BARRIER, id))))
    expect([connection.idleSince(10), connection.idleSince(20)]).toEqual([10, 10])
    await answer(0)
    expect(connection.idleSince(30)).toBe(null)
  })

  test('a client that takes its answers slowly is not idle', async () => {
    const { socket, connection, answer } = serving()
    socket.hasRoom = false
    socket.receive(request(BARRIER, 1))
    await answer(1)
    expect([connection.idleSince(10), connection.idleSince(20)]).toEqual([10, 10])
    socket.drain()
    expect([connection.idleSince(30), connection.idleSince(40)]).toEqual([30, 30])
  })

  test('draining answers what has started and starts nothing more', async () => {
    const { socket, connection, started, answer, sent } = serving()
    socket.receive(Buffer.concat([request(BARRIER, 1), request(BARRIER, 2)]))
    connection.drain()
    expect(socket.closed).toBe(false)
    // The other side has yet to close.
    let isEnded = false
    socket.end = () => void (isEnded = true)
    await answer(1)
    expect(sent()).toEqual([1])
    expect([started, isEnded]).toEqual([[1], true])
  })

  test('draining closes at once where nothing is owed', () => {
    const { socket, connection } = serving()
    connection.drain()
    expect(socket.closed).toBe(true)
  })

  test('the memory of what waits for its turn is free again when the connection breaks, and the others read on', async () => {
    const { socket, memory, answer, started } = serving(24)
    const others = { told: 0, memoryAvailable: () => void others.told++ }
    socket.receive(Buffer.concat([1, 2, 3].map((id) => request(BARRIER, id))))
    expect(memory.isFull(others)).toBe(true)
    socket.destroy()
    expect(others.told).toBe(1)
    expect(memory.isFull(others)).toBe(false)
    memory.add(16)
    // What was started may still be looked at.
    expect(memory.isFull(others)).toBe(true)
    await answer(1)
    expect(others.told).toBe(2)
    expect(started).toEqual([1])
  })

  test('a request of exactly socket.request.max.bytes is served, in one piece or in many', () => {
    const { socket, started } = serving()
    const largest = Buffer.alloc(1004)
    largest.writeInt32BE(1000)
    largest.writeInt16BE(PIPELINED, 4)
    socket.receive(largest)
    for (let at = 0; at < largest.length; at += 7) socket.receive(largest.subarray(at, at + 7))
    expect([socket.closed, started]).toEqual([false, [0, 0]])
  })

  test('those who wait for something on behalf of the client are told when it has gone', () => {
    const { socket, connection } = serving()
    const told: string[] = []
    const { presence } = connection.context
    const finished = { clientLeft: () => void told.push('finished') }
    presence.add(finished)
    presence.add({ clientLeft: () => void told.push('waiting') })
    presence.delete(finished)
    expect(presence.hasLeft).toBe(false)
    socket.destroy()
    expect([presence.hasLeft, told]).toEqual([true, ['waiting']])
  })

  const failure = (code: string) => Object.assign(new Error(code), { code })

  test.each<[string, (serving: Serving) => void, string]>([
    ['was ended by its machine', ({ socket }) => socket.breaks(), 'ended'],
    ['was reset by its machine', ({ socket }) => socket.breaks(failure('ECONNRESET')), 'ended'],
    ['broke in silence', ({ socket }) => socket.breaks(failure('ETIMEDOUT')), 'lost'],
    ['was idle for too long', ({ connection }) => connection.close(), 'lost'],
    ['ended as the server stops', ({ connection }) => connection.drain(), 'lost'],
  ])('and how: its connection %s', (_, end, expected) => {
    const parts = serving()
    const told: string[] = []
    parts.connection.context.presence.add({ clientLeft: (leaving) => void told.push(leaving) })
    end(parts)
    expect(told).toEqual([expected])
  })
})
