import { systemClock } from '../../src/host/clock.ts'
import type { Clock } from '../../src/host/host.ts'
import { ParkedFetches } from '../../src/quorum/parked-fetches.ts'
import type { FetchToAnswer } from '../../src/quorum/types.ts'

function begin() {
  const timers: { callback: () => void; delayMs: number; isOver: boolean }[] = []
  const clock: Clock = {
    ...systemClock(),
    after: (delayMs, callback) => {
      const cancel = (): void => void (timer.isOver = true)
      const timer = { delayMs, callback: () => (cancel(), callback()), isOver: false }
      timers.push(timer)
      return { cancel }
    },
    endOfTurn: (callback) => void setImmediate(callback),
  }
  const state = { records: null as Buffer | null, highWatermark: 5, logEnd: 10, leads: true }
  const replies: [number, string | null][] = []
  const failures: Error[] = []
  const reads: number[] = []
  let read = (): Promise<Buffer | null> => Promise.resolve(state.records)
  /** Those that hold what they get until the test says that it was sent. */
  const holding = new Map<number, () => void>()
  const dismissed: number[] = []
  const fetches = new ParkedFetches(clock, {
    highWatermark: () => state.highWatermark,
    logEnd: () => state.logEnd,
    leads: (epoch) => state.leads && epoch === 5,
    read: (offset) => {
      reads.push(offset)
      return read()
    },
    askerOf: ({ requestId }) =>
      requestId < 100
        ? null
        : {
            afterSent: (callback) => void holding.set(requestId, callback),
            dismiss: () => void dismissed.push(requestId),
          },
    reply: ({ requestId }, records) => replies.push([requestId, records?.toString() ?? null]),
    failed: (error) => failures.push(error),
  })
  const ask = (requestId: number, more: Partial<FetchToAnswer> = {}) =>
    fetches.answer({
      requestId,
      epoch: 5,
      offset: 10,
      isVoter: true,
      highWatermark: 5,
      maxWaitMs: 500,
      ...more,
    })
  const append = (records: Buffer): void => {
    state.records = records
    state.logEnd = 11
  }
  return {
    ...{ fetches, state, replies, failures, reads, holding, dismissed, ask, append },
    /** How long those live that have not come. */
    live: () => timers.filter(({ isOver }) => !isOver).map(({ delayMs }) => delayMs),
    elapse: (delayMs: number) => {
      for (const timer of [...timers]) {
        if (!timer.isOver && timer.delayMs === delayMs) timer.callback()
      }
    },
    readBy: (by: typeof read) => (read = by),
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a fetch is answered with the records that are there, or with a later high watermark', async () => {
  const { replies, ask, live, append } = begin()
  ask(2, { highWatermark: 4 })
  expect(replies).toEqual([[2, null]])
  append(Buffer.from('r'))
  ask(3)
  await settled()
  expect([replies[1], live()]).toEqual([[3, 'r'], []])
})

test('one that would learn nothing waits for records or for the high watermark, and reads nothing', async () => {
  const { fetches, state, replies, ask, live, reads } = begin()
  ask(2)
  ask(3)
  expect([replies, live()]).toEqual([[], [500, 500]])
  fetches.wake()
  expect([replies, live()]).toEqual([[], [500, 500]])
  state.highWatermark = 6
  fetches.wake()
  await settled()
  expect([replies, live(), reads]).toEqual([
    [
      [2, null],
      [3, null],
    ],
    [],
    [],
  ])
})

test('all that an append wakes, or that ask before it was read, share one read', async () => {
  const { fetches, replies, ask, reads, append } = begin()
  ask(2)
  ask(3)
  append(Buffer.from('r'))
  fetches.wake()
  ask(4)
  ask(5, { offset: 9 })
  await settled()
  expect(reads).toEqual([10, 9])
  expect(replies).toEqual([
    [2, 'r'],
    [3, 'r'],
    [4, 'r'],
    [5, 'r'],
  ])
})

test('what was read in an epoch that is over is not for who asks in a later one', async () => {
  const { replies, ask, reads, append, readBy } = begin()
  append(Buffer.from('old'))
  ask(2)
  readBy(() => Promise.resolve(Buffer.from('new')))
  ask(3, { epoch: 6 })
  ask(4, { epoch: 6 })
  await settled()
  expect(reads).toEqual([10, 10])
  expect(replies).toEqual([
    [2, 'old'],
    [3, 'new'],
    [4, 'new'],
  ])
})

test('one whose records were removed as they were read is told so at once', async () => {
  const { state, replies, ask, live } = begin()
  state.logEnd = 11
  ask(2)
  await settled()
  expect([replies, live()]).toEqual([[[2, null]], []])
})

test('one that has waited long enough is answered without anything, once', async () => {
  const { fetches, replies, ask, elapse, append } = begin()
  ask(2)
  elapse(500)
  expect(replies).toEqual([[2, null]])
  append(Buffer.from('r'))
  fetches.wake()
  await settled()
  expect(replies.length).toBe(1)
})

test('one that will not wait is answered at once, whatever there is', () => {
  const { replies, ask, live } = begin()
  ask(2, { maxWaitMs: 0 })
  expect([replies, live()]).toEqual([[[2, null]], []])
})

test('all that wait are answered when nothing will come any more, once', () => {
  const { fetches, replies, ask, live } = begin()
  ask(2)
  ask(3)
  fetches.release()
  fetches.release()
  expect([replies, live()]).toEqual([
    [
      [2, null],
      [3, null],
    ],
    [],
  ])
})

test('nobody is answered after the close, those whose read is under way neither', async () => {
  const { fetches, replies, ask, live, append } = begin()
  ask(2)
  append(Buffer.from('r'))
  ask(3)
  fetches.close()
  await settled()
  expect([replies, live()]).toEqual([[], []])
})

test('a log that can not be read is told', async () => {
  const { failures, ask, append, readBy } = begin()
  append(Buffer.from('r'))
  readBy(() => Promise.reject(new Error('broken')))
  ask(2)
  await settled()
  expect(failures.map(({ message }) => message)).toEqual(['broken'])
})

test('a node that leads no longer has nobody wait', () => {
  const { state, replies, ask, live } = begin()
  state.leads = false
  ask(2)
  expect([replies, live()]).toEqual([[[2, null]], []])
})

describe('what was read and is not sent yet', () => {
  const LARGE = 8 << 20
  const reading = () => {
    const begun = begin()
    const { append, ask } = begun
    append(Buffer.alloc(LARGE, 'r'))
    begun.state.logEnd = 1000
    const sizes = () => begun.replies.map(([id, records]) => [id, records?.length ?? null] as const)
    /** Others that take nothing use up what there is for those that are no voters. */
    const exhaust = async () => {
      for (let id = 100; id < 104; id++) {
        ask(id, { isVoter: false, offset: id })
        await settled()
      }
    }
    const held = (isVoter: boolean) => begun.fetches.memory.of(isVoter).heldBytes
    return { ...begun, sizes, exhaust, held }
  }

  test('is held once for all who get it, until the last one has it', async () => {
    const { ask, holding, held } = reading()
    ask(2)
    ask(100)
    ask(101)
    await settled()
    expect(held(true)).toBe(LARGE)
    holding.get(100)!()
    expect(held(true)).toBe(LARGE)
    holding.get(101)!()
    expect(held(true)).toBe(0)
  })

  test('has a budget: who finds it used up is answered in time with nothing, and voters have their own', async () => {
    const { ask, sizes, exhaust, elapse, held, reads, live } = reading()
    await exhaust()
    expect(held(false)).toBe(4 * LARGE)
    ask(2, { isVoter: false })
    ask(3, { isVoter: false })
    ask(4)
    await settled()
    expect(sizes().slice(4)).toEqual([[4, LARGE]])
    elapse(500)
    expect(sizes().slice(5)).toEqual([
      [2, null],
      [3, null],
    ])
    expect([reads, live()]).toEqual([[100, 101, 102, 103, 10], [5000]])
  })

  test('makes room for those that wait when it was sent: they share a read', async () => {
    const { ask, sizes, exhaust, holding, reads, live } = reading()
    await exhaust()
    ask(2, { isVoter: false })
    ask(3, { isVoter: false })
    holding.get(101)!()
    await settled()
    await settled()
    expect(sizes().slice(4)).toEqual([
      [2, LARGE],
      [3, LARGE],
    ])
    expect([reads.slice(4), live()]).toEqual([[10], [5000]])
  })

  test('costs those their connection that take nothing of it while others wait', async () => {
    const { ask, exhaust, holding, elapse, dismissed } = reading()
    await exhaust()
    holding.get(101)!()
    ask(104, { isVoter: false })
    await settled()
    ask(2, { isVoter: false })
    elapse(5000)
    expect(dismissed).toEqual([100, 102, 103, 104])
  })

  test('is none for those that wait for memory when the lead is lost, or at the close', async () => {
    const lost = reading()
    await lost.exhaust()
    lost.ask(2, { isVoter: false })
    lost.fetches.release()
    expect(lost.sizes().slice(4)).toEqual([[2, null]])
    const closed = reading()
    await closed.exhaust()
    closed.ask(2, { isVoter: false })
    closed.fetches.close()
    for (const { reads, holding, live } of [lost, closed]) {
      holding.get(101)!()
      await settled()
      expect([reads.length, live()]).toEqual([4, [5000]])
    }
    expect(closed.sizes()).toHaveLength(4)
  })
})
