import { FetchSessionCache } from '../../src/replication/fetch-session.ts'
import type {
  FetchOutcome,
  FetchSessionRequest,
  FetchTarget,
} from '../../src/replication/fetch-session.ts'

const target = (partition: number, fetchOffset = 0): FetchTarget => ({
  topic: 't',
  topicId: '',
  partition,
  fetchOffset,
  maxBytes: 1000,
  currentLeaderEpoch: -1,
  lastFetchedEpoch: -1,
  logStartOffset: -1,
})
const empty: FetchOutcome = {
  errorCode: 'NONE',
  highWatermark: 5,
  lastStableOffset: 5,
  logStartOffset: 0,
  sizeBytes: 0,
  mustTell: false,
}
const request = (change: Partial<FetchSessionRequest>): FetchSessionRequest => ({
  sessionId: 0,
  sessionEpoch: 0,
  usesTopicIds: false,
  isFollower: false,
  targets: [],
  forgotten: [],
  ...change,
})

describe('FetchSessionCache', () => {
  let now = 0
  let nextId = 1
  const cacheOf = (slots: number): FetchSessionCache =>
    new FetchSessionCache(
      slots,
      () => now,
      () => nextId++,
    )
  const opened = (cache: FetchSessionCache, partitions = 2): number => {
    const targets = Array.from({ length: partitions }, (_, i) => target(i))
    const context = cache.resolve(request({ targets }))
    for (const one of context.targets) context.tell(one, empty)
    return context.sessionId
  }

  test('an incremental request reads all partitions and tells only of those that changed', () => {
    const cache = cacheOf(10)
    const sessionId = opened(cache)
    const context = cache.resolve(request({ sessionId, sessionEpoch: 1 }))
    expect(context.sessionId).toBe(sessionId)
    expect(context.targets.map(({ partition }) => partition)).toEqual([0, 1])
    expect(context.tell(target(0), empty)).toBe(false)
    expect(context.tell(target(1), { ...empty, highWatermark: 6 })).toBe(true)
  })

  test.each([
    ['last stable offset', { lastStableOffset: 4 }],
    ['log start offset', { logStartOffset: 1 }],
    ['error', { errorCode: 'NOT_LEADER_OR_FOLLOWER' }],
    ['preferred replica or diverging epoch', { mustTell: true }],
  ] as const)('a partition without records is told when it has a new %s', (_, change) => {
    const cache = cacheOf(10)
    const sessionId = opened(cache)
    const context = cache.resolve(request({ sessionId, sessionEpoch: 1 }))
    expect(context.tell(target(0), { ...empty, ...change })).toBe(true)
  })

  test('a partition that gave records goes behind those that did not', () => {
    const cache = cacheOf(10)
    const sessionId = opened(cache)
    const context = cache.resolve(request({ sessionId, sessionEpoch: 1 }))
    context.tell(target(0), { ...empty, sizeBytes: 100 })
    context.tell(target(1), empty)
    const next = cache.resolve(request({ sessionId, sessionEpoch: 2 }))
    expect(next.targets.map(({ partition }) => partition)).toEqual([1, 0])
  })

  test('targets change and are forgotten by later requests', () => {
    const cache = cacheOf(10)
    const sessionId = opened(cache)
    const context = cache.resolve(
      request({
        sessionId,
        sessionEpoch: 1,
        targets: [target(1, 7), target(2)],
        forgotten: [target(0)],
      }),
    )
    expect(context.targets.map(({ partition, fetchOffset }) => [partition, fetchOffset])).toEqual([
      [1, 7],
      [2, 0],
    ])
  })

  test('unknown sessions, wrong epochs and a change to topic ids are refused', () => {
    const cache = cacheOf(10)
    const sessionId = opened(cache)
    const errorOf = (change: Partial<FetchSessionRequest>): string =>
      cache.resolve(request(change)).error
    expect(errorOf({ sessionId: 999, sessionEpoch: 1 })).toBe('FETCH_SESSION_ID_NOT_FOUND')
    expect(errorOf({ sessionId, sessionEpoch: 2 })).toBe('INVALID_FETCH_SESSION_EPOCH')
    expect(errorOf({ sessionId, sessionEpoch: 1, usesTopicIds: true })).toBe(
      'FETCH_SESSION_TOPIC_ID_ERROR',
    )
  })

  test('the final epoch closes the session and reads outside of any', () => {
    const cache = cacheOf(10)
    const sessionId = opened(cache)
    const last = cache.resolve(request({ sessionId, sessionEpoch: -1, targets: [target(0)] }))
    expect([last.sessionId, last.targets.length, cache.size]).toEqual([0, 1, 0])
  })

  test('a session without partitions ends', () => {
    const cache = cacheOf(10)
    const sessionId = opened(cache, 1)
    const context = cache.resolve(request({ sessionId, sessionEpoch: 1, forgotten: [target(0)] }))
    expect([context.sessionId, cache.size]).toEqual([0, 0])
  })

  test('the number of sessions is bounded; a stale or an old smaller one makes room', () => {
    const cache = cacheOf(2)
    now = 0
    opened(cache, 1)
    opened(cache, 3)
    expect(opened(cache, 2)).toBe(0)
    now = 130_000
    expect(opened(cache, 2)).not.toBe(0)
    expect(cache.size).toBe(2)
  })
})
