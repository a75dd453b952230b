import { epochAfter, FetchSessionCache } from '../../../src/replication/fetch/session.ts'
import type {
  FetchOutcome,
  FetchSessionRequest,
  FetchTarget,
} from '../../../src/replication/fetch/session.ts'

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
    context.targets.forEach((_, index) => context.tell(index, empty))
    return context.sessionId
  }

  test('an incremental request reads all partitions and tells only of those that changed', () => {
    const cache = cacheOf(10)
    const sessionId = opened(cache)
    const context = cache.resolve(request({ sessionId, sessionEpoch: 1 }))
    expect(context.sessionId).toBe(sessionId)
    expect(context.targets.map(({ partition }) => partition)).toEqual([0, 1])
    expect(context.tell(0, empty)).toBe(false)
    expect(context.tell(1, { ...empty, highWatermark: 6 })).toBe(true)
  })

  test('an answer that tells nothing begins no session, and leaves one that there is as it was', () => {
    const cache = cacheOf(10)
    const first = cache.resolve(request({ targets: [target(0)] }))
    expect([first.tellNothing(), cache.size]).toEqual([0, 0])
    const sessionId = opened(cache)
    const next = cache.resolve(request({ sessionId, sessionEpoch: 1 }))
    const news = { ...empty, highWatermark: 6 }
    expect([next.wouldTell(0, empty), next.wouldTell(1, news)]).toEqual([false, true])
    expect([next.tellNothing(), cache.size]).toEqual([sessionId, 1])
    const later = cache.resolve(request({ sessionId, sessionEpoch: 2 }))
    expect(later.tell(1, news)).toBe(true)
  })

  test('a session that is made larger and larger ends, and its client begins anew', () => {
    const cache = cacheOf(10)
    const sessionId = opened(cache)
    let error = 'NONE'
    let targets = 0
    for (let epoch = 1; error === 'NONE' && epoch < 100; epoch++) {
      const more = Array.from({ length: 1000 }, (_, i) => target(1000 * epoch + i))
      const context = cache.resolve(request({ sessionId, sessionEpoch: epoch, targets: more }))
      ;({ error } = context)
      if (error === 'NONE') targets = context.targets.length
    }
    expect(error).toBe('FETCH_SESSION_ID_NOT_FOUND')
    expect(targets).toBe(16_002)
    expect(cache.size).toBe(0)
  })

  test("a follower's may name all that it has of a leader's, in several requests", () => {
    const cache = cacheOf(10)
    const first = cache.resolve(request({ targets: [target(0)], isFollower: true }))
    const { sessionId } = first
    const more = (epoch: number, from: number, count: number): string => {
      const targets = Array.from({ length: count }, (_, i) => target(from + i))
      return cache.resolve(request({ sessionId, sessionEpoch: epoch, targets })).error
    }
    expect(more(1, 1, 65_536)).toBe('NONE')
    expect(more(2, 65_537, 65_535)).toBe('NONE')
    expect(more(3, 131_072, 1)).toBe('FETCH_SESSION_ID_NOT_FOUND')
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
    expect(context.tell(0, { ...empty, ...change })).toBe(true)
  })

  test('a partition that gave records goes behind those that did not', () => {
    const cache = cacheOf(10)
    const sessionId = opened(cache)
    const context = cache.resolve(request({ sessionId, sessionEpoch: 1 }))
    context.tell(0, { ...empty, sizeBytes: 100 })
    context.tell(1, empty)
    const next = cache.resolve(request({ sessionId, sessionEpoch: 2 }))
    expect(next.targets.map(({ partition }) => partition)).toEqual([1, 0])
  })

  test('one that is forgotten while its records are on their way stays forgotten', () => {
    const cache = cacheOf(10)
    const sessionId = opened(cache)
    const waiting = cache.resolve(request({ sessionId, sessionEpoch: 1 }))
    const forgotten = [{ topic: 't', topicId: '', partition: 0 }]
    cache.resolve(request({ sessionId, sessionEpoch: 2, forgotten }))
    expect(waiting.tell(0, { ...empty, sizeBytes: 100 })).toBe(true)
    const next = cache.resolve(request({ sessionId, sessionEpoch: 3 }))
    expect(next.targets.map(({ partition }) => partition)).toEqual([1])
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

  test('a request that is sent once more is refused, as is one ahead of its turn', () => {
    const cache = cacheOf(10)
    const sessionId = opened(cache)
    const next = request({ sessionId, sessionEpoch: 1 })
    expect(cache.resolve(next).error).toBe('NONE')
    expect(cache.resolve(next).error).toBe('INVALID_FETCH_SESSION_EPOCH')
    expect(cache.resolve({ ...next, sessionEpoch: 2 }).error).toBe('NONE')
  })

  test('epochs begin again with 1, for 0 asks for a new session', () => {
    expect([1, 0x7fff_fffe, 0x7fff_ffff].map(epochAfter)).toEqual([2, 0x7fff_ffff, 1])
  })

  test('a fetch of nothing begins no session', () => {
    const cache = cacheOf(10)
    expect(cache.resolve(request({})).sessionId).toBe(0)
    expect(cache.size).toBe(0)
  })

  test('no session has the id of another, or the one that stands for none', () => {
    const ids = [0, 7, 7, 0, 8]
    const cache = new FetchSessionCache(
      10,
      () => 0,
      () => ids.shift()!,
    )
    expect([opened(cache), opened(cache)]).toEqual([7, 8])
  })

  test('partitions of topics that are named by id are told apart by it', () => {
    const cache = cacheOf(10)
    const targets = ['a', 'b'].map((topicId) => ({ ...target(0), topic: '', topicId }))
    const { sessionId } = cache.resolve(request({ usesTopicIds: true, targets }))
    const usesTopicIds = true
    const context = cache.resolve(request({ usesTopicIds, sessionId, sessionEpoch: 1 }))
    expect(context.targets).toEqual(targets)
  })

  test('records are told where nothing else has changed', () => {
    const cache = cacheOf(10)
    const sessionId = opened(cache)
    const context = cache.resolve(request({ sessionId, sessionEpoch: 1 }))
    expect(context.tell(0, { ...empty, sizeBytes: 1 })).toBe(true)
  })

  test('a partition is told to be well again after its error, and once', () => {
    const cache = cacheOf(10)
    const sessionId = opened(cache)
    const told = (sessionEpoch: number, change: Partial<FetchOutcome>): boolean => {
      const context = cache.resolve(request({ sessionId, sessionEpoch }))
      return context.tell(0, { ...empty, ...change })
    }
    expect(told(1, { errorCode: 'NOT_LEADER_OR_FOLLOWER' })).toBe(true)
    expect([told(2, {}), told(3, {})]).toEqual([true, false])
  })

  test.each([
    ['a smaller one of a consumer', { isFollower: false, size: 1 }, 2, true],
    ['one of a consumer as large', { isFollower: false, size: 2 }, 2, false],
    ['a larger one of a consumer', { isFollower: false, size: 3 }, 2, false],
    ['a smaller one of a follower', { isFollower: true, size: 1 }, 2, false],
  ] as const)(
    'of old sessions in use, %s makes room for one of a consumer or not',
    (_, { isFollower, size }, wanted, isEvicted) => {
      const cache = cacheOf(1)
      const targets = Array.from({ length: size }, (__, i) => target(i))
      now = 0
      const { sessionId } = cache.resolve(request({ isFollower, targets }))
      now = 120_001
      cache.resolve(request({ sessionId, sessionEpoch: 1 }))
      expect(opened(cache, wanted) !== 0).toBe(isEvicted)
      expect(cache.size).toBe(1)
    },
  )

  test('a follower has one of a consumer make room, however large, but not before it is old', () => {
    const cache = cacheOf(1)
    now = 0
    const sessionId = opened(cache, 9)
    const follower = request({ isFollower: true, targets: [target(0)] })
    now = 120_000
    cache.resolve(request({ sessionId, sessionEpoch: 1 }))
    expect(cache.resolve(follower).sessionId).toBe(0)
    now = 120_001
    expect(cache.resolve(follower).sessionId).not.toBe(0)
  })
})
