import {
  buildBatch,
  buildMessages,
  checkBatch,
  checkMessage,
  checkProducedBatch,
  convertMessages,
  CorruptRecordError,
  readBatches,
  readRecords,
  setBatchCrc,
  writeSafeInt64,
} from '../../../protocol/records/batch.ts'
import { COMPRESSION_TYPES } from '../../../protocol/records/codecs.ts'
import { nodeCodecs } from '../../../src/host/codecs.ts'

const codecs = nodeCodecs()
const LIMIT_BYTES = 100_000
const corrupt = expect.objectContaining({ code: 'CORRUPT_RECORD' })

/** Mulberry32: small, and the same on every machine. */
function randomFrom(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}

const records = Array.from({ length: 20 }, (_, index) => ({
  timestamp: 1_700_000_000_000 + index * 1000,
  key: index % 3 === 0 ? null : Buffer.from(`key ${index}`),
  value: index % 5 === 0 ? null : Buffer.from(`the value of record ${index}`),
  headers: index % 2 === 0 ? [] : [{ key: 'h', value: Buffer.from('v') }],
}))
const samples = COMPRESSION_TYPES.flatMap((compression) => [
  buildBatch({ records, compression, baseOffset: 3 }, codecs),
  ...(compression === 'zstd'
    ? []
    : ([0, 1] as const).map((magic) => buildMessages({ magic, records, compression }, codecs))),
])

/** Reads all that can be read; returns how many records there were, or null after a typed error. */
function readAll(bytes: Buffer): number | null {
  let count = 0
  try {
    for (const batch of readBatches(bytes)) {
      checkBatch(batch, 0, batch.length, codecs.crc32c)
      checkMessage(batch, 0, batch.length, codecs.crc32)
      for (const record of readRecords(batch, codecs, LIMIT_BYTES))
        count += record.headers.length + 1
    }
    return count
  } catch (error) {
    if (error instanceof CorruptRecordError) return null
    throw error
  }
}

describe('hostile record bytes', () => {
  test('samples are readable to begin with', () => {
    for (const sample of samples) expect(readAll(sample)).toBeGreaterThanOrEqual(20)
  })

  test('random bytes end in a typed error or in nothing', () => {
    const random = randomFrom(1)
    for (let round = 0; round < 1500; round++) {
      const bytes = Buffer.from(Array.from({ length: random(300) }, () => random(256)))
      if (bytes.length > 17) {
        // Otherwise hardly any would get beyond length and magic.
        bytes.writeInt32BE(bytes.length - 12, 8)
        bytes[16] = random(3)
        if (bytes.length > 61) {
          bytes.writeInt16BE(random(5), 21)
          bytes.writeInt32BE(random(30), 57)
        }
      }
      readAll(bytes)
    }
  })

  test('damaged batches end in a typed error or in other records', () => {
    const random = randomFrom(2)
    let refused = 0
    for (let round = 0; round < 2500; round++) {
      const bytes = Buffer.from(samples[random(samples.length)]!)
      for (let times = random(3); times >= 0; times--) {
        const at = 16 + random(bytes.length - 16)
        const kind = random(4)
        if (kind === 0) bytes[at] = random(256)
        else if (kind === 1) bytes[at]! ^= 1 << random(8)
        else if (kind === 2) bytes[at] = 0xff
        else if (at + 4 <= bytes.length)
          bytes.writeInt32BE([-1, 2 ** 31 - 1, -(2 ** 31)][random(3)]!, at)
      }
      if (readAll(bytes) === null) refused++
    }
    expect(refused).toBeGreaterThan(500)
  })

  test('every cut of a batch is an incomplete tail, and every cut of its content an error', () => {
    for (const sample of samples) {
      for (let length = 0; length < sample.length; length += 1 + (length >> 5)) {
        const cut = Buffer.from(sample.subarray(0, length))
        expect(checkBatch(cut, 0, cut.length, codecs.crc32c)).not.toBeNull()
        readAll(cut)
        if (length <= 61) continue
        cut.writeInt32BE(length - 12, 8)
        if (sample[16] === 2) expect(readAll(cut)).toBeNull()
        else readAll(cut)
      }
    }
  })

  test('record counts, lengths and header counts are checked before anything is allocated for them', () => {
    const batch = buildBatch({ records: [{ timestamp: 0, key: null, value: null }] }, codecs)
    const count = Buffer.from(batch)
    count.writeInt32BE(2 ** 31 - 1, 57)
    expect(() => [...readRecords(count, codecs)]).toThrow(corrupt)
    const headers = Buffer.from(batch)
    headers[headers.length - 1] = 0x7e
    expect(() => [...readRecords(headers, codecs)]).toThrow(corrupt)
    const length = Buffer.from(batch)
    length[61] = 0x7e
    expect(() => [...readRecords(length, codecs)]).toThrow(corrupt)
  })
})

describe('the checks of a batch', () => {
  const good = buildBatch({ records, producerId: 7, producerEpoch: 0, baseSequence: 0 }, codecs)
  const changed = (change: (batch: Buffer) => void): Buffer => {
    const batch = Buffer.from(good)
    change(batch)
    setBatchCrc(batch, 0, codecs.crc32c)
    return batch
  }
  const check = (batch: Buffer, end = batch.length) => checkBatch(batch, 0, end, codecs.crc32c)

  test('a good batch has no fault, wherever it stands', () => {
    expect(check(good)).toBeNull()
    expect(checkProducedBatch(good, 0)).toBeNull()
    const shifted = Buffer.concat([Buffer.alloc(13), good, Buffer.alloc(9)])
    expect(checkBatch(shifted, 13, shifted.length, codecs.crc32c)).toBeNull()
  })

  test('each fault has its name', () => {
    expect(check(good, 16)).toBe('too-short')
    expect(check(good, good.length - 1)).toBe('too-short')
    const raw = Buffer.from(good)
    raw.writeInt32BE(13, 8)
    expect(check(raw)).toBe('size')
    raw.writeInt32BE(48, 8)
    expect(check(raw)).toBe('size')
    raw[16] = 3
    expect(check(raw)).toBe('magic')
    const flipped = Buffer.from(good)
    flipped[flipped.length - 1]! ^= 1
    expect(check(flipped)).toBe('crc')
    expect(check(changed((batch) => batch.writeInt32BE(-1, 23)))).toBe('offsets')
    expect(check(changed((batch) => batch.writeBigInt64BE(2n ** 53n, 0)))).toBe('offsets')
    expect(check(changed((batch) => writeSafeInt64(batch, 2 ** 53 - 5, 0)))).toBe('offsets')
    expect(check(changed((batch) => batch.writeBigInt64BE(-(2n ** 53n), 43)))).toBe('offsets')
    expect(check(changed((batch) => batch.writeInt32BE(21, 57)))).toBe('count')
    expect(check(changed((batch) => batch.writeInt32BE(-1, 57)))).toBe('count')
    expect(check(changed((batch) => batch.writeInt16BE(5, 21)))).toBe('compression')
  })

  test('a compacted batch is good for a log, but not from a producer', () => {
    const compacted = changed((batch) => batch.writeInt32BE(3, 57))
    expect(check(compacted)).toBeNull()
    expect(checkProducedBatch(compacted, 0)).toBe('count')
    const control = changed((batch) => batch.writeInt16BE(0x20, 21))
    expect(checkProducedBatch(control, 0)).toBe('control')
    const unnumbered = changed((batch) => batch.writeInt32BE(-1, 53))
    expect(checkProducedBatch(unnumbered, 0)).toBe('sequence')
    const moved = changed((batch) => writeSafeInt64(batch, 1, 0))
    expect(checkProducedBatch(moved, 0)).toBe('base-offset')
  })
})

describe('messages of magic 0 and 1', () => {
  test.each([0, 1] as const)('of magic %i become one batch of magic 2', (magic) => {
    for (const compression of ['none', 'gzip', 'snappy', 'lz4'] as const) {
      const set = buildMessages({ magic, records, compression, baseOffset: 50 }, codecs)
      const batch = convertMessages(readBatches(set), { baseOffset: 900 }, codecs)
      expect(checkBatch(batch, 0, batch.length, codecs.crc32c)).toBeNull()
      const read = [...readRecords(batch, codecs)]
      expect(read.map(({ offset }) => offset)).toEqual(records.map((_, index) => 900 + index))
      expect(read.map(({ timestamp }) => timestamp)).toEqual(
        records.map((record) => (magic === 0 ? -1n : BigInt(record.timestamp))),
      )
      expect(read.map(({ key, value }) => [key, value])).toEqual(
        records.map(({ key, value }) => [key, value]),
      )
    }
  })

  test('a wrapper whose offset was left at 0 has its messages from 0, one below its last is refused', () => {
    const wrapper = buildMessages({ magic: 1, records, compression: 'gzip', baseOffset: 0 }, codecs)
    writeSafeInt64(wrapper, 0, 0)
    expect([...readRecords(wrapper, codecs)].map(({ offset }) => offset)).toEqual(
      records.map((_, index) => index),
    )
    writeSafeInt64(wrapper, 5, 0)
    expect(() => [...readRecords(wrapper, codecs)]).toThrow(corrupt)
  })

  test('a compressed message within a compressed one is refused', () => {
    const inner = buildMessages({ magic: 1, records, compression: 'gzip' }, codecs)
    const outer = buildMessages(
      { magic: 1, records: records.slice(0, 1), compression: 'gzip' },
      codecs,
    )
    const value = codecs.compress('gzip', inner)
    const nested = Buffer.concat([outer.subarray(0, 30), Buffer.alloc(4), value])
    nested.writeInt32BE(value.length, 30)
    nested.writeInt32BE(nested.length - 12, 8)
    expect(() => [...readRecords(nested, codecs)]).toThrow(corrupt)
  })

  test('conversion stops at its limit', () => {
    const set = buildMessages({ magic: 1, records }, codecs)
    expect(() => convertMessages(readBatches(set), {}, codecs, 100)).toThrow(corrupt)
  })
})
