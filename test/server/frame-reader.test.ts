import { FramePool } from '../../src/server/frame-pool.ts'
import { FrameReader, FrameSizeError } from '../../src/server/frame-reader.ts'

const PRODUCE = 0

function reading(maxBytes = 1 << 24): {
  feed: (bytes: Buffer) => void
  frames: Buffer[]
  reader: FrameReader
} {
  const frames: Buffer[] = []
  const reader = new FrameReader(new FramePool(1 << 20), {
    maxBytes,
    pooled: (key) => key === PRODUCE,
  })
  return {
    frames,
    reader,
    feed: (bytes) =>
      reader.feed(bytes, (frame) => {
        frames.push(Buffer.from(frame.bytes))
        frame.release()
      }),
  }
}

function frameOf(body: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}

describe('FrameReader', () => {
  const bodies = [3, 2, 5000, 70_000, 8].map((size, i) => {
    const body = Buffer.alloc(size, i + 1)
    body.writeInt16BE(i % 2 === 0 ? PRODUCE : 18, 0)
    return body
  })
  const stream = Buffer.concat(bodies.map(frameOf))

  test.each([1, 3, 7, 4096, 65_536, stream.length])(
    'cuts frames from pieces of %i bytes',
    (size) => {
      const { feed, frames } = reading()
      for (let at = 0; at < stream.length; at += size)
        feed(Buffer.from(stream.subarray(at, at + size)))
      expect(frames.map((frame) => frame.length)).toEqual(bodies.map((body) => body.length))
      expect(frames.every((frame, i) => frame.equals(bodies[i]!))).toBe(true)
    },
  )

  test.each([-1, 0, 1, 1001, 0x7fff_ffff])(
    'refuses a length of %i where 1000 is the most',
    (length) => {
      const { feed } = reading(1000)
      const prefix = Buffer.alloc(4)
      prefix.writeInt32BE(length)
      expect(() => feed(prefix)).toThrow(FrameSizeError)
    },
  )

  test.each([-1, 0, 1])(
    'a frame of 1 MiB and %i bytes is whole, in one piece or in two',
    (more) => {
      const body = Buffer.alloc((1 << 20) + more, 'abc')
      body.writeInt16BE(18)
      const frame = frameOf(body)
      const { feed, frames, reader } = reading()
      feed(frame)
      feed(frame.subarray(0, 4 + (1 << 20) - 1))
      expect(reader.pendingBytes).toBe(more < 0 ? 0 : 1 << 20)
      feed(frame.subarray(4 + (1 << 20) - 1))
      expect(frames.map((bytes) => bytes.equals(body))).toEqual([true, true])
    },
  )

  test('memory for a frame that comes in small pieces doubles, so that it is copied a few times only', () => {
    const { feed, reader } = reading(1 << 30)
    const frame = Buffer.alloc((1 << 20) + 5)
    frame.writeInt32BE(1 << 29)
    frame.writeInt16BE(18, 4)
    feed(frame)
    expect(reader.pendingBytes).toBe(1 << 21)
  })

  test('takes no memory for a large frame before its bytes arrive', () => {
    const { feed, reader } = reading(1 << 30)
    const prefix = Buffer.alloc(6)
    prefix.writeInt32BE(1 << 29)
    feed(prefix)
    expect(reader.pendingBytes).toBeLessThanOrEqual(1 << 20)
    feed(Buffer.alloc((1 << 20) + 1))
    expect(reader.pendingBytes).toBeLessThanOrEqual(1 << 22)
    reader.abandon()
    expect(reader.pendingBytes).toBe(0)
  })
})

test('many who announce large frames and send nothing take little memory, and one who sends is served', () => {
  const pool = new FramePool(0)
  const limits = { maxBytes: 1 << 24, pooled: () => true }
  const readers = Array.from({ length: 200 }, () => new FrameReader(pool, limits))
  const body = Buffer.alloc(1 << 20, 7)
  body.writeInt16BE(PRODUCE, 0)
  const frame = frameOf(body)
  const heldBytes = (): number => readers.reduce((sum, { pendingBytes }) => sum + pendingBytes, 0)
  for (const reader of readers) reader.feed(frame.subarray(0, 10), () => undefined)
  expect(heldBytes()).toBeLessThan(65 << 20)
  const last = readers.at(-1)!
  expect(last.pendingBytes).toBe(2048)
  const whole: Buffer[] = []
  last.feed(frame.subarray(10), ({ bytes }) => void whole.push(Buffer.from(bytes)))
  expect(whole.map((bytes) => bytes.equals(body))).toEqual([true])
  // As soon as some have sent theirs, or have gone, there is memory ahead again.
  for (const reader of readers.slice(5)) reader.abandon()
  for (const reader of readers.slice(0, 5)) reader.feed(frame.subarray(10), () => undefined)
  expect(heldBytes()).toBe(0)
  last.feed(frame.subarray(0, 10), () => undefined)
  expect(last.pendingBytes).toBe(1 << 20)
})

test.each(['completed', 'broken off'])(
  'however many frames were %s, memory is taken ahead of the next',
  (end) => {
    const pool = new FramePool(0)
    const frame = frameOf(Buffer.alloc(1 << 20))
    const limits = { maxBytes: 1 << 24, pooled: () => true }
    for (let count = 0; count < 65; count++) {
      const reader = new FrameReader(pool, limits)
      reader.feed(end === 'completed' ? frame : frame.subarray(0, 10), () => undefined)
      reader.abandon()
    }
    expect(pool.aheadOf(1 << 20)).toBe(1 << 20)
  },
)

test('only frames that are used up before they are answered take memory of the pool and leave theirs to it', () => {
  const pool = new FramePool(1 << 20)
  const reader = new FrameReader(pool, { maxBytes: 1 << 20, pooled: (key) => key === PRODUCE })
  const taken = (apiKey: number): boolean => {
    const body = Buffer.alloc(8192)
    body.writeInt16BE(apiKey)
    const memory = pool.take(8192)
    pool.release(memory)
    let isSame = false
    reader.feed(frameOf(body), (frame) => {
      isSame = frame.bytes.buffer === memory.buffer
      frame.release()
    })
    expect(pool.take(8192)).toBe(memory)
    expect(pool.take(8192)).not.toBe(memory)
    return isSame
  }
  expect([taken(PRODUCE), taken(18)]).toEqual([true, false])
})

describe('FramePool', () => {
  test('hands out a released buffer again, and keeps no more than its limit', () => {
    const pool = new FramePool(8192)
    const first = pool.take(5000)
    const second = pool.take(5000)
    pool.release(first)
    pool.release(second)
    expect(pool.take(6000)).toBe(first)
    expect(pool.take(6000)).not.toBe(second)
    // And again: what is in use doesn't count as kept.
    pool.release(first)
    expect(pool.take(6000)).toBe(first)
  })
})
