import zlib from 'node:zlib'
import { buildBatch, readRecords } from '../../protocol/records/batch.ts'
import { COMPRESSION_TYPES, type CompressionType } from '../../protocol/records/codecs.ts'
import {
  decodeLz4Frame,
  DECODER_OUTPUT_BYTES,
  setMagic0HeaderChecksum,
} from '../../protocol/records/lz4.ts'
import { nativeCrc32c, portableCrc32c } from '../../src/host/checksums.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { builtInZstd, portableZstd, zstdCodec } from '../../src/host/zstd.ts'

const codecs = nodeCodecs()
const compressing = COMPRESSION_TYPES.filter((type) => type !== 'none')
const corrupt = expect.objectContaining({ code: 'CORRUPT_RECORD' })
const tooMany = (bytes: number) =>
  expect.objectContaining({ message: `Decompressed records are more than ${bytes} bytes` })

/** Words with numbers, so that it compresses as usual data do. */
function text(bytes: number): Buffer {
  const words = Array.from(
    { length: bytes / 12 + 1 },
    (_, index) => `line ${index % 97} of ${index}; `,
  )
  return Buffer.from(words.join('').slice(0, bytes))
}

test.each(compressing)('what %s has decompressed stays when it decompresses more', (type) => {
  const [one, other] = [text(2000), Buffer.from(text(2000).reverse())]
  const decompressed = [one, other].map((bytes) =>
    codecs.decompress(type, codecs.compress(type, bytes), 10_000),
  )
  expect(decompressed[0]!.equals(one)).toBe(true)
  expect(decompressed[1]!.equals(other)).toBe(true)
})

describe('checksums', () => {
  const portable = portableCrc32c()
  const native = nativeCrc32c()

  test('CRC-32C and CRC-32 give the check values of their definitions', () => {
    const digits = Buffer.from('123456789')
    expect(portable(digits)).toBe(0xe3069283)
    expect(codecs.crc32c(digits)).toBe(0xe3069283)
    expect(codecs.crc32(digits)).toBe(0xcbf43926)
    expect(codecs.crc32c(digits.subarray(4), codecs.crc32c(digits.subarray(0, 4)))).toBe(0xe3069283)
  })

  test('the native and the portable CRC-32C are equal for every length and seed', () => {
    if (native === null) return
    const bytes = text(3000)
    for (let length = 0; length < 300; length++) {
      const part = bytes.subarray(length % 7, length * 9)
      expect(native(part)).toBe(portable(part))
      expect(native(part, length * 7919)).toBe(portable(part, length * 7919))
    }
  })
})

describe.each(compressing)('%s', (type: CompressionType) => {
  test('gives back what was compressed, up to exactly the limit', () => {
    for (const length of [0, 1, 10, 5000, 32768, 32769, 300_000]) {
      const bytes = text(length)
      const compressed = codecs.compress(type, bytes)
      expect(codecs.decompress(type, compressed, Math.max(1, length)).equals(bytes)).toBe(true)
      if (length > 1) {
        expect(() => codecs.decompress(type, compressed, length - 1)).toThrow(tooMany(length - 1))
      }
    }
  })

  test('bytes that hardly compress come back, too', () => {
    let state = 1
    const bytes = Buffer.from(
      Array.from(
        { length: 100_000 },
        () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 24,
      ),
    )
    expect(codecs.decompress(type, codecs.compress(type, bytes), 100_000).equals(bytes)).toBe(true)
  })

  test('a bomb is refused when it goes beyond its limit', () => {
    const bomb = codecs.compress(type, Buffer.alloc(20_000_000))
    expect(() => codecs.decompress(type, bomb, 100_000)).toThrow(tooMany(100_000))
    const small = codecs.compress(type, Buffer.alloc(70_000))
    expect(codecs.decompress(type, small, 70_000).equals(Buffer.alloc(70_000))).toBe(true)
  })

  test('cut and empty bytes are a typed error', () => {
    const compressed = codecs.compress(type, text(5000))
    for (const length of [1, 5, 9, 17, 30, compressed.length - 1]) {
      expect(() => codecs.decompress(type, compressed.subarray(0, length), 10_000)).toThrow(corrupt)
    }
  })
})

describe('snappy', () => {
  test('is written in the framing of Java and read without it as well', async () => {
    const bytes = text(70_000)
    const framed = codecs.compress('snappy', bytes)
    expect(framed.toString('hex', 0, 16)).toBe('82534e41505059000000000100000001')
    const { compressSync } = await import('snappy')
    const raw = compressSync(bytes)
    expect(codecs.decompress('snappy', raw, 70_000).equals(bytes)).toBe(true)
    expect(() => codecs.decompress('snappy', raw, 69_999)).toThrow(tooMany(69_999))
  })

  test('more blocks than the caller takes are refused', () => {
    const bytes = text(100_000)
    const framed = codecs.compress('snappy', bytes)
    expect(codecs.decompress('snappy', framed, 100_000, 4).equals(bytes)).toBe(true)
    expect(() => codecs.decompress('snappy', framed, 100_000, 3)).toThrow(corrupt)
  })

  test('a block that claims gigabytes is refused before anything is allocated', () => {
    const claim = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0])
    expect(() => codecs.decompress('snappy', claim, 2 ** 40)).toThrow(corrupt)
    expect(() => codecs.decompress('snappy', Buffer.alloc(5, 0xff), 100)).toThrow(corrupt)
  })
})

describe('lz4', () => {
  test('the wrong header checksum of magic 0 is read, any other is not', () => {
    const frame = codecs.compress('lz4', text(1000))
    setMagic0HeaderChecksum(frame)
    expect(codecs.decompress('lz4', frame, 1000).equals(text(1000))).toBe(true)
    frame[6]! ^= 1
    expect(() => codecs.decompress('lz4', frame, 1000)).toThrow(corrupt)
  })

  test('a content size, checksums and matches that overlap themselves are understood', () => {
    // One block: literal "ab", a match of 10 at distance 2, literals "wxyz!"; then the checksums, which Kafka skips too.
    const block = Buffer.from([0x26, 0x61, 0x62, 2, 0, 0x50, 0x77, 0x78, 0x79, 0x7a, 0x21])
    const header = Buffer.from('04224d187c40' + '1100000000000000' + '00', 'hex')
    setMagic0HeaderChecksum(header)
    const size = Buffer.from([block.length, 0, 0, 0])
    const frame = Buffer.concat([header, size, block, Buffer.alloc(4), Buffer.alloc(8)])
    expect(codecs.decompress('lz4', frame, 100).toString()).toBe('abababababab' + 'wxyz!')
  })

  /** A frame with blocks of 64 KiB at most, and its flags. */
  const frameOf = (flags: number, blocks: readonly Buffer[]): Buffer => {
    const header = Buffer.from([0x04, 0x22, 0x4d, 0x18, flags, 0x40, 0])
    setMagic0HeaderChecksum(header)
    const sized = blocks.flatMap((block) => {
      const size = Buffer.alloc(4)
      size.writeUInt32LE(block.length)
      return [size, block]
    })
    return Buffer.concat([header, ...sized, Buffer.alloc(4)])
  }

  test('blocks that are linked reach back into those before, over 64 KiB and no further', async () => {
    const { compressSync } = await import('lz4-napi')
    const bytes = text(200_000)
    const blocks: Buffer[] = []
    for (let at = 0; at < bytes.length; at += 65_536) {
      const before = at === 0 ? undefined : bytes.subarray(at - 65_536, at)
      blocks.push(compressSync(Buffer.from(bytes.subarray(at, at + 65_536)), before).subarray(4))
    }
    expect(codecs.decompress('lz4', frameOf(0x40, blocks), 200_000).equals(bytes)).toBe(true)
  })

  test('a block of more than the frame says is refused, however much there may be', async () => {
    const { compressSync } = await import('lz4-napi')
    for (const [length, isTaken] of [
      [65_536, true],
      [65_537, false],
    ] as const) {
      const frame = frameOf(0x60, [compressSync(Buffer.alloc(length)).subarray(4)])
      const decode = () => codecs.decompress('lz4', frame, 1 << 20).length
      if (isTaken) expect(decode()).toBe(length)
      else expect(decode).toThrow(corrupt)
    }
  })

  test('more blocks than the caller takes are refused', () => {
    const frame = frameOf(
      0x40,
      [1, 2, 3].map((byte) => Buffer.from([0x10, byte])),
    )
    expect([...codecs.decompress('lz4', frame, 100, 3)]).toEqual([1, 2, 3])
    expect(() => codecs.decompress('lz4', frame, 100, 2)).toThrow(corrupt)
  })

  test('the fast decoder is told how much a block may be at most, and gets no tiny ones', () => {
    const asked: number[][] = []
    const fast = {
      output: Buffer.alloc(DECODER_OUTPUT_BYTES),
      decode: (_block: Buffer, at: number, limit: number): number => {
        asked.push([at, limit])
        return -1
      },
    }
    const literals = (count: number): Buffer =>
      Buffer.concat([Buffer.from([0xf0, count - 15]), Buffer.alloc(count, 7)])
    const tiny = Array.from({ length: 1000 }, () => Buffer.from([0x10, 7]))
    const frame = frameOf(0x40, [...tiny, literals(200), literals(269)])
    expect(decodeLz4Frame(frame, 1 << 20, fast).equals(Buffer.alloc(1469, 7))).toBe(true)
    expect(decodeLz4Frame(frame, 1500, fast).equals(Buffer.alloc(1469, 7))).toBe(true)
    expect(asked).toEqual([
      [1200, 1200 + 65_536],
      [1200, 1500],
    ])
  })

  test('a frame of more than the memory that is used again is decoded whole', async () => {
    const { compressSync } = await import('lz4-napi')
    const bytes = text(DECODER_OUTPUT_BYTES + 300_000)
    const blocks: Buffer[] = []
    for (let at = 0; at < bytes.length; at += 65_536) {
      const block = Buffer.from(bytes.subarray(at, at + 65_536))
      const before = at === 0 ? undefined : bytes.subarray(at - 65_536, at)
      blocks.push(compressSync(block, before).subarray(4))
    }
    const frame = frameOf(0x40, blocks)
    expect(codecs.borrowDecompressed('lz4', frame, bytes.length).equals(bytes)).toBe(true)
    expect(codecs.decompress('lz4', frame, bytes.length).equals(bytes)).toBe(true)
    expect(() => codecs.decompress('lz4', frame, bytes.length - 1)).toThrow(
      tooMany(bytes.length - 1),
    )
  })

  test('what is borrowed lies where the next frame is decoded, what is decompressed for good does not', () => {
    const [first, second] = [codecs.compress('lz4', text(3000)), codecs.compress('lz4', text(5000))]
    const kept = codecs.decompress('lz4', first, 5000)
    const borrowed = codecs.borrowDecompressed('lz4', first, 5000)
    const next = codecs.borrowDecompressed('lz4', second, 5000)
    expect(next.equals(text(5000))).toBe(true)
    expect([next.buffer, next.byteOffset]).toEqual([borrowed.buffer, borrowed.byteOffset])
    expect(kept.equals(text(3000))).toBe(true)
  })

  const outcome = (decode: () => Buffer): string => {
    try {
      return decode().toString('base64')
    } catch (error) {
      return (error as Error).message
    }
  }
  const randomFrom = (seed: number) => {
    let state = seed
    return (limit: number): number =>
      ((state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 8) % limit
  }
  /** How a count goes on behind the 15 of its half of the token. */
  const beyond15 = (count: number): number[] =>
    count < 15
      ? []
      : [...Array<number>(Math.floor((count - 15) / 255)).fill(255), (count - 15) % 255]

  test('literals and matches of any length and distance are what the decoder in JavaScript makes of them', () => {
    const below = randomFrom(11)
    const lengths = [0, 1, 7, 8, 14, 15, 16, 17, 31, 32, 33, 269, 270, 271, 600]
    for (let round = 0; round < 300; round++) {
      const block: number[] = []
      let decoded = 0
      while (block.length < 300) {
        const [literals, extra] = [lengths[below(15)]!, lengths[below(15)]!]
        if (decoded + literals === 0) continue
        const upTo = below(3) === 0 ? 1000 : 20
        const distance = 1 + below(Math.min(upTo, decoded + literals))
        block.push((Math.min(15, literals) << 4) | Math.min(15, extra), ...beyond15(literals))
        for (let left = literals; left > 0; left--) block.push(below(256))
        block.push(distance & 255, distance >> 8, ...beyond15(extra))
        decoded += literals + extra + 4
      }
      const frame = frameOf(0x60, [Buffer.from(block)])
      const bytes = decodeLz4Frame(frame, decoded)
      expect(bytes.length).toBe(decoded)
      expect(codecs.borrowDecompressed('lz4', frame, decoded).equals(bytes)).toBe(true)
      expect(() => codecs.borrowDecompressed('lz4', frame, decoded - 1)).toThrow(
        tooMany(decoded - 1),
      )
    }
  })

  test('what the fast decoder takes, and makes of it, is what the one in JavaScript does', () => {
    const below = randomFrom(5)
    const sound = codecs.compress('lz4', text(3000))
    for (let round = 0; round < 1000; round++) {
      const frame = Buffer.from(sound)
      for (let left = 1 + below(3); left > 0; left--)
        frame[7 + below(frame.length - 7)] = below(256)
      const maxBytes = round % 5 === 0 ? 2000 : 100_000
      expect(outcome(() => codecs.decompress('lz4', frame, maxBytes))).toBe(
        outcome(() => decodeLz4Frame(frame, maxBytes)),
      )
    }
  })
})

describe('gzip', () => {
  test('several members one after the other are read', () => {
    const members = Buffer.concat([zlib.gzipSync('one '), zlib.gzipSync('two')])
    expect(codecs.decompress('gzip', members, 100).toString()).toBe('one two')
  })
})

describe('zstd', () => {
  const portable = portableZstd()

  /** A frame that claims a window of 2^`exponent` bytes, with what is given as its blocks. */
  const frameOf = (exponent: number, blocks: readonly Buffer[]): Buffer => {
    const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (exponent - 10) << 3])
    return Buffer.concat([header, ...blocks])
  }
  const TINY_RAW = Buffer.from([1 << 3, 0, 0, 7])
  /** One literal and no sequence. */
  const TINY_COMPRESSED = Buffer.from([(3 << 3) | 4, 0, 0, 1 << 3, 7, 0])
  const LAST = Buffer.from([1, 0, 0])
  const times = (count: number, block: Buffer): Buffer[] => Array<Buffer>(count).fill(block)

  test('tiny frames and blocks that claim large windows take no time and no memory for them', () => {
    // Of what is moved no more than 1,024 windows of this length are allowed.
    const frames = Buffer.concat(times(1100, frameOf(23, [TINY_RAW, LAST])))
    expect(portable.decompress(frames, 32_768)).toEqual(Buffer.alloc(1100, 7))
    for (const [maxBytes, block] of [
      [32_768, TINY_COMPRESSED],
      [128 << 20, TINY_RAW],
    ] as const) {
      const frame = frameOf(23, [...times(1100, block), LAST])
      expect(portable.decompress(frame, maxBytes)).toEqual(Buffer.alloc(1100, 7))
    }
  })

  test('blocks whose windows would have to be moved for minutes are refused', () => {
    const frame = (count: number): Buffer => frameOf(23, [...times(count, TINY_COMPRESSED), LAST])
    expect(() => portable.decompress(frame(1024), 128 << 20)).toThrow(corrupt)
    const all = Buffer.concat(times(13, frame(80)))
    expect(() => portable.decompress(all, 128 << 20)).toThrow(corrupt)
  })

  test('a frame can not say that it has more than its blocks hold', () => {
    const claim = Buffer.from('28b52ffda0' + '00000008' + '010000', 'hex')
    for (const codec of [portable, zstdCodec()])
      expect(() => codec.decompress(claim, 256 << 20)).toThrow(corrupt)
  })

  test('content that goes back over all of a large window is what it was', () => {
    let state = 9
    const noise = Buffer.from(
      Array.from(
        { length: 600_000 },
        () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 24,
      ),
    )
    const bytes = Buffer.concat([noise, noise, noise.subarray(0, 1000)])
    const compressed = portable.compress(bytes, 19)
    expect(compressed.length).toBeLessThan(700_000)
    expect(portable.decompress(compressed, bytes.length).equals(bytes)).toBe(true)
  })

  test('several frames, and skippable ones between them, are read', () => {
    const frame = portable.compress(text(500))
    const skippable = Buffer.from('502a4d1803000000616263', 'hex')
    const all = Buffer.concat([frame, skippable, frame])
    expect(portable.decompress(all, 1000).equals(Buffer.concat([text(500), text(500)]))).toBe(true)
  })

  test('a frame without a content size, of more than a megabyte, is read', () => {
    // Window of 1 MiB, then blocks of type RLE: 20 times 100,000 of one byte.
    const header = Buffer.from('28b52ffd0050', 'hex')
    const blocks = Array.from({ length: 20 }, (_, index) => {
      const block = Buffer.alloc(4, 97 + index)
      block.writeUIntLE((100_000 << 3) | 2 | (index === 19 ? 1 : 0), 0, 3)
      return block
    })
    const frame = Buffer.concat([header, ...blocks])
    const bytes = portable.decompress(frame, 2_000_000)
    expect(bytes.length).toBe(2_000_000)
    expect(bytes.toString('latin1', 99_999, 100_001)).toBe('ab')
    expect(() => portable.decompress(frame, 1_999_999)).toThrow(tooMany(1_999_999))
    expect(codecs.decompress('zstd', frame, 2_000_000).equals(bytes)).toBe(true)
  })

  test('a window of a gigabyte, a content of terabytes and a dictionary are refused from the header', () => {
    const block = '010000'
    for (const header of ['28b52ffd00a0', '28b52ffdc050ffffffffff000000', '28b52ffd015001']) {
      const frame = Buffer.from(header + block, 'hex')
      expect(() => codecs.decompress('zstd', frame, 1_000_000)).toThrow(corrupt)
    }
  })

  test('node:zlib does it where it can, and is told the level and the most that may come out', () => {
    const calls: unknown[] = []
    const codec = zstdCodec({
      zstdCompressSync: (bytes, options) => {
        calls.push(options)
        return portable.compress(bytes)
      },
      zstdDecompressSync: (bytes, options) => {
        calls.push(options)
        return portable.decompress(bytes, options.maxOutputLength)
      },
    })
    const compressed = codec.compress(text(100), 7)
    expect(codec.decompress(compressed, 5000).equals(text(100))).toBe(true)
    expect(calls).toEqual([{ params: { 100: 7 } }, { maxOutputLength: 5000 }])
    expect(builtInZstd() !== null).toBe('zstdDecompressSync' in zlib)
    expect(zstdCodec({}).decompress(compressed, 100).equals(text(100))).toBe(true)
  })

  test('the portable and the built-in codec read each other', () => {
    const builtIn = builtInZstd()
    if (builtIn === null) return
    const bytes = text(200_000)
    expect(portable.decompress(builtIn.compress(bytes), 200_000).equals(bytes)).toBe(true)
    expect(builtIn.decompress(portable.compress(bytes), 200_000).equals(bytes)).toBe(true)
  })
})

test('a batch compressed in any codec gives its records back', () => {
  const records = Array.from({ length: 300 }, (_, index) => ({
    timestamp: BigInt(index),
    key: Buffer.from(`key ${index}`),
    value: text(index * 3),
  }))
  for (const compression of COMPRESSION_TYPES) {
    const batch = buildBatch({ records, compression, baseOffset: 5 }, codecs)
    const read = [...readRecords(batch, codecs)]
    expect(read.map(({ offset }) => offset)).toEqual(records.map((_, index) => index + 5))
    expect(read.every(({ value }, index) => records[index]!.value.equals(value!))).toBe(true)
  }
})
