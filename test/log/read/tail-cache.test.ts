import { LogTail, SLAB_BYTES, TailCache } from '../../../src/log/read/tail-cache.ts'
import { batchOf } from '../support.ts'

const EVERYTHING = 1 << 24

/** Appends one after the other, from offset 0 on: each is of batches of one record whose values have so many bytes. */
function tailOf(...appends: number[][]) {
  const tail = new LogTail(new TailCache(4 * SLAB_BYTES))
  let offset = 0
  const add = (valueBytes: readonly number[]): Buffer => {
    const from = offset
    const batches = valueBytes.map((bytes) => batchOf(1, bytes, { baseOffset: offset++ }))
    const bytes = Buffer.concat(batches)
    tail.add(bytes, from, offset)
    return bytes
  }
  const added = appends.map(add)
  const read = (from: number, maxBytes = EVERYTHING, limit = offset) => {
    const found = tail.read(from, maxBytes, limit, false)
    return found === null ? null : { ...found, bytes: Buffer.concat(found.chunks) }
  }
  return { added, read }
}

test('a read ends with the first batch that does not fit, though a later one would', () => {
  const { added, read } = tailOf([100, 30_000], [100])
  const first = batchOf(1, 100).length
  const found = read(0, 2 * first + 50)!
  expect([found.sizeBytes, found.nextOffset]).toEqual([first, 1])
  expect(found.bytes.equals(added[0]!.subarray(0, first))).toBe(true)
  expect(read(0)!.nextOffset).toBe(3)
})

test('nothing from before an append that was too large to be kept is given', () => {
  const { added, read } = tailOf([100], [SLAB_BYTES], [100])
  expect(read(0)).toBeNull()
  expect(read(1)).toBeNull()
  expect(read(2)!.bytes.equals(added[2]!)).toBe(true)
})

test('what made room for newer bytes is not given', () => {
  const half = SLAB_BYTES / 2
  const { added, read } = tailOf(...Array.from({ length: 10 }, () => [half]))
  expect(read(0)).toBeNull()
  expect(read(9)!.bytes.equals(added[9]!)).toBe(true)
})
