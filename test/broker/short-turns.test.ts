import { inShortTurns } from '../../src/broker/short-turns.ts'
import type { Clock } from '../../src/host/host.ts'

const setUp = () => {
  let nowMs = 0
  let turns = 0
  const clock = {
    monotonic: () => nowMs,
    endOfTurn: (callback: () => void) => {
      turns++
      nowMs += 1_000
      setImmediate(callback)
    },
  } as unknown as Clock
  const taken: number[] = []
  const steps = function* (count: number, eachMs: number): IterableIterator<void> {
    for (let step = 0; step < count; step++) {
      nowMs += eachMs
      taken.push(turns)
      yield
    }
  }
  return { clock, steps, taken }
}

test('others have their turns while many steps are taken', async () => {
  const { clock, steps, taken } = setUp()
  expect(await inShortTurns(clock, steps(6, 5), () => true)).toBe(true)
  expect(taken).toEqual([0, 0, 1, 1, 2, 2])
})

test('what nobody wants any more is given up', async () => {
  const { clock, steps, taken } = setUp()
  expect(await inShortTurns(clock, steps(6, 5), () => taken.length < 3)).toBe(false)
  expect(taken).toEqual([0, 0, 1])
})
