import { systemClock } from '../../src/host/clock.ts'
import { systemRandom } from '../../src/host/random.ts'

describe('the clock of a Node host', () => {
  const clock = systemClock()

  test('a timer is never early', async () => {
    const start = clock.monotonic()
    await new Promise<void>((resolve) => {
      const timers = [1.2, 2.7, 3.4].map((delayMs) =>
        clock.after(delayMs, () => {
          expect(clock.monotonic() - start).toBeGreaterThanOrEqual(delayMs)
          if (delayMs === 3.4) resolve()
        }),
      )
      expect(timers).toHaveLength(3)
      // Its own timers don't keep a process alive.
      setTimeout(() => undefined, 50)
    })
  })

  test('a cancelled timer and one beyond what setTimeout can do stay silent', async () => {
    const fired: string[] = []
    const far = clock.after(2 ** 40, () => fired.push('far'))
    clock.after(1, () => fired.push('cancelled')).cancel()
    await new Promise<void>((resolve) => setTimeout(resolve, 5))
    far.cancel()
    expect(fired).toEqual([])
  })

  test('a timer beyond what setTimeout can do sleeps as long as that can, and does not fire at once', async () => {
    const { setTimeout: real } = globalThis
    const spy = jest.spyOn(globalThis, 'setTimeout')
    try {
      const far = clock.after(2 ** 31 + 5, () => undefined)
      await new Promise<void>((resolve) => real(resolve, 5))
      far.cancel()
      const delaysMs = spy.mock.calls.map(([, delayMs]) => delayMs!)
      // The test's own limit has timers, too.
      expect(delaysMs.filter((delayMs) => delayMs > 3_600_000)).toEqual([2 ** 31 - 1])
    } finally {
      spy.mockRestore()
    }
  })

  test('the end of a task comes after what runs, the end of a turn after all tasks and promises', async () => {
    const order: string[] = []
    await new Promise<void>((resolve) => {
      clock.endOfTurn(() => {
        clock.afterTask(() => {
          order.push('task of the end')
          resolve()
        })
        order.push('turn')
      })
      clock.afterTask(() => order.push('task'))
      void Promise.resolve().then(() => order.push('promise'))
      order.push('now')
    })
    expect(order).toEqual(['now', 'task', 'promise', 'turn', 'task of the end'])
  })

  test('random integers are below their limit', () => {
    const random = systemRandom()
    expect(random.bytes(16)).toHaveLength(16)
    for (let index = 0; index < 100; index++) expect(random.below(3)).toBeLessThan(3)
  })
})
