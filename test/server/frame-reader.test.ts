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

describe('FramePool', () => {
  test('hands out a released buffer again, and keeps no more than its limit', () => {
    const pool = new FramePool(8192)
    const first = pool.take(5000)
    const second = pool.take(5000)
    pool.release(first)
    pool.release(second)
    expect(pool.take(6000)).toBe(first)
    expect(pool.take(6000)).not.toBe(second)
  })
})
