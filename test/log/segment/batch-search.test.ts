import { batchNextOffset, batchSizeBytes, checkBatch } from '../../../protocol/records/batch.ts'
import { BatchSearch, type SearchedPart } from '../../../src/log/segment/batch-search.ts'
import { ChecksumShift } from '../../../src/log/segment/checksum-shift.ts'
import { scanAround, type SoundScanPart } from '../../../src/log/segment/damage.ts'
import type { Reading } from '../../../src/log/segment/scan.ts'
import { seeded } from '../seeded.ts'
import { batchOf, codecs } from '../support.ts'

const CRC_AT = 17
const CHECKED_FROM = 21

/** Reads from memory; counts the bytes that are read. */
function run<Result>(content: Buffer, reading: Reading<Result>): { result: Result; read: number } {
  let read = 0
  let next = reading.next(0)
  while (next.done !== true) {
    const { buffer, position } = next.value
    const count = content.copy(buffer, 0, position, position + buffer.length)
    read += count
    next = reading.next(count)
  }
  return { result: next.value, read }
}

/** A checksum that counts the bytes it goes over, and gives up where they are too many: the test would never end. */
function counted(limit: number) {
  const counter = { bytes: 0 }
  const crc32c = (bytes: Uint8Array): number => {
    counter.bytes += bytes.length
    if (counter.bytes > limit) throw new Error(`More than ${limit} bytes were checked`)
    return codecs.crc32c(bytes)
  }
  return { counter, crc32c }
}

function batchAt(baseOffset: number, count = 1, valueBytes = 100): Buffer {
  const batch = Buffer.from(batchOf(count, valueBytes))
  batch.writeBigInt64BE(BigInt(baseOffset), 0)
  return batch
}

/** Looks like a batch of this size and isn't one. */
function forged(baseOffset: number, sizeBytes: number): Buffer {
  const header = batchAt(baseOffset).subarray(0, 61)
  header.writeInt32BE(sizeBytes - 12, 8)
  return header
}

function scanOf(
  content: Buffer,
  crc32c: SearchedPart['crc32c'],
  more: Partial<SoundScanPart> = {},
) {
  const seen: number[] = []
  const scan: SoundScanPart = {
    from: 0,
    end: content.length,
    what: 'headers',
    readBytes: 64 * 1024,
    visit: (buffer, at) => seen.push(batchNextOffset(buffer, at)) > 0,
    fromOffset: 0,
    endOffset: 2 ** 31,
    crc32c,
    passes: () => true,
    checksStop: false,
    ...more,
  }
  return { seen, ...run(content, scanAround(scan)) }
}

test('the checksum of bytes that follow each other comes of theirs', () => {
  const shift = new ChecksumShift()
  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7919) >>> 3))
  for (const cut of [0, 1, 2, 255, 256, 257, 65_535, 65_536, 69_999, 70_000]) {
    const [one, other] = [bytes.subarray(0, cut), bytes.subarray(cut)]
    const both = shift.shift(codecs.crc32c(one), other.length) ^ codecs.crc32c(other)
    expect([cut, both >>> 0]).toEqual([cut, codecs.crc32c(bytes)])
  }
})

test.each([1, 2, 3, 4, 5, 6])(
  'in bytes of all kinds the search finds what trying each position finds (seed %i)',
  (seed) => {
    const random = seeded(seed)
    const upTo = (most: number): number => random.below(most)
    const parts: Buffer[] = []
    for (let offset = 0; offset < 400; offset++) {
      const kind = upTo(6)
      if (kind < 2) parts.push(batchAt(offset, 1, upTo(3000)))
      else if (kind === 2) parts.push(forged(offset, 61 + upTo(300_000)))
      else if (kind === 3) parts.push(batchAt(offset).subarray(0, 30 + upTo(60)))
      else if (kind === 4) parts.push(nested(offset, [batchAt(offset + 1), forged(offset, 5000)]))
      else parts.push(Buffer.alloc(upTo(40), kind))
    }
    const content = Buffer.concat(parts)
    const expected: number[] = []
    for (let at = 0; at + 61 <= content.length; at++)
      if (checkBatch(content, at, content.length, codecs.crc32c) === null) expected.push(at)
    const found: number[] = []
    const part = { end: content.length, endOffset: 2 ** 31, crc32c: codecs.crc32c }
    const search = new BatchSearch(part)
    for (let from = 0; ;) {
      const { result } = run(content, search.next(from, 0, -1))
      if (result === null) break
      found.push(result.position)
      from = result.position + 1
    }
    expect(expected.length).toBeGreaterThan(50)
    expect(found).toEqual(expected)
  },
)

/** A batch whose checksum holds, with other bytes where its record would be. */
function nested(baseOffset: number, inner: readonly Buffer[]): Buffer {
  const batch = Buffer.concat([batchAt(baseOffset).subarray(0, 61), ...inner])
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeUInt32BE(codecs.crc32c(batch.subarray(CHECKED_FROM)), CRC_AT)
  return batch
}

test('a batch is found wherever it begins, also between two reads', () => {
  const batch = batchAt(7)
  for (let shift = -70; shift <= 70; shift++) {
    const content = Buffer.concat([Buffer.alloc(128 * 1024 + shift, 0xff), batch])
    const part = { end: content.length, endOffset: 2 ** 31, crc32c: codecs.crc32c }
    const { result } = run(content, new BatchSearch(part).next(0, 0, -1))
    expect([shift, result?.position]).toEqual([shift, 128 * 1024 + shift])
  }
})

const BASE = 100_000
const healthy = Array.from({ length: 50 }, (_, index) => batchAt(BASE + index))
const healthyEnds = healthy.map((_, index) => BASE + index + 1)

interface Attack {
  readonly bytes: Buffer
  /** So many batches with forged bytes are found in them, since their checksum holds, */
  readonly found: number
  /** and so often each byte may be gone over. */
  readonly times: number
}

/** What a batch with a damaged header holds, as an attacker would choose it. */
const attacks: [string, () => Attack][] = [
  [
    'headers that claim the rest of the file',
    () => {
      const count = 40_000
      const headers = Array.from({ length: count }, (_, each) => forged(1, (count - each) * 61))
      return { bytes: Buffer.concat(headers), found: 0, times: 4 }
    },
  ],
  [
    'such headers, each behind a batch whose checksum holds',
    () => {
      const count = 4000
      const pairs = Array.from({ length: count }, (_, each) => [
        batchAt(2 * each + 1, 1, 10),
        forged(2 * each + 2, (count - each) * 130),
      ])
      return { bytes: Buffer.concat(pairs.flat()), found: count, times: 50 }
    },
  ],
  [
    'batches in one another, all of which hold',
    () => {
      const bytes = Buffer.alloc(61 * 1500)
      for (let at = bytes.length - 61; at >= 0; at -= 61) {
        const inner = bytes.subarray(at)
        batchAt(1 + at / 61).copy(inner, 0, 0, 61)
        inner.writeInt32BE(inner.length - 12, 8)
        inner.writeUInt32BE(codecs.crc32c(inner.subarray(CHECKED_FROM)), CRC_AT)
      }
      return { bytes: Buffer.concat([bytes, Buffer.alloc(61, 0xff)]), found: 1, times: 4 }
    },
  ],
]

describe.each(['headers', 'whole'] as const)('a scan of %s over damage', (what) => {
  test.each(attacks)('ends soon among %s, and finds all that is healthy', (_, attack) => {
    const { bytes, found, times } = attack()
    const content = Buffer.concat([batchAt(0), Buffer.alloc(61, 0xff), bytes, ...healthy])
    const { counter, crc32c } = counted(times * content.length)
    const { seen, read } = scanOf(content, crc32c, {
      what,
      ...(what === 'whole' && {
        rejects: (buffer, at) =>
          checkBatch(buffer, at, at + batchSizeBytes(buffer, at), crc32c) !== null,
      }),
    })
    expect(seen.slice(-50)).toEqual(healthyEnds)
    // Some forged headers are believed by who looks at nothing else.
    const believed = seen.length - (1 + found + 50)
    expect(believed).toBeGreaterThanOrEqual(0)
    expect(believed).toBeLessThan(what === 'whole' ? 1 : 100)
    expect(counter.bytes).toBeGreaterThan(0)
    expect(read).toBeLessThan(32 * 1024 * 1024 + 16 * content.length)
  })
})

test('where only checksums are believed the scan still goes on as before behind what was durable', () => {
  const { bytes } = attacks[1]![1]()
  const content = Buffer.concat([batchAt(0), Buffer.alloc(61, 0xff), bytes, ...healthy])
  const { seen, result } = scanOf(content, codecs.crc32c, {
    what: 'whole',
    rejects: (buffer, at) =>
      checkBatch(buffer, at, at + batchSizeBytes(buffer, at), codecs.crc32c) !== null,
    passes: (fromOffset) => fromOffset < BASE + 10,
  })
  expect(seen.slice(-50)).toEqual(healthyEnds)
  expect(result).toMatchObject({ outcome: 'complete', nextOffset: BASE + 50 })
})
