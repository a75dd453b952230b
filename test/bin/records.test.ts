import { recordOf } from '../../bin/commands/produce.ts'
import { readLines } from '../../bin/lines.ts'
import { formatRecord, formatTimestamp } from '../../bin/record-text.ts'

const plain = { format: 'string', keyFormat: 'string', timestamp: 5 } as const

describe('Lines to records', () => {
  test('key and headers are cut off only when separators are given', () => {
    expect(recordOf(Buffer.from('a:b'), 0, plain)).toMatchObject({
      key: null,
      value: Buffer.from('a:b'),
    })
    const options = { ...plain, keySeparator: ':', headerSeparator: '\t', nullMarker: 'NULL' }
    expect(recordOf(Buffer.from('h=1,i=\tk:NULL'), 0, options)).toEqual({
      timestamp: 5,
      key: Buffer.from('k'),
      value: null,
      headers: [
        { key: 'h', value: Buffer.from('1') },
        { key: 'i', value: Buffer.from('') },
      ],
    })
    expect(() => recordOf(Buffer.from('\tk'), 3, options)).toThrow(
      'There is no key separator ":" in "k"',
    )
  })

  test('lines come as they arrive, characters and line ends may be divided', async () => {
    async function* chunks(): AsyncGenerator<Buffer> {
      const bytes = Buffer.from('eins\r\nzwölf\n\nlast')
      for (const [from, to] of [
        [0, 5],
        [5, 9],
        [9, 10],
        [10, bytes.length],
      ] as const) {
        yield bytes.subarray(from, to)
      }
    }
    const lines: string[] = []
    for await (const some of readLines(chunks())) lines.push(...some.map(String))
    expect(lines).toEqual(['eins', 'zwölf', '', 'last'])
  })
})

describe('Records to lines', () => {
  const lineOf = (...args: Parameters<typeof formatRecord>): string =>
    Buffer.concat(formatRecord(...args)).toString()

  const record = {
    topic: 't',
    partition: 1,
    offset: 7,
    timestamp: 1_769_860_800_000n,
    sequence: -1,
    key: Buffer.from('k'),
    value: null,
    headers: [{ key: 'h', value: Buffer.from('1') }],
  }

  test('only the value unless more is asked for', () => {
    expect(lineOf(record, plain)).toBe('null')
    expect(
      lineOf(record, {
        ...plain,
        keys: true,
        headers: true,
        offsets: true,
        timestamps: true,
      }),
    ).toBe('t-1@7\t2026-01-31T12:00:00.000Z\th=1\tk\tnull')
  })

  test('times beyond 2^53 keep their digits in JSON', () => {
    const nanoseconds = { ...record, timestamp: 1_769_860_800_000_000_001n }
    expect(lineOf(nanoseconds, { ...plain, json: true })).toContain(
      '"timestamp":1769860800000000001,',
    )
  })

  test('all of it as JSON', () => {
    expect(JSON.parse(lineOf(record, { ...plain, json: true }))).toEqual({
      topic: 't',
      partition: 1,
      offset: 7,
      timestamp: 1_769_860_800_000,
      key: 'k',
      value: null,
      headers: [{ key: 'h', value: '1' }],
    })
  })

  test('bytes that are no text come out as they are, and as base64 in JSON, which says so', () => {
    const value = Buffer.from('00ff0d', 'hex')
    const odd = { ...record, key: value, value, headers: [{ key: 'h', value }] }
    const line = Buffer.concat(formatRecord(odd, { ...plain, keys: true }))
    expect(line).toEqual(Buffer.concat([value, Buffer.from('\t'), value]))
    expect(JSON.parse(lineOf(odd, { ...plain, json: true }))).toMatchObject({
      key: 'AP8N',
      keyFormat: 'base64',
      value: 'AP8N',
      valueFormat: 'base64',
      headers: [{ key: 'h', value: 'AP8N', valueFormat: 'base64' }],
    })
    expect(recordOf(value, 0, plain).value).toEqual(value)
  })

  test('times beyond any date stay numbers', () => {
    expect(formatTimestamp(-1n)).toBe('-')
    expect(formatTimestamp(1_769_860_800_000_000_000n)).toBe('1769860800000000000')
  })
})
