import {
  BATCH_HEADER_BYTES,
  buildBatch,
  CorruptRecordError,
  readRecordRun,
  RecordWalker,
  UNLIMITED,
  type LogRecord,
  type WalkLimits,
} from '../../../protocol/records/batch.ts'
import { nodeCodecs } from '../../../src/host/codecs.ts'

const codecs = nodeCodecs()
const corrupt = expect.objectContaining({ code: 'CORRUPT_RECORD' })
const MIN_INT64 = -(2n ** 63n)
const MAX_INT64 = 2n ** 63n - 1n

function randomFrom(seed: number): (limit: number) => number {
  let state = seed
  return (limit) =>
    ((state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 8) % Math.max(1, limit)
}

interface Shape {
  readonly timestamp: number | bigint
  readonly key?: Buffer | null
  readonly value?: Buffer | null
  readonly offset?: number
  readonly headers?: { key: string; value: Buffer | null }[]
}

function batchOf(shapes: readonly Shape[]): Buffer {
  const records = shapes.map((shape) => ({ key: null, value: null, ...shape }))
  return buildBatch({ records }, codecs)
}

/** What the walk says of a batch; its records may stand elsewhere than its header. */
function walk(batch: Buffer, limits: WalkLimits = UNLIMITED, walker = new RecordWalker()) {
  const records = batch.subarray(BATCH_HEADER_BYTES)
  walker.walk(batch, 0, records, 0, records.length, limits)
  const { greatestTimestamp, leastTimestamp, hasKeylessRecord, hasOffsetGap, isGivenUp } = walker
  return { greatestTimestamp, leastTimestamp, hasKeylessRecord, hasOffsetGap, isGivenUp }
}

/** The same from the records as the reader makes them. */
function expected(records: readonly LogRecord[]) {
  const times = records.map(({ timestamp }) => timestamp)
  const told = times.filter((timestamp) => timestamp !== -1n)
  const least = (one: bigint, other: bigint) => (one < other ? one : other)
  return {
    greatestTimestamp: times.reduce((one, other) => (one > other ? one : other), -1n),
    leastTimestamp: told.length === 0 ? null : told.reduce(least),
    hasKeylessRecord: records.some(({ key }) => key === null),
    hasOffsetGap: records.some(({ offset }, index) => offset !== index),
    isGivenUp: false,
  }
}

const read = (batch: Buffer) => [...readRecordRun(batch, batch.subarray(BATCH_HEADER_BYTES))]

const timestamps: readonly (number | bigint)[] = [
  ...[-1, 0, 1, -2, 62, 63, 64, -63, -64, -65, 8191, 8192, -8193, 1_700_000_000_000],
  ...[2n ** 47n, 2n ** 48n - 1n, 2n ** 48n, 2n ** 52n, 2n ** 52n + 1n, 2n ** 53n + 1n],
  ...[-(2n ** 48n), -(2n ** 52n) - 1n, -(2n ** 53n) - 1n, MIN_INT64, MIN_INT64 + 1n, MAX_INT64],
]

test('timestamps of any size are told as the reader reads them, whichever the first is', () => {
  for (const first of timestamps) {
    for (const second of timestamps) {
      const batch = batchOf([{ timestamp: first }, { timestamp: second }])
      expect(walk(batch)).toEqual(expected(read(batch)))
    }
  }
})

test('bytes at random are taken, and understood, exactly where the reader takes them', () => {
  const random = randomFrom(7)
  const pick = <T>(choices: readonly T[]): T => choices[random(choices.length)]!
  let taken = 0
  for (let round = 0; round < 1500; round++) {
    const shapes = Array.from({ length: random(4) + 1 }, () => ({
      timestamp: pick(timestamps),
      key: pick([null, Buffer.alloc(0), Buffer.alloc(pick([1, 63, 64, 200]))]),
      value: pick([null, Buffer.alloc(0), Buffer.alloc(pick([1, 63, 64, 9000]))]),
      headers: Array.from({ length: random(3) }, () => ({
        key: pick(['', 'h', 'name']),
        value: pick([null, Buffer.alloc(0), Buffer.from('v')]),
      })),
    }))
    const batch = batchOf(shapes)
    const changes = round % 4 === 0 ? 0 : 1 + random(2)
    for (let left = changes; left > 0; left--) {
      // Most lengths stand near the beginning of a record.
      const at = BATCH_HEADER_BYTES + random(Math.min(30, batch.length - BATCH_HEADER_BYTES))
      batch[at] = random(256)
    }
    let records: LogRecord[] | null = null
    try {
      records = read(batch)
    } catch (error) {
      if (!(error instanceof CorruptRecordError)) throw error
      // A producer's offsets are another's affair.
      if (error.message.startsWith('Invalid offset delta')) continue
    }
    if (records === null) {
      expect(() => walk(batch)).toThrow(corrupt)
    } else {
      taken++
      expect(walk(batch)).toEqual(expected(records))
    }
  }
  expect(taken).toBeGreaterThan(400)
})

test('numbers may be written in as many bytes as the reader takes', () => {
  /** Seven bits a byte, with empty ones behind. */
  const padded = (value: number, count: number): number[] =>
    Array.from({ length: count }, (_, index) => {
      const more = index < count - 1 ? 0x80 : 0
      return (index === 0 ? value : 0) | more
    })
  const results: boolean[] = []
  for (const [lengthBytes, timeBytes, offsetBytes] of [
    ...[1, 2, 5, 6].map((count) => [count, 1, 1] as const),
    ...[2, 6, 7, 8, 9, 10, 11].map((count) => [1, count, 1] as const),
    ...[2, 5, 6].map((count) => [1, 1, count] as const),
  ]) {
    const body = [0, ...padded(6, timeBytes), ...padded(0, offsetBytes), 1, 1, 0]
    const record = Buffer.from([...padded(2 * body.length, lengthBytes), ...body])
    const batch = Buffer.concat([batchOf([{ timestamp: 5 }]).subarray(0, 61), record])
    let isRead = true
    try {
      read(batch)
    } catch {
      isRead = false
    }
    results.push(isRead)
    if (isRead) expect(walk(batch).greatestTimestamp).toBe(8n)
    else expect(() => walk(batch)).toThrow(corrupt)
  }
  const [yes, no] = [true, false]
  expect(results).toEqual([
    ...[yes, yes, yes, no],
    ...[yes, yes, yes, yes, yes, yes, no],
    ...[yes, yes, no],
  ])
})

test('a header whose name has a negative length is refused, also where its bytes would fit', () => {
  // -1 in two bytes, of which the second would be read once more, as the length of the value.
  const body = Buffer.from([0, 0, 0, 1, 1, 2, 0x81, 0x00])
  const record = Buffer.concat([Buffer.from([2 * body.length]), body])
  const batch = Buffer.concat([batchOf([{ timestamp: 5 }]).subarray(0, 61), record])
  expect(() => read(batch)).toThrow(corrupt)
  expect(() => walk(batch)).toThrow(corrupt)
})

test('another count of records than there are is refused', () => {
  for (const count of [-1, 0, 1, 3, 2 ** 31 - 1]) {
    const batch = batchOf([{ timestamp: 1 }, { timestamp: 2 }])
    batch.writeInt32BE(count, 57)
    expect(() => walk(batch)).toThrow(corrupt)
  }
})

test('the least that two records can be is taken', () => {
  const batch = batchOf([{ timestamp: 0 }, { timestamp: 0 }])
  expect(batch.length).toBe(BATCH_HEADER_BYTES + 14)
  expect(walk(batch)).toMatchObject({ greatestTimestamp: 0n, hasOffsetGap: false })
})

test('a record may have as much as the limit, without its own length, and not a byte more', () => {
  const batch = batchOf([{ timestamp: 1, value: Buffer.alloc(994) }])
  // The body has six bytes but for the value, whose length takes two.
  const bodyBytes = 994 + 7
  expect(batch.length).toBe(BATCH_HEADER_BYTES + 2 + bodyBytes)
  expect(walk(batch, { ...UNLIMITED, maxRecordBytes: bodyBytes }).greatestTimestamp).toBe(1n)
  expect(() => walk(batch, { ...UNLIMITED, maxRecordBytes: bodyBytes - 1 })).toThrow(
    'max.decompressed.message.bytes',
  )
})

test('records and headers beyond the limit of steps are not looked at', () => {
  const headers = Array.from({ length: 5 }, () => ({ key: 'h', value: null }))
  const batch = batchOf([{ timestamp: 1, headers }, { timestamp: 2 }, { timestamp: 3, headers }])
  const givenUp = (maxSteps: number) => walk(batch, { ...UNLIMITED, maxSteps }).isGivenUp
  expect([2, 3, 7, 12, 13, 14].map(givenUp)).toEqual([true, true, true, true, false, false])
  const without = batchOf([{ timestamp: 1 }, { timestamp: 2 }])
  expect(walk(without, { ...UNLIMITED, maxSteps: 1 }).isGivenUp).toBe(true)
  expect(walk(without, { ...UNLIMITED, maxSteps: 2 }).greatestTimestamp).toBe(2n)
})

test('a walk tells nothing of the one before', () => {
  const walker = new RecordWalker()
  walk(batchOf([{ timestamp: 2n ** 60n }, { timestamp: 5, offset: 9 }]), UNLIMITED, walker)
  walk(batchOf([{ timestamp: 1 }]), { ...UNLIMITED, maxSteps: 0 }, walker)
  const keyed = batchOf([{ timestamp: -1, key: Buffer.from('k') }])
  expect(walk(keyed, UNLIMITED, walker)).toEqual({
    greatestTimestamp: -1n,
    leastTimestamp: null,
    hasKeylessRecord: false,
    hasOffsetGap: false,
    isGivenUp: false,
  })
})

test('a batch is walked where it stands among others', () => {
  const one = batchOf([{ timestamp: 5 }])
  const two = batchOf([{ timestamp: 7 }, { timestamp: 6 }])
  const both = Buffer.concat([one, two, one])
  const walker = new RecordWalker()
  const end = one.length + two.length
  walker.walk(both, one.length, both, one.length + BATCH_HEADER_BYTES, end, UNLIMITED)
  expect([walker.greatestTimestamp, walker.leastTimestamp]).toEqual([7n, 6n])
})
