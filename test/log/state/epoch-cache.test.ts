import { EpochCache } from '../../../src/log/state/epoch-cache.ts'

const filled = (): EpochCache =>
  new EpochCache([
    { epoch: 2, startOffset: 10 },
    { epoch: 4, startOffset: 20 },
    { epoch: 7, startOffset: 30 },
  ])

test.each([
  [7, 7, 99],
  [6, 4, 30],
  [4, 4, 30],
  [3, 2, 20],
  [2, 2, 20],
  [1, 1, 10],
  [8, -1, -1],
  [-1, -1, -1],
])('asked for epoch %d the answer is epoch %d with end %d', (asked, leaderEpoch, endOffset) => {
  expect(filled().endOffsetFor(asked, 99)).toEqual({ leaderEpoch, endOffset })
})

test('an epoch that contradicts later entries takes their place', () => {
  const cache = filled()
  cache.assign(7, 35)
  expect(cache.isChanged).toBe(false)
  cache.assign(8, 20)
  expect(cache.entries).toEqual([
    { epoch: 2, startOffset: 10 },
    { epoch: 8, startOffset: 20 },
  ])
  expect(cache.isChanged).toBe(true)
})

test('a log cut at its end forgets the epochs that began there or later', () => {
  const cache = filled()
  cache.truncateFromEnd(30)
  expect(cache.latestEpoch).toBe(4)
  expect([cache.epochAt(9), cache.epochAt(10), cache.epochAt(29)]).toEqual([-1, 2, 4])
})

test('an only epoch begins with the log, where that was cut', () => {
  const cache = new EpochCache([{ epoch: 3, startOffset: 10 }])
  cache.truncateFromStart(10)
  expect([cache.isChanged, cache.entries]).toEqual([false, [{ epoch: 3, startOffset: 10 }]])
  cache.truncateFromStart(25)
  expect([cache.isChanged, cache.entries]).toEqual([true, [{ epoch: 3, startOffset: 25 }]])
})

test('a log cut at its start keeps the epoch of its first offset', () => {
  const cache = filled()
  cache.truncateFromStart(25)
  expect(cache.entries).toEqual([
    { epoch: 4, startOffset: 25 },
    { epoch: 7, startOffset: 30 },
  ])
  cache.truncateFromStart(30)
  expect(cache.entries).toEqual([{ epoch: 7, startOffset: 30 }])
})

test("a leader's epoch is known before its first batch, and kept in the file from that batch on", () => {
  const cache = filled()
  cache.begin(8, 40)
  expect(cache.endOffsetFor(8, 40)).toEqual({ leaderEpoch: 8, endOffset: 40 })
  expect(cache.isChanged).toBe(false)
  cache.begin(9, 40)
  expect(cache.entries.slice(-2)).toEqual([
    { epoch: 7, startOffset: 30 },
    { epoch: 9, startOffset: 40 },
  ])
  cache.assign(9, 40)
  expect(cache.isChanged).toBe(true)
  cache.markSaved()
  cache.assign(9, 41)
  expect(cache.isChanged).toBe(false)
})

test('a batch that was on its way when the next epoch began leaves both epochs where they are', () => {
  const cache = new EpochCache([{ epoch: 3, startOffset: 0 }])
  cache.assign(5, 10)
  cache.begin(6, 40)
  cache.assign(5, 30)
  expect(cache.entries).toEqual([
    { epoch: 3, startOffset: 0 },
    { epoch: 5, startOffset: 10 },
    { epoch: 6, startOffset: 40 },
  ])
  cache.assign(6, 40)
  expect(cache.endOffsetFor(5, 50)).toEqual({ leaderEpoch: 5, endOffset: 40 })
})

test('an epoch that was begun, and is forgotten before its first batch, is begun no more', () => {
  const cache = filled()
  cache.begin(9, 40)
  cache.truncateFromEnd(40)
  expect([cache.latestEpoch, cache.isChanged]).toEqual([7, true])
  cache.markSaved()
  cache.assign(7, 41)
  expect(cache.isChanged).toBe(false)
})
