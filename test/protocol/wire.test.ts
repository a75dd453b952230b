import { DecodeError, Reader } from '../../protocol/wire/reader.ts'
import { EncodeError, Writer } from '../../protocol/wire/writer.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const reader = (text: string): Reader => new Reader(hex(text))

/** What a writer made, in hex. */
function written(write: (writer: Writer) => void, capacity?: number): string {
  const writer = new Writer(capacity === undefined ? undefined : Buffer.alloc(capacity))
  write(writer)
  return writer.toBuffer().toString('hex')
}

describe('integers', () => {
  test.each([
    ['int8', [-128, -1, 0, 127], ['80', 'ff', '00', '7f']],
    ['int16', [-32768, -1, 0, 258, 32767], ['8000', 'ffff', '0000', '0102', '7fff']],
    ['uint16', [0, 258, 32768, 65535], ['0000', '0102', '8000', 'ffff']],
    [
      'int32',
      [-(2 ** 31), -1, 0x01020304, 2 ** 31 - 1],
      ['80000000', 'ffffffff', '01020304', '7fffffff'],
    ],
    ['uint32', [0, 2 ** 31, 2 ** 32 - 1], ['00000000', '80000000', 'ffffffff']],
    [
      'int64',
      [Number.MIN_SAFE_INTEGER, -(2 ** 32), -1, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER],
      [
        'ffe0000000000001',
        'ffffffff00000000',
        'ffffffffffffffff',
        '0000000100000001',
        '001fffffffffffff',
      ],
    ],
  ] as const)('%s is big-endian, and right at its edges', (type, values, encodings) => {
    values.forEach((value, index) => {
      expect(reader(encodings[index]!)[type]()).toBe(value)
      expect(written((writer) => writer[type](value))).toBe(encodings[index])
    })
  })

  test.each([
    ['int8', [-129, 128, 0.5, NaN]],
    ['int16', [-32769, 32768, 1.5, NaN]],
    ['uint16', [-1, 65536, NaN]],
    ['int32', [-(2 ** 31) - 1, 2 ** 31, 0.1, NaN]],
    ['uint32', [-1, 2 ** 32, NaN]],
    ['int64', [2 ** 53, -(2 ** 53), 0.5, Infinity, NaN]],
  ] as const)('what is no %s is not written, rather than cut', (type, values) => {
    for (const value of values) {
      expect(() => written((writer) => writer[type](value))).toThrow(EncodeError)
    }
  })

  test.each([
    ['7fffffffffffffff', Number.MAX_SAFE_INTEGER, 2n ** 63n - 1n],
    ['0020000000000000', Number.MAX_SAFE_INTEGER, 2n ** 53n],
    ['001fffffffffffff', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ['ffffffffffffffff', -1, -1],
    ['ffe0000000000001', Number.MIN_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
    ['ffe0000000000000', Number.MIN_SAFE_INTEGER, -(2n ** 53n)],
    ['8000000000000000', Number.MIN_SAFE_INTEGER, -(2n ** 63n)],
  ])('%s is saturated, or wide, as a client may choose it', (encoding, saturated, wide) => {
    expect(reader(encoding).saturatedInt64()).toBe(saturated)
    expect(reader(encoding).wideInt64()).toBe(wide)
    expect(written((writer) => writer.wideInt64(wide))).toBe(encoding)
    expect(written((writer) => writer.saturatedInt64(wide))).toBe(encoding)
  })

  test('an int64 beyond 2^53 is refused as a number and exact as a bigint', () => {
    const beyond = '0020000000000000'
    expect(() => reader(beyond).int64()).toThrow(DecodeError)
    expect(reader(beyond).bigInt64()).toBe(2n ** 53n)
    expect(written((writer) => writer.bigInt64(-(2n ** 63n)))).toBe('8000000000000000')
  })

  test('-0 and the numbers round it keep their sign as float64', () => {
    for (const value of [-0, 0, 5e-324, -Infinity]) {
      expect(reader(written((writer) => writer.float64(value))).float64()).toBe(value)
    }
  })

  test('a varint has one byte for each seven bits, up to 32 bits', () => {
    const cases: [number, string][] = [
      [0, '00'],
      [127, '7f'],
      [128, '8001'],
      [16383, 'ff7f'],
      [16384, '808001'],
      [2 ** 28 - 1, 'ffffff7f'],
      [2 ** 28, '8080808001'],
      [2 ** 32 - 1, 'ffffffff0f'],
    ]
    for (const [value, bytes] of cases) {
      expect(reader(bytes).uvarint()).toBe(value)
      expect(written((writer) => writer.uvarint(value))).toBe(bytes)
    }
    // More bytes than needed are read, as Kafka does.
    expect(reader('808000').uvarint()).toBe(0)
    expect(() => reader('ffffffff10').uvarint()).toThrow(DecodeError)
    expect(() => reader('8080808080').uvarint()).toThrow(DecodeError)
    expect(() => reader('8080').uvarint()).toThrow(DecodeError)
  })

  test('a bool is true for every byte but 0', () => {
    expect([reader('00').bool(), reader('01').bool(), reader('ff').bool()]).toEqual([
      false,
      true,
      true,
    ])
  })
})

describe('text and bytes', () => {
  test('strings are UTF-8 with a length of bytes, -1 or 0 for null', () => {
    const text = 'ä\u0000\ufeff😀'
    const bytes = Buffer.from(text).toString('hex')
    expect(written((writer) => writer.string(text))).toBe(`000a${bytes}`)
    expect(written((writer) => writer.compactString(text))).toBe(`0b${bytes}`)
    expect(reader(`000a${bytes}`).string()).toBe(text)
    expect(reader(`0b${bytes}`).compactString()).toBe(text)
    expect([reader('ffff').nullableString(), reader('00').nullableCompactString()]).toEqual([
      null,
      null,
    ])
    expect(written((writer) => writer.nullableString(null))).toBe('ffff')
    expect(written((writer) => writer.nullableCompactString(null))).toBe('00')
  })

  test('ASCII and other text come out the same at any length', () => {
    for (let length = 0; length < 100; length += 9) {
      for (const text of [
        'x'.repeat(length),
        'ä' + 'x'.repeat(length),
        'x'.repeat(length) + '\ud800',
      ]) {
        const bytes = Buffer.from(text)
        expect(written((writer) => writer.string(text), 0).slice(4)).toBe(bytes.toString('hex'))
      }
    }
  })

  test('a string has at most 32767 bytes', () => {
    const longest = 'x'.repeat(32767)
    expect(
      new Reader(hex(written((writer) => writer.compactString(longest)))).compactString(),
    ).toBe(longest)
    expect(() => written((writer) => writer.string('ä'.repeat(16384)))).toThrow(EncodeError)
    expect(() => written((writer) => writer.compactString('x'.repeat(32768)))).toThrow(EncodeError)
    const tooLong = Buffer.concat([hex('818002'), Buffer.alloc(40_000)])
    expect(() => new Reader(tooLong).compactString()).toThrow('a string of 32768 bytes')
  })

  test.each([
    ['string', 'ffff'],
    ['string', 'fffe'],
    ['string', '0002 61'],
    ['nullableString', '8000'],
    ['compactString', '00'],
    ['compactString', '03 61'],
    ['plainBytes', 'ffffffff'],
    ['plainBytes', 'fffffffe'],
    ['nullablePlainBytes', '80000000'],
    ['plainBytes', '7fffffff 00'],
    ['compactBytes', '00'],
    ['compactBytes', 'ffffffff0f 00'],
  ] as const)('%s refuses %s', (type, bytes) => {
    expect(() => reader(bytes)[type]()).toThrow(DecodeError)
  })

  test('bytes are read as a view of what the reader has', () => {
    const source = hex('00000002 0a0b')
    const view = new Reader(source).plainBytes()
    source[4] = 0xff
    expect(view).toEqual(hex('ff0b'))
  })

  test('a uuid is 22 characters of URL-safe base64', () => {
    const bytes = 'fbff' + '00'.repeat(13) + '3f'
    const text = reader(bytes).uuid()
    expect(text).toBe('-_8AAAAAAAAAAAAAAAAAPw')
    expect(written((writer) => writer.uuid(text))).toBe(bytes)
    for (const wrong of ['', 'AAAA', 'A'.repeat(21), 'A'.repeat(23), '!'.repeat(22)]) {
      expect(() => written((writer) => writer.uuid(wrong))).toThrow(EncodeError)
    }
  })

  test('an error is its name, and one that is not known keeps its number', () => {
    expect([reader('0019').errorCode(), reader('ffff').errorCode()]).toEqual([
      'UNKNOWN_MEMBER_ID',
      'UNKNOWN_SERVER_ERROR',
    ])
    const unknown = reader('7abc').errorCode()
    expect(unknown).toBe('ERROR_31420')
    expect(written((writer) => writer.errorCode(unknown))).toBe('7abc')
  })
})

describe('the bounds of a reader', () => {
  test('every type refuses to read past the end, and says where', () => {
    for (const type of [
      'bool',
      'int8',
      'int16',
      'uint16',
      'int32',
      'uint32',
      'int64',
      'bigInt64',
      'float64',
      'uuid',
      'uvarint',
    ] as const) {
      expect(() => reader('')[type]()).toThrow(DecodeError)
    }
    const three = new Reader(Buffer.alloc(8), 2, 5)
    expect(() => three.int32()).toThrow('4 bytes expected, 3 left, at byte 2 of 5')
    expect(three.position).toBe(2)
  })

  test('an array has no more elements than there are bytes left, and null is -1', () => {
    expect(reader('00000002 0000').arrayLength(1)).toBe(2)
    expect(reader('ffffffff').arrayLength(1)).toBe(-1)
    expect(reader('00').compactArrayLength(1)).toBe(-1)
    for (const bytes of ['00000003 0000', 'fffffffe', '7fffffff 00']) {
      expect(() => reader(bytes).arrayLength(1)).toThrow(DecodeError)
    }
    expect(() => reader('ffffffff0f 00').compactArrayLength(1)).toThrow(DecodeError)
  })

  test('an array has a million elements and a structure ten thousand tags at the most', () => {
    const most = Buffer.alloc(4 + 1_000_001)
    most.writeInt32BE(1_000_000)
    expect(new Reader(most).arrayLength(1)).toBe(1_000_000)
    most.writeInt32BE(1_000_001)
    expect(() => new Reader(most).arrayLength(1)).toThrow(
      'array of 1000001 elements, which may be 1000000 at most, at byte 4',
    )
    const tags = Buffer.alloc(2 + 2 * 10_001)
    tags.set([0x90, 0x4e])
    expect(new Reader(tags).tagCount()).toBe(10_000)
    tags.set([0x91, 0x4e])
    expect(() => new Reader(tags).skipTags()).toThrow('10001 tagged fields')
  })

  test('what arrays, texts and tags take together is held against the cost that is allowed', () => {
    const limited = (hex: string, maxCost: number) => {
      const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex')
      return new Reader(bytes, 0, bytes.length, null, maxCost)
    }
    const twice = limited('00000002 00000001 aa', 300)
    expect(twice.arrayLength(100)).toBe(2)
    expect(twice.arrayLength(100)).toBe(1)
    expect(twice.cost).toBe(300)
    const over = limited('00000002 02 aa', 299)
    over.arrayLength(100)
    expect(() => over.compactArrayLength(100)).toThrow(
      'more than may be asked at once: it would take 300 bytes of memory, and the limit is 299,',
    )
    const text = limited('0003 616263 0001 64', 15)
    expect(text.string()).toBe('abc')
    expect(() => text.string()).toThrow(DecodeError)
    const tags = limited('02 00 00 01 00', 32)
    tags.skipTags()
    expect(() => limited('03 0000 0000 0000', 32).skipTags()).toThrow(DecodeError)
    // Nothing at all is free, even where nothing is left to spend.
    expect(limited('00 01 00000000 ffffffff', 0).tagCount()).toBe(0)
  })

  test('tagged fields are skipped by size, and one that is known must fill its size', () => {
    const tags = reader('02 05 02 aabb 8001 00 7f')
    tags.skipTags()
    expect(tags.int8()).toBe(127)
    expect(() => reader('01 00 05 aa').skipTags()).toThrow(DecodeError)
    const field = reader('0102')
    expect(() => field.enter(3)).toThrow(DecodeError)
    const end = field.enter(2)
    field.int8()
    expect(() => field.leave(end)).toThrow('1 bytes too many in a tagged field')
    field.int8()
    field.leave(end)
    expect(field.remaining).toBe(0)
  })
})

describe('the chunks of a writer', () => {
  test('it grows without losing a byte, from any capacity', () => {
    for (const capacity of [0, 1, 7, 256]) {
      const bytes = written((writer) => {
        for (let value = 0; value < 1000; value++) writer.int32(value)
        expect(writer.size).toBe(4000)
      }, capacity)
      expect(bytes.slice(-8)).toBe('000003e7')
      expect(bytes).toHaveLength(8000)
    }
  })

  test('record batches are taken by reference, in one piece or several, and never copied', () => {
    const batches = [hex('0a0b'), Buffer.alloc(0), hex('0c')]
    const writer = new Writer()
    writer.int8(1)
    writer.plainRecords(batches)
    writer.compactRecords(batches[0]!)
    writer.plainRecords(null)
    writer.compactRecords(null)
    expect(writer.size).toBe(16)
    const chunks = writer.chunks()
    expect(chunks).toContain(batches[0])
    expect(chunks).toContain(batches[2])
    expect(chunks).toHaveLength(6)
    expect(Buffer.concat(chunks)).toEqual(hex('01 00000003 0a0b0c 03 0a0b ffffffff 00'))
  })

  test('small record batches are copied where that was asked for', () => {
    const writer = new Writer(Buffer.alloc(4), 2)
    writer.plainRecords([hex('0a0b'), hex('0c')])
    expect(writer.hasReferences).toBe(false)
    expect(writer.chunks()).toEqual([hex('00000003 0a0b0c')])
    const mixed = new Writer(Buffer.alloc(16), 2)
    mixed.plainRecords([hex('0a0b'), hex('0c0d0e')])
    expect(mixed.hasReferences).toBe(true)
    expect(mixed.chunks()).toEqual([hex('00000005 0a0b'), hex('0c0d0e')])
  })

  test.each([0, 16, 100])(
    'a length is set when it is known, with %i bytes of memory',
    (capacity) => {
      const writer = new Writer(Buffer.alloc(capacity))
      const begins: number[] = []
      for (let each = 0; each < 5; each++) {
        begins.push(writer.size)
        writer.int32(0)
        writer.plainRecords(hex('0102'))
        writer.int16(each)
      }
      for (const begin of begins) writer.setInt32(begin, begin + 1)
      const bytes = writer.toBuffer()
      expect(begins.map((begin) => bytes.readInt32BE(begin))).toEqual([1, 13, 25, 37, 49])
      expect(bytes.readInt16BE(58)).toBe(4)
    },
  )

  test.each([0, 1, 127, 128, 16383, 16384])(
    'the size of %i bytes is put before them, also where the buffer has to grow for it',
    (size) => {
      for (const capacity of [0, size, size + 1, size + 2, size + 3, 40_000]) {
        const payload = Buffer.alloc(size, 0x5a)
        const bytes = written((writer) => {
          writer.int8(7)
          writer.compactRecords(hex('0102'))
          const begin = writer.size
          writer.raw(payload)
          writer.insertSize(begin)
          writer.int8(9)
        }, capacity)
        const header = written((writer) => writer.uvarint(size))
        expect(bytes).toBe(`07030102${header}${payload.toString('hex')}09`)
      }
    },
  )

  test('sizes nest', () => {
    const bytes = written((writer) => {
      const outer = writer.size
      writer.int8(1)
      const inner = writer.size
      writer.raw(Buffer.alloc(130, 2))
      writer.insertSize(inner)
      writer.insertSize(outer)
    })
    expect(bytes).toBe(`8501018201${'02'.repeat(130)}`)
  })

  test('records have no place inside a tagged field', () => {
    const writer = new Writer()
    const begin = writer.size
    writer.plainRecords(hex('0a'))
    expect(() => writer.insertSize(begin)).toThrow(EncodeError)
  })
})
