import type { Clock } from '../../src/host/host.ts'
import { Alarms } from '../../src/machine/alarms.ts'
import { randomIntegers } from '../soak.ts'

/** Alarms on a clock that stands until it is moved, and what has rung. */
function setUp() {
  let now = 0
  let due: { at: number; callback: () => void } | null = null
  const clock = {
    monotonic: () => now,
    after: (delayMs: number, callback: () => void) => {
      const timer = { at: now + delayMs, callback }
      due = timer
      return {
        cancel: () => {
          if (due === timer) due = null
        },
      }
    },
  } as unknown as Clock
  const rang: string[] = []
  const alarms = new Alarms(clock, (name) => rang.push(name))
  const advance = (to: number): void => {
    while (due !== null && due.at <= to) {
      const { at, callback } = due
      now = at
      due = null
      callback()
    }
    now = to
  }
  return { alarms, rang, advance }
}

describe('alarms', () => {
  test('ring in the order of their times, however they were set, moved and cleared', () => {
    const { alarms, rang, advance } = setUp()
    const below = randomIntegers(7)
    const times = new Map<string, number>()
    for (let step = 0; step < 3000; step++) {
      const name = String(below(500))
      const at = below(4) === 0 ? null : 1 + below(100_000)
      alarms.set(name, at)
      if (at === null) times.delete(name)
      else times.set(name, at)
    }
    advance(100_001)
    expect(new Set(rang)).toEqual(new Set(times.keys()))
    const order = rang.map((name) => times.get(name)!)
    expect(order).toEqual([...order].sort((left, right) => left - right))
  })

  test('that are cleared long before their time are forgotten', () => {
    const { alarms, rang, advance } = setUp()
    for (let index = 0; index < 100; index++) alarms.set(`kept ${index}`, 1_800_000 + index)
    for (let index = 0; index < 50_000; index++) {
      alarms.set(`session ${index}`, 1_800_000)
      alarms.set(`session ${index}`, null)
    }
    expect(alarms.entryCount).toBeLessThan(2000)
    advance(2_000_000)
    expect(rang).toEqual(Array.from({ length: 100 }, (_, index) => `kept ${index}`))
  })

  test('that are cleared are forgotten without any that is set after them', () => {
    const { alarms } = setUp()
    for (let index = 0; index < 10_000; index++) alarms.set(`session ${index}`, 1_800_000)
    for (let index = 0; index < 10_000; index++) alarms.set(`session ${index}`, null)
    expect(alarms.entryCount).toBeLessThan(2000)
  })

  test('that move to earlier times again and again leave little behind', () => {
    const { alarms, rang, advance } = setUp()
    for (let at = 50_000; at > 0; at--) alarms.set('bell', at)
    expect(alarms.entryCount).toBeLessThan(2000)
    advance(60_000)
    expect(rang).toEqual(['bell'])
  })
})
