import {
  fitsRelativeOffset,
  OffsetIndex,
  readOffsetIndex,
} from '../../../src/log/segment/offset-index.ts'
import { readTimeIndex, TimeIndex } from '../../../src/log/segment/time-index.ts'

test('a truncation takes the entry of its offset itself, of times and of positions', () => {
  const times = new TimeIndex(100)
  const offsets = new OffsetIndex(100)
  for (const offset of [110, 120, 130]) {
    times.append(BigInt(offset), offset)
    offsets.append(offset, offset * 10)
  }
  times.truncateTo(120)
  offsets.truncateTo(120)
  expect(times.lastEntry()).toEqual({ timestamp: 110n, offset: 110 })
  expect(offsets.floor(200)).toEqual({ lastOffset: 110, position: 1100 })
})

test('what is said of offsets below one is not said of that one', () => {
  const times = new TimeIndex(0)
  const offsets = new OffsetIndex(0)
  for (const offset of [10, 20]) {
    times.append(BigInt(offset), offset)
    offsets.append(offset, offset)
  }
  expect(times.bytesBelow(20)).toHaveLength(12)
  expect(times.bytesBelow(21)).toHaveLength(24)
  expect(offsets.bytesBelow(20)).toHaveLength(8)
  expect(offsets.bytesBelow(21)).toHaveLength(16)
})

test('a time is found by the last entry that is not later', () => {
  const times = new TimeIndex(0)
  times.append(5n, 1)
  times.append(9n, 2)
  times.append(9n, 3)
  expect(times.entries).toBe(2)
  expect(times.floor(9n).offset).toBe(2)
  expect(times.floor(8n).offset).toBe(1)
  expect(times.floor(4n)).toEqual({ timestamp: -1n, offset: 0 })
})

test('a full index has room for the time that the end of its segment adds', () => {
  const times = new TimeIndex(0)
  const isFull: boolean[] = []
  for (let entry = 0; entry < 3; entry++) {
    isFull.push(times.isFull(40))
    times.append(BigInt(entry), entry)
  }
  expect(isFull).toEqual([false, false, true])
})

test('entries that go back, in time or in offsets, or point beyond the log, are not believed', () => {
  const times = (...entries: [bigint, number][]): boolean => {
    const file = Buffer.alloc(12 * entries.length)
    for (const [slot, [timestamp, offset]] of entries.entries()) {
      file.writeBigInt64BE(timestamp, 12 * slot)
      file.writeInt32BE(offset, 12 * slot + 8)
    }
    return readTimeIndex(0, file) !== null
  }
  expect(times([5n, 1], [6n, 2])).toBe(true)
  expect(times([5n, 1], [4n, 2])).toBe(false)
  expect(times([5n, 3], [6n, 2])).toBe(false)
  const positions = (sizeBytes: number, ...entries: [number, number][]): boolean => {
    const file = Buffer.alloc(8 * entries.length)
    for (const [slot, [offset, position]] of entries.entries()) {
      file.writeInt32BE(offset, 8 * slot)
      file.writeInt32BE(position, 8 * slot + 4)
    }
    return readOffsetIndex(0, file, sizeBytes) !== null
  }
  expect(positions(201, [5, 100], [6, 200])).toBe(true)
  expect(positions(200, [5, 100], [6, 200])).toBe(false)
  expect(positions(900, [5, 100], [5, 200])).toBe(false)
  expect(positions(900, [5, 100], [6, 100])).toBe(false)
})

test('an index tells of 2^31 offsets, from its own on', () => {
  const fits = [99, 100, 100 + 0x7fffffff, 100 + 0x80000000].map((offset) =>
    fitsRelativeOffset(100, offset),
  )
  expect(fits).toEqual([false, true, true, false])
})
