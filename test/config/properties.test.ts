import { escapedValue, parseProperties } from '../../src/config/properties.ts'

const parsed = (text: string) => Object.fromEntries(parseProperties(text))

describe('a properties file', () => {
  test.each(['C:\\users\\new', ' a b ', 'a=b:c#d!e', 'ä€😀', 'one\ntwo\r\tthree\f', '\\', ''])(
    'has %j again as it was, and in ASCII',
    (value) => {
      const text = `before=1\nname=${escapedValue(value)}\nafter=2\n`
      expect(text).toMatch(/^[\x20-\x7e\n]*$/)
      const expected = { before: '1', name: value, after: '2' }
      expect(Object.fromEntries(parseProperties(text))).toEqual(expected)
    },
  )

  test('separates keys from values by equals signs, colons or blanks', () => {
    expect(parsed('a=1\nb : 2\nc 3\nd\n e = x = y \n')).toEqual({
      a: '1',
      b: '2',
      c: '3',
      d: '',
      e: 'x = y ',
    })
  })

  test('may hold comments and empty lines, with any line ends', () => {
    expect(parsed('# one\r\n! two\r\n\r\n  # three\ra=1#2\r\n')).toEqual({ a: '1#2' })
  })

  test('goes on in the next line after a backslash', () => {
    expect(parsed('a=1,\\\n   2,\\\r\n\t3\nb=\\\\\nc=4')).toEqual({ a: '1,2,3', b: '\\', c: '4' })
  })

  test('keeps a line that begins with # as part of the continued one', () => {
    expect(parsed('a=1\\\n#2')).toEqual({ a: '1#2' })
  })

  test('may end in the middle of a continued line', () => {
    expect(parsed('a=1\\')).toEqual({ a: '1' })
  })

  test('knows escapes in keys and values', () => {
    expect(parsed('a\\ b\\=c=\\t\\n\\u00e4\\q\\:\\\\')).toEqual({ 'a b=c': '\t\näq:\\' })
  })

  test('with half a \\u escape is refused', () => {
    expect(() => parsed('a=\\u00g1')).toThrow(SyntaxError)
  })

  test('is refused by the line of an entry, never with what stands there', () => {
    const refusal = (text: string): string => {
      try {
        parsed(text)
      } catch (error) {
        return String(error)
      }
      throw new Error('it is taken')
    }
    expect(refusal('# one\na=1\\\n2\nb=top\\\n\tsecret\\u12\nc=3')).toMatch(
      /encoding in line 4: it takes/,
    )
    expect(refusal('a=1\r\nb=secret\\u12')).toMatch(/encoding in line 2: it takes/)
    for (const text of ['a=secret\\u12', 'secret\\u12=a', 'a=\\\nsecret\\u12\\']) {
      expect(refusal(text)).not.toContain('secret')
    }
  })

  test('takes the last of equal keys', () => {
    expect(parsed('a=1\na=2')).toEqual({ a: '2' })
  })
})
