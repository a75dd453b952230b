import { codecOf, decode, encode } from '../../protocol/codec.ts'
import {
  array,
  bytes,
  errorCode,
  float64,
  int16,
  int32,
  int64,
  message,
  records,
  string,
  struct,
  uuid,
} from '../../protocol/schema.ts'
import { DecodeError } from '../../protocol/wire/reader.ts'
import { EncodeError, Writer } from '../../protocol/wire/writer.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

const Sample = message({
  name: 'Sample',
  versions: [1, 4],
  flexible: 3,
  fields: {
    name: string.nullable(2).until(3),
    id: int32.default(-1).since(2),
    owner: struct({ host: string, port: int16.default(9092) })
      .nullable()
      .default(null)
      .since(3)
      .tagged(1),
    limits: array(int64).nullable(4).since(3).tagged(0),
    ratio: float64.default(0.5).since(4),
  },
})

describe('a codec', () => {
  test('fills what its version does not have with the declared default', () => {
    expect(decode(Sample, 1, hex('0001 61'))).toEqual({
      name: 'a',
      id: -1,
      owner: null,
      limits: [],
      ratio: 0.5,
    })
    expect(decode(Sample, 4, hex('00000001 3ff0000000000000 00'))).toEqual({
      name: '',
      id: 1,
      owner: null,
      limits: [],
      ratio: 1,
    })
  })

  test('writes the default of a field that is left out', () => {
    expect(encode(Sample, 2, { name: 'a' })).toEqual(hex('0001 61 ffffffff'))
  })

  test('leaves out what its version does not have', () => {
    expect(encode(Sample, 1, { name: 'a', id: 5, limits: [1] })).toEqual(hex('0001 61'))
  })

  test('takes null only in versions that have it', () => {
    expect(encode(Sample, 2, { name: null, id: 1 })).toEqual(hex('ffff 00000001'))
    expect(() => encode(Sample, 1, { name: null })).toThrow(EncodeError)
    expect(() => encode(Sample, 1, { name: null })).toThrow(
      'Sample.name must have a value in version 1',
    )
    expect(() => decode(Sample, 1, hex('ffff'))).toThrow(DecodeError)
    expect(() => decode(Sample, 3, hex('00 00000001 01 00 01 00'))).toThrow(
      'null in place of the array',
    )
    expect(decode(Sample, 4, hex('00000001 3ff0000000000000 01 00 01 00')).limits).toBeNull()
  })

  test('marks a nullable structure in a tagged field with a varint, and writes tags in order', () => {
    const value = { name: 'a', id: 1, owner: { host: 'h' }, limits: [2] }
    const bytes = hex('02 61 00000001 02  00 09 02 0000000000000002  01 06 01 02 68 2384 00')
    expect(encode(Sample, 3, value)).toEqual(bytes)
    expect(decode(Sample, 3, bytes)).toEqual({
      ...value,
      owner: { host: 'h', port: 9092 },
      ratio: 0.5,
    })
    expect(decode(Sample, 3, hex('02 61 00000001 01  01 01 00')).owner).toBeNull()
  })

  test('leaves a tagged field out while it has its default', () => {
    const without = hex('02 61 00000001 00')
    for (const limits of [undefined, []]) {
      expect(encode(Sample, 3, { name: 'a', id: 1, owner: null, limits })).toEqual(without)
    }
  })

  test('skips tagged fields it does not know, between those it knows', () => {
    const bytes = hex('02 61 00000001 03  00 01 01  01 01 00  8001 02 ffff')
    expect(decode(Sample, 3, bytes)).toMatchObject({ limits: [], owner: null })
  })

  test('refuses a tagged field whose value is longer or shorter than its size', () => {
    expect(() => decode(Sample, 3, hex('02 61 00000001 01  00 02 01 00'))).toThrow(
      'Sample v3: 1 bytes too many in a tagged field',
    )
    expect(() => decode(Sample, 3, hex('02 61 00000001 01  00 02 02 00 0000000000000001'))).toThrow(
      DecodeError,
    )
  })

  test('names the message in what it refuses, and keeps the cause', () => {
    const failure = (() => {
      try {
        return decode(Sample, 1, hex('0005 61'))
      } catch (error) {
        return error
      }
    })() as DecodeError
    expect(failure).toBeInstanceOf(DecodeError)
    expect(failure.code).toBe('ERR_DECODE')
    expect(failure.message).toBe('Sample v1: 5 bytes expected, 1 left, at byte 2 of 3')
    expect(failure.cause).toBeInstanceOf(DecodeError)
  })

  test('decode wants all bytes to be used', () => {
    expect(() => decode(Sample, 1, hex('0001 61 00'))).toThrow('1 bytes too many after Sample')
  })

  test('a version that was not declared is a bug of the caller', () => {
    for (const version of [0, 5, 1.5, NaN]) {
      expect(() => codecOf(Sample, version)).toThrow(RangeError)
    }
  })

  test('is made once for each message, version and form of int64', () => {
    expect(codecOf(Sample, 3)).toBe(codecOf(Sample, 3))
    expect(codecOf(Sample, 3)).not.toBe(codecOf(Sample, 4))
    expect(codecOf(Sample, 3)).not.toBe(codecOf(Sample, 3, 'bigint'))
  })

  test('decoded messages of all versions have the same keys in the same order', () => {
    const keys = [1, 2, 3, 4].map((version) =>
      Object.keys(decode(Sample, version, encode(Sample, version, { name: 'a' }))),
    )
    for (const other of keys) expect(other).toEqual(keys[0])
  })

  test('records are written by reference and read as a view', () => {
    const Batches = message({
      name: 'Batches',
      versions: [0, 1],
      flexible: 1,
      fields: { partitions: array({ data: records.nullable(), note: bytes }) },
    })
    const data = hex('0a0b0c')
    for (const version of [0, 1]) {
      const writer = new Writer()
      const note = Buffer.from('n')
      codecOf(Batches, version).write(writer, {
        partitions: [
          { data, note },
          { data: [data, data], note },
          { data: null, note },
        ],
      })
      const chunks = writer.chunks()
      expect(chunks.filter((chunk) => chunk === data)).toHaveLength(3)
      const frame = Buffer.concat(chunks)
      const { partitions } = decode(Batches, version, frame)
      expect(partitions.map((partition) => partition.data?.toString('hex') ?? null)).toEqual([
        '0a0b0c',
        '0a0b0c0a0b0c',
        null,
      ])
      expect(partitions[0]!.data!.buffer).toBe(frame.buffer)
    }
  })
})

describe('a declaration with a slip of the pen does not load', () => {
  test.each([
    ['a field that is in no version', { a: int32.since(3) }, 'in no version'],
    ['an empty range of versions', { a: int32.since(2).until(1) }, 'in no version'],
    ['a tag before flexible versions', { a: int32.tagged(0) }, 'not flexible'],
    [
      'a tag used twice',
      { a: int32.since(1).tagged(0), b: uuid.since(1).tagged(0) },
      'repeats tag 0',
    ],
    [
      'the same in a structure',
      { a: array({ b: errorCode.since(9) }) },
      'Bad.a.b is in no version',
    ],
  ])('%s', (_what, fields, complaint) => {
    expect(() => message({ name: 'Bad', versions: [0, 2], flexible: 1, fields })).toThrow(complaint)
  })
})

describe('a codec that writes in turns', () => {
  const Tree = message({
    name: 'Tree',
    versions: [0, 1],
    flexible: 1,
    fields: {
      branches: array(
        struct({
          name: string,
          leaves: array(int32),
          twig: struct({ thorns: array(string) })
            .nullable()
            .default(null)
            .since(1),
          marks: array(int32).since(1).tagged(0),
        }),
      ).nullable(),
    },
  })
  const branch = (name: string) => ({
    name,
    leaves: [1, 2, 3],
    twig: { thorns: ['a', 'b'] },
    marks: [7, 8],
  })

  test.each([0, 1])('writes in version %i the same bytes, whenever it stops', (version) => {
    for (const value of [
      { branches: [branch('x'), branch('y')] },
      { branches: null },
      { branches: [] },
    ]) {
      const whole = encode(Tree, version, value)
      const writer = new Writer()
      writer.turnEnd = 0
      const turns: number[] = []
      const writing = codecOf(Tree, version).writeInTurns(writer, value)
      while (writing.next().done !== true) {
        turns.push(writer.size)
        // What is written so far stays where it is.
        writer.cut(16)
      }
      expect(writer.toBuffer()).toEqual(whole)
      // It could stop after each element of each array that isn't tagged.
      if (value.branches?.length === 2) expect(turns).toHaveLength(version === 0 ? 8 : 12)
    }
  })

  test('stops only where the turn has ended', () => {
    const writer = new Writer()
    writer.turnEnd = 20
    const writing = codecOf(Tree, 0).writeInTurns(writer, { branches: [branch('x'), branch('y')] })
    expect(writing.next().done).toBe(false)
    expect(writer.size).toBe(23)
    writer.turnEnd = Infinity
    expect(writing.next().done).toBe(true)
  })
})
