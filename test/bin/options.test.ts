import { UsageError } from '../../bin/errors.ts'
import { parseStart, startOffset } from '../../bin/consume-start.ts'
import { parseAssignment } from '../../bin/commands/topics.ts'
import { integer, keyValue, parseDuration, parseTime } from '../../bin/options.ts'

describe('Options', () => {
  test('whole numbers have a range', () => {
    expect(integer('--n', 1, 5)('5')).toBe(5)
    for (const text of ['0', '6', '1.5', '', 'x', '1e0']) {
      expect(() => integer('--n', 1, 5)(text)).toThrow(UsageError)
    }
  })

  test('a value may contain equals signs, a name may not be missing', () => {
    expect(keyValue('--set')('a=b=c')).toEqual({ name: 'a', value: 'b=c' })
    expect(keyValue('--set')('a=')).toEqual({ name: 'a', value: '' })
    expect(() => keyValue('--set')('=b')).toThrow(UsageError)
    expect(() => keyValue('--set')('a')).toThrow(UsageError)
    // Somebody's password, say, in the place of `name=password`.
    for (const text of ['secret', '=secret']) {
      expect(() => keyValue('--set')(text)).toThrow(/NAME=VALUE: there is no [^]*(?<!secret)$/)
    }
  })

  test('durations are ours or those of ISO 8601', () => {
    const parse = parseDuration('--by-duration')
    expect(parse('1h30m')).toBe(5_400_000)
    expect(parse('PT1H30M')).toBe(5_400_000)
    expect(parse('P2DT0.5S')).toBe(172_800_500)
    for (const text of ['', 'P', '1', 'h', '1x']) expect(() => parse(text)).toThrow(UsageError)
  })

  test('times are milliseconds, dates, or back from now', () => {
    const parse = parseTime('--from-time')
    expect(parse('1769860800000')).toBe(1_769_860_800_000)
    expect(parse('2026-01-31T12:00:00Z')).toBe(1_769_860_800_000)
    expect(Math.abs(Date.now() - 60_000 - parse('-1m'))).toBeLessThan(5_000)
    for (const text of ['yesterday', '5', '2026-13-01']) {
      expect(() => parse(text)).toThrow(UsageError)
    }
  })

  test('an offset to begin with may count from the end, and stays in the partition', () => {
    const range = { first: 10, end: 50 }
    expect(startOffset(parseStart('-5'), range)).toBe(45)
    expect(startOffset(parseStart('-500'), range)).toBe(10)
    expect(startOffset(parseStart('20'), range)).toBe(20)
    expect(startOffset(parseStart('end'), range)).toBe(50)
    expect(startOffset(undefined, range)).toBe(10)
    expect(() => parseStart('middle')).toThrow(UsageError)
  })

  test('assignments name the brokers of each partition', () => {
    expect(parseAssignment('1:2, 2:3')).toEqual([
      [1, 2],
      [2, 3],
    ])
    expect(() => parseAssignment('1:,2')).toThrow(UsageError)
  })
})
