import { Flusher } from '../../../src/log/base/flusher.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** What is made durable, step by step, and how much of that is under way. */
function flushing() {
  const ends: (() => void)[] = []
  let underWay = 0
  let most = 0
  const flusher = new Flusher(async () => {
    most = Math.max(most, ++underWay)
    await new Promise<void>((resolve) => ends.push(resolve))
    underWay--
  })
  return { flusher, ends, most: () => most }
}

describe('A flusher', () => {
  test('makes one flush serve all who ask while another one runs', async () => {
    const { flusher, ends, most } = flushing()
    const first = flusher.flush()
    const others = [flusher.flush(), flusher.flush()]
    ends.shift()!()
    await first
    await turn()
    expect(ends).toHaveLength(1)
    ends.shift()!()
    await Promise.all(others)
    expect(most()).toBe(1)
  })

  test('never runs twice at once, though it is asked in the moment in which one ends and the next begins', async () => {
    const { flusher, ends, most } = flushing()
    const first = flusher.flush()
    const second = flusher.flush()
    const asked: Promise<void>[] = []
    const ask = (): void => {
      asked.push(flusher.flush())
      if (asked.length < 20) queueMicrotask(ask)
    }
    ends.shift()!()
    queueMicrotask(ask)
    while (asked.length < 20 || ends.length > 0) {
      ends.shift()?.()
      await turn()
    }
    await Promise.all([first, second, ...asked])
    expect(most()).toBe(1)
  })
})
