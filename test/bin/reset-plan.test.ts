import { UsageError } from '../../bin/errors.ts'
import { parseTopicPartitions, plannedOffset, targetOf } from '../../bin/reset-plan.ts'

const facts = { earliest: 10, latest: 50, committed: 30, atTime: 20 }

describe('Resetting offsets', () => {
  test('needs exactly one target', () => {
    expect(targetOf({ toOffset: 0 }, 0)).toEqual({ kind: 'offset', offset: 0 })
    expect(targetOf({ byDuration: 5 }, 100)).toEqual({ kind: 'time', timestamp: 95 })
    expect(() => targetOf({}, 0)).toThrow(UsageError)
    expect(() => targetOf({ toEarliest: true, shiftBy: 1 }, 0)).toThrow(UsageError)
  })

  test.each([
    [{ toEarliest: true }, 10],
    [{ toLatest: true }, 50],
    [{ toOffset: 25 }, 25],
    [{ toDatetime: 1 }, 20],
    [{ shiftBy: -5 }, 25],
  ])('%j goes to %i', (target, offset) => {
    expect(plannedOffset(targetOf(target, 0), facts)).toBe(offset)
  })

  test('never leaves the partition', () => {
    expect(plannedOffset({ kind: 'offset', offset: 0 }, facts)).toBe(10)
    expect(plannedOffset({ kind: 'shift', by: 1000 }, facts)).toBe(50)
    expect(plannedOffset({ kind: 'time', timestamp: 1 }, { ...facts, atTime: -1 })).toBe(50)
  })

  test('can shift only what was committed', () => {
    expect(plannedOffset({ kind: 'shift', by: 1 }, { ...facts, committed: null })).toBeNull()
  })

  test('may be for some partitions of a topic', () => {
    expect(parseTopicPartitions('orders')).toEqual({ topic: 'orders', partitions: null })
    expect(parseTopicPartitions('orders:0,2')).toEqual({ topic: 'orders', partitions: [0, 2] })
    expect(() => parseTopicPartitions('orders:x')).toThrow(UsageError)
  })
})
