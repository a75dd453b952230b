import { bytesToValue, parseBytes } from '../../bin/formats.ts'

describe('Formats of keys and values', () => {
  test.each([
    ['string', 'grüße', 'grüße'],
    ['json', '{"a": [1, null]}', { a: [1, null] }],
    ['hex', '00ff', '00ff'],
    ['base64', 'AP8=', 'AP8='],
    ['msgpack', '{"a":[1,null]}', { a: [1, null] }],
  ] as const)('%s is read as it was written', (format, text, value) => {
    expect(bytesToValue(format, parseBytes(format, text))).toEqual(value)
  })

  test.each([
    ['json', '{'],
    ['msgpack', '{'],
    ['hex', '0'],
    ['hex', 'zz'],
    ['base64', '*'],
  ] as const)('text that is not %s is refused', (format, text) => {
    expect(() => parseBytes(format, text)).toThrow(
      `${JSON.stringify(text)} is not ${format === 'msgpack' ? 'JSON' : format}`,
    )
  })

  test.each(['json', 'msgpack'] as const)(
    'bytes that are not %s are refused with a remedy',
    (format) => {
      expect(() => bytesToValue(format, Buffer.from('c1', 'hex'))).toThrow(
        `The bytes c1 are not ${format}`,
      )
      expect(bytesToValue(format, null)).toBeNull()
    },
  )
})
