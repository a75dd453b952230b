import { KeyHash } from '../../../src/log/cleaner/key-hash.ts'
import { OffsetMap } from '../../../src/log/cleaner/offset-map.ts'
import { groupSegments } from '../../../src/log/cleaner/grouping.ts'
import { Throttle } from '../../../src/log/cleaner/throttle.ts'
import { seeded } from '../seeded.ts'

const secret = Buffer.from(Array.from({ length: 16 }, (_, index) => index))

function hashOf(bytes: Buffer): string {
  const hash = new KeyHash(secret)
  hash.update(bytes, 0, bytes.length)
  const result = Buffer.alloc(16)
  hash.words.forEach((word, index) => result.writeInt32LE(word, 4 * index))
  return result.toString('hex')
}

describe('the hash of a key', () => {
  // The first vectors of SipHash's authors for 128 bits: of 0, 1, 2 bytes 00 01 ... under the key 00 01 ... 0f.
  test.each([
    [0, 'a3817f04ba25a8e66df67214c7550293'],
    [1, 'da87c1d86b99af44347659119b22fc45'],
    [2, '8177228da4a45dc7fca38bdef60affe4'],
  ])('is SipHash-2-4-128 (%d bytes)', (length, expected) => {
    expect(hashOf(secret.subarray(0, length))).toBe(expected)
  })

  test('differs for keys that differ in any one byte, up to the last one', () => {
    const seen = new Set<string>()
    for (let length = 0; length < 40; length++) {
      seen.add(hashOf(Buffer.alloc(length)))
      for (let at = 0; at < length; at++) {
        const bytes = Buffer.alloc(length)
        bytes[at] = 0x80
        seen.add(hashOf(bytes))
      }
    }
    expect(seen.size).toBe(40 + (39 * 40) / 2)
  })
})

describe('the table of keys', () => {
  test('has the last offset of every key, also when it is handed on', () => {
    const random = seeded(3)
    const expected = new Map<string, number>()
    let map = OffsetMap.of(300, secret)
    for (let offset = 0; offset < 2000; offset++) {
      const key = Buffer.from(`key-${random.below(299)}`)
      map.put(key, 0, key.length, offset)
      expected.set(key.toString(), offset)
      if (offset % 500 === 0) map = new OffsetMap(structuredClone(map.state))
    }
    expect(map.entries).toBe(expected.size)
    expect(map.latestOffset).toBe(1999)
    for (let index = 0; index < 400; index++) {
      const key = Buffer.from(`key-${index}`)
      expect(map.get(key, 0, key.length)).toBe(expected.get(key.toString()) ?? -1)
    }
  })
})

const limits = { segmentBytes: 100, segmentIndexBytes: 50, endOffset: 10_000_000_000 }
const sized = (baseOffset: number, sizeBytes: number, indexBytes = 1, timeIndexBytes = 1) => ({
  baseOffset,
  sizeBytes,
  indexBytes,
  timeIndexBytes,
})

describe('segments that become one', () => {
  const groupsOf = (...segments: ReturnType<typeof sized>[]): number[][] =>
    groupSegments(segments, limits).map((group) => group.map(({ baseOffset }) => baseOffset))

  test('have together no more than segment.bytes', () => {
    const groups = groupsOf(sized(0, 60), sized(1, 40), sized(2, 1), sized(3, 99), sized(4, 1))
    expect(groups).toEqual([[0, 1], [2, 3], [4]])
  })

  test('have together no larger index than segment.index.bytes', () => {
    expect(groupsOf(sized(0, 1, 30), sized(1, 1, 20), sized(2, 1, 1))).toEqual([[0, 1], [2]])
    expect(groupsOf(sized(0, 1, 1, 30), sized(1, 1, 1, 21))).toEqual([[0], [1]])
  })

  test('have offsets that an index can tell from the first one', () => {
    const far = 2 ** 31
    expect(groupsOf(sized(0, 1), sized(5, 1), sized(far, 1), sized(far + 5, 1))).toEqual([
      [0, 5],
      [far],
      [far + 5],
    ])
  })

  test('may be empty, however far they reach', () => {
    expect(groupsOf(sized(0, 1), sized(2 ** 31, 0))).toEqual([[0, 2 ** 31]])
  })
})

test('a throttle sleeps for as long as its bytes would have taken', () => {
  let nowMs = 1000
  const slept: number[] = []
  const parts = {
    clock: { now: () => nowMs, monotonic: () => nowMs },
    sleep: (durationMs: number) => {
      slept.push(durationMs)
      nowMs += durationMs
    },
  }
  const throttle = new Throttle(parts, 1000)
  throttle.spent(400)
  nowMs += 300
  throttle.spent(100)
  expect(slept).toEqual([200])
  throttle.spent(50)
  throttle.settle()
  expect(slept).toEqual([200, 50])
  const unbound = new Throttle(parts, Infinity)
  unbound.spent(1e12)
  unbound.settle()
  expect(slept).toHaveLength(2)
})
