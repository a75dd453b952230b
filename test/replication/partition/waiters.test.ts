import type { Log } from '../../../src/log/log.ts'
import { FetchWaiters } from '../../../src/replication/partition/waiters.ts'

/** A log of ten offsets an append, each of a hundred bytes, and who waits for it. */
function waited() {
  const waiters = new FetchWaiters()
  const told: [number, number][] = []
  const waiter = { advanced: (bytes: number, stable: number) => void told.push([bytes, stable]) }
  waiters.wait(waiter, 'highWatermark')
  const at = { end: 0, highWatermark: 0, lastStableOffset: 0 }
  const append = (): void => waiters.came(100, (at.end += 10))
  const replicated = (highWatermark: number, lastStableOffset = highWatermark): void => {
    const before = { ...at }
    Object.assign(at, { highWatermark, lastStableOffset })
    waiters.replicated(at as unknown as Log, before.highWatermark, before.lastStableOffset)
  }
  return { append, replicated, told }
}

describe('Who waits for what is replicated', () => {
  test('is told of each append when all have it, however many came before', () => {
    const { append, replicated, told } = waited()
    append()
    append()
    append()
    replicated(10)
    replicated(10)
    replicated(30)
    expect(told).toEqual([
      [100, 100],
      [200, 200],
    ])
  })

  test('is told that there is something where nobody knows how much', () => {
    const { replicated, told } = waited()
    replicated(10)
    expect(told).toEqual([[1, 1]])
  })

  test('is told of what is decided when it is', () => {
    const { append, replicated, told } = waited()
    append()
    append()
    replicated(20, 5)
    replicated(20, 10)
    replicated(20)
    expect(told).toEqual([
      [200, 1],
      [0, 100],
      [0, 100],
    ])
  })

  test('is told of two appends that were written together', () => {
    const { append, replicated, told } = waited()
    append()
    replicated(10)
    append()
    replicated(20)
    expect(told).toEqual([
      [100, 100],
      [100, 100],
    ])
  })

  test('is told of all of very many appends in the end', () => {
    const { append, replicated, told } = waited()
    for (let count = 0; count < 150; count++) append()
    replicated(1000)
    replicated(1500)
    expect(told).toEqual([
      [10_000, 10_000],
      [5000, 5000],
    ])
  })
})
