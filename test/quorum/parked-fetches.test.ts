import { systemClock } from '../../src/host/clock.ts'
import type { Clock } from '../../src/host/host.ts'
import { ParkedFetches } from '../../src/quorum/parked-fetches.ts'

function begin() {
  const timers: { callback: () => void; isCancelled: boolean }[] = []
  const clock: Clock = {
    ...systemClock(),
    after: (_delayMs, callback) => {
      const timer = { callback, isCancelled: false }
      timers.push(timer)
      return { cancel: () => void (timer.isCancelled = true) }
    },
  }
  const state = { records: null as Buffer | null, highWatermark: 5, leads: true }
  const replies: [number, string | null][] = []
  const failures: Error[] = []
  let read = (): Promise<Buffer | null> => Promise.resolve(state.records)
  const fetches = new ParkedFetches(clock, {
    highWatermark: () => state.highWatermark,
    leads: (epoch) => state.leads && epoch === 5,
    read: () => read(),
    reply: ({ requestId }, records) => replies.push([requestId, records?.toString() ?? null]),
    failed: (error) => failures.push(error),
  })
  const ask = (requestId: number, highWatermark = 5, maxWaitMs = 500) =>
    fetches.answer({ requestId, epoch: 5, offset: 10, highWatermark, maxWaitMs })
  const live = () => timers.filter(({ isCancelled }) => !isCancelled)
  return { fetches, state, replies, failures, ask, live, readBy: (by: typeof read) => (read = by) }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a fetch is answered with the records that are there, or with a later high watermark', async () => {
  const { state, replies, ask, live } = begin()
  ask(2, 4)
  await settled()
  expect(replies).toEqual([[2, null]])
  state.records = Buffer.from('r')
  ask(3)
  await settled()
  expect([replies[1], live().length]).toEqual([[3, 'r'], 0])
})

test('one that would learn nothing waits for records or for the high watermark', async () => {
  const { fetches, state, replies, ask, live } = begin()
  ask(2)
  ask(3)
  await settled()
  expect([replies, live().length]).toEqual([[], 2])
  fetches.wake()
  await settled()
  expect([replies, live().length]).toEqual([[], 2])
  state.highWatermark = 6
  fetches.wake()
  await settled()
  expect([replies, live().length]).toEqual([
    [
      [2, null],
      [3, null],
    ],
    0,
  ])
})

test('what comes while a fetch is read for is not missed', async () => {
  const { fetches, state, replies, ask } = begin()
  ask(2)
  state.records = Buffer.from('r')
  fetches.wake()
  await settled()
  expect(replies).toEqual([[2, 'r']])
})

test('one that has waited long enough is answered without anything, once', async () => {
  const { fetches, state, replies, ask, live } = begin()
  ask(2)
  await settled()
  live()[0]!.callback()
  expect(replies).toEqual([[2, null]])
  state.records = Buffer.from('r')
  fetches.wake()
  await settled()
  expect(replies.length).toBe(1)
})

test('one that will not wait is answered at once, whatever there is', async () => {
  const { replies, ask, live } = begin()
  ask(2, 5, 0)
  await settled()
  expect([replies, live().length]).toEqual([[[2, null]], 0])
})

test('all that wait are answered when nothing will come any more, once', async () => {
  const { fetches, replies, ask, live } = begin()
  ask(2)
  ask(3)
  await settled()
  fetches.release()
  fetches.release()
  expect([replies, live().length]).toEqual([
    [
      [2, null],
      [3, null],
    ],
    0,
  ])
})

test('nobody is answered after the close, those whose read is under way neither', async () => {
  const { fetches, state, replies, ask, live } = begin()
  ask(2)
  await settled()
  state.records = Buffer.from('r')
  ask(3)
  fetches.close()
  await settled()
  expect([replies, live().length]).toEqual([[], 0])
})

test('a log that can not be read is told', async () => {
  const { failures, ask, readBy } = begin()
  readBy(() => Promise.reject(new Error('broken')))
  ask(2)
  await settled()
  expect(failures.map(({ message }) => message)).toEqual(['broken'])
})

test('one whose read ends after the lead is lost is answered, and waits for nothing', async () => {
  const { state, replies, ask, live } = begin()
  ask(2)
  state.leads = false
  await settled()
  expect([replies, live().length]).toEqual([[[2, null]], 0])
})
