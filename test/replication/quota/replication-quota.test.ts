import { PassingClock } from './passing-clock.ts'
import { quotaOf } from './support.ts'

function limited(rate: () => number) {
  const clock = new PassingClock()
  const quota = quotaOf(clock, rate)
  const told: string[] = []
  const waiter = (name: string) => ({ quotaFree: () => void told.push(name) })
  return { clock, quota, told, waiter }
}

describe('A quota', () => {
  test('is exceeded by what was recorded, until that is no more than its rate', () => {
    const { clock, quota } = limited(() => 1000)
    expect([quota.isLimited, quota.isExceeded, quota.retryAfterMs]).toEqual([true, false, 0])
    quota.record(1000)
    expect(quota.isExceeded).toBe(false)
    quota.record(1500)
    expect([quota.isExceeded, quota.retryAfterMs]).toEqual([true, 2500])
    clock.pass(2499)
    expect([quota.isExceeded, quota.retryAfterMs]).toEqual([true, 1])
    clock.pass(1)
    expect([quota.isExceeded, quota.retryAfterMs]).toEqual([false, 0])
  })

  test('without a rate measures nothing, and is free when it gets one', () => {
    let rate = Infinity
    const { quota } = limited(() => rate)
    quota.record(1e9)
    expect([quota.isLimited, quota.isExceeded]).toEqual([false, false])
    rate = 1
    expect([quota.isLimited, quota.isExceeded]).toEqual([true, false])
  })

  test('of nothing is never free, and nobody looks whether it is', () => {
    const { clock, quota, told, waiter } = limited(() => 0)
    expect([quota.isExceeded, quota.retryAfterMs]).toEqual([true, Infinity])
    quota.wait(waiter('a'))
    clock.pass(3_600_000)
    expect([told, clock.timers]).toEqual([[], 0])
  })

  test('tells all who wait when it is free, once, and looks no more often than it has to', () => {
    const { clock, quota, told, waiter } = limited(() => 1000)
    quota.record(3000)
    quota.wait(waiter('a'))
    quota.wait(waiter('b'))
    expect(clock.timers).toBe(1)
    clock.pass(2999)
    expect(told).toEqual([])
    // Others go on, though it is exceeded: those in sync.
    quota.record(1000)
    clock.pass(1000)
    expect(told).toEqual([])
    clock.pass(1)
    expect([told, clock.timers]).toEqual([['a', 'b'], 0])
  })

  test('tells nobody who waits no longer', () => {
    const { clock, quota, told, waiter } = limited(() => 1000)
    quota.record(3000)
    const [first, second] = [waiter('a'), waiter('b')]
    quota.wait(first)
    quota.wait(second)
    quota.stopWaiting(first)
    expect(clock.timers).toBe(1)
    quota.stopWaiting(second)
    expect(clock.timers).toBe(0)
    clock.pass(10_000)
    expect(told).toEqual([])
  })

  test('has all who wait look again when its rate changes', () => {
    let rate = 1
    const { clock, quota, told, waiter } = limited(() => rate)
    quota.record(3000)
    quota.wait(waiter('a'))
    rate = 10_000
    quota.changed()
    expect([told, quota.isExceeded, clock.timers]).toEqual([['a'], false, 0])
  })
})
