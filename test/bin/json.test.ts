import { JsonText, parseJsonExactly, toJson } from '../../bin/json.ts'

describe('JSON as it is printed', () => {
  test('is what JSON.stringify makes where JavaScript has nothing that JSON lacks', () => {
    const value = {
      text: 'a"\u2028',
      none: undefined,
      empty: [[], {}, null],
      deep: { list: [1, -0.5, true, [{ x: undefined }]] },
      at: new Date(0),
      hole: [undefined, NaN],
    }
    expect(toJson(value)).toBe(JSON.stringify(value))
    expect(toJson(value, 2)).toBe(JSON.stringify(value, null, 2))
    expect(toJson('x')).toBe('"x"')
  })

  test('has integers with all their digits, bytes in base64, and other JSON as it stands', () => {
    const value = {
      offset: 2n ** 63n - 1n,
      small: -1n,
      bytes: Buffer.from('c1ff', 'hex'),
      data: { type: 'Buffer', data: [1] },
      raw: new JsonText('1.10'),
    }
    expect(toJson(value)).toBe(
      '{"offset":9223372036854775807,"small":-1,"bytes":"wf8=","data":{"type":"Buffer","data":[1]},"raw":1.10}',
    )
  })
})

describe('JSON as it is read', () => {
  test('keeps integers that a number would round, and only those', () => {
    expect(parseJsonExactly('[9007199254740991, 9007199254740993, -9007199254740993]')).toEqual([
      9007199254740991,
      9007199254740993n,
      -9007199254740993n,
    ])
    expect(parseJsonExactly('[1234567890123456789.5, 12345678901234567e3]')).toEqual([
      1234567890123456789.5, 12345678901234567e3,
    ])
  })

  test('leaves strings alone, however they look', () => {
    const strings = ['9007199254740993', '~9007199254740993', '~~1', '"\\9007199254740993']
    const text = `${JSON.stringify({ strings, key: { 9007199254740993: 1 } }).slice(0, -1)},"n":9007199254740993,"e":"\\u007e1"}`
    expect(parseJsonExactly(text)).toEqual({
      strings,
      key: { 9007199254740993: 1 },
      n: 9007199254740993n,
      e: '~1',
    })
  })

  test('is refused where it is none', () => {
    expect(() => parseJsonExactly('[9007199254740993')).toThrow(SyntaxError)
  })
})
