import { isUtf8 } from 'node:buffer'
import { parseBytes, showBytes, showLine } from '../../bin/formats.ts'
import { toJson } from '../../bin/json.ts'

describe('Formats of keys and values', () => {
  test.each([
    ['string', 'grüße', '"grüße"'],
    ['json', '{"a": [1, null]}', '{"a": [1, null]}'],
    ['json', '{"type":"Buffer","data":[1,2]}', '{"type":"Buffer","data":[1,2]}'],
    ['json', '{"b":1,"a":9007199254740993,"b":1.10}', '{"b":1,"a":9007199254740993,"b":1.10}'],
    ['json', '{\r\n  "a":\n1}', '{    "a": 1}'],
    ['hex', '00ff', '"00ff"'],
    ['base64', 'AP8=', '"AP8="'],
    ['msgpack', '{"a":[1,null,"x"]}', '{"a":[1,null,"x"]}'],
    ['msgpack', '{"type":"Buffer","data":[1]}', '{"type":"Buffer","data":[1]}'],
    [
      'msgpack',
      '[18446744073709551615,-9223372036854775808,7]',
      '[18446744073709551615,-9223372036854775808,7]',
    ],
  ] as const)('%s %s is read as it was written', (format, text, json) => {
    const bytes = parseBytes(format, text)
    const { value, format: other } = showBytes(format, bytes)
    expect([toJson(value), other]).toEqual([json, undefined])
    // What a line shows can be written again.
    const line = Buffer.from(showLine(format, bytes)).toString()
    expect(line).not.toMatch(/[\r\n]/)
    const again = parseBytes(format, line)
    if (!text.includes('\n')) expect(again).toEqual(bytes)
    else expect(JSON.parse(again.toString())).toEqual(JSON.parse(text))
  })

  test.each([
    ['json', '{'],
    ['msgpack', '{'],
    ['msgpack', '[18446744073709551616]'],
    ['msgpack', '{"a":-9223372036854775809}'],
    ['hex', '0'],
    ['hex', 'zz'],
    ['base64', '*'],
  ] as const)('text that is not %s is refused', (format, text) => {
    expect(() => parseBytes(format, text)).toThrow(
      `${JSON.stringify(text)} is not ${format === 'msgpack' ? 'JSON' : format}`,
    )
  })

  test('what is not of the format is shown as a string, or as base64, and says so', () => {
    const text = Buffer.from('no JSON')
    const binary = Buffer.from('c1ff', 'hex')
    expect(isUtf8(binary)).toBe(false)
    expect(showBytes('json', text)).toEqual({ value: 'no JSON', format: 'string' })
    for (const format of ['string', 'json', 'msgpack'] as const) {
      expect(showBytes(format, binary)).toEqual({ value: 'wf8=', format: 'base64' })
      expect(showLine(format, binary)).toEqual(binary)
      expect(showBytes(format, null)).toEqual({ value: null })
    }
  })
})
