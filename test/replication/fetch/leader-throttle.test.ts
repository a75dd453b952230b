import { FetchMemory } from '../../../src/log/read/memory.ts'
import { LeaderThrottle } from '../../../src/replication/fetch/leader-throttle.ts'
import { PassingClock } from '../quota/passing-clock.ts'
import { quotaOf } from '../quota/support.ts'
import { FakePartition, ask } from './support.ts'

const FOLLOWER = 2
const RATE = 1000

/** A follower's fetches from two partitions, the first of them throttled. */
function throttled(...sizes: number[]) {
  const clock = new PassingClock()
  const memory = new FetchMemory(1 << 20, clock)
  const [slow, other] = [new FakePartition(...sizes), new FakePartition()]
  slow.isThrottledAsLeader = true
  const settings = { rate: RATE }
  const quota = quotaOf(clock, () => settings.rate)
  const fetch = (offset = 0) =>
    ask([slow, other], clock, memory, {
      upTo: 'logEnd',
      offsets: [offset, 0],
      maxWaitMs: 500,
      throttle: new LeaderThrottle(quota, FOLLOWER),
    })
  return { clock, slow, other, settings, quota, fetch }
}

describe('A leader', () => {
  test('leaves a throttled partition out of a fetch while its quota is exceeded, and reads nothing of it', () => {
    const { clock, slow, fetch, quota } = throttled(1200)
    expect(fetch().sizes).toEqual([1200, 0])
    slow.append(10)
    clock.pass(1000)
    expect(quota.isExceeded).toBe(true)
    const next = fetch(1)
    expect([next.came, slow.reads.length]).toEqual([null, 1])
    clock.pass(199)
    expect(next.came).toBeNull()
    // Not first when its time is up: that would be another 300 ms.
    clock.pass(1)
    expect(next.sizes).toEqual([10, 0])
    expect([clock.timers, slow.waiters.size]).toEqual([0, 0])
  })

  test('answers with the offsets of what it holds back when the time of the fetch is up', () => {
    const { clock, fetch, slow } = throttled(5000, 10)
    fetch()
    const next = fetch(1)
    clock.pass(499)
    expect(next.came).toBeNull()
    clock.pass(1)
    expect(next.sizes).toEqual([0, 0])
    expect(next.came).toMatchObject({
      partitions: [{ errorCode: 'NONE', highWatermark: 2, logEndOffset: 2 }, {}],
    })
    expect([clock.timers, slow.waiters.size]).toEqual([0, 0])
  })

  test('is not woken by what comes to a partition that it holds back, but by its end as a leader', () => {
    const { clock, fetch, slow } = throttled(5000, 10)
    fetch()
    const next = fetch(1)
    slow.append(100)
    slow.append(100)
    expect([next.came, slow.reads.length]).toEqual([null, 1])
    slow.errorCode = 'NOT_LEADER_OR_FOLLOWER'
    for (const waiter of [...slow.waiters]) waiter.advanced(Infinity, Infinity)
    expect(next.came).toMatchObject({ partitions: [{ errorCode: 'NOT_LEADER_OR_FOLLOWER' }, {}] })
    expect(clock.timers).toBe(0)
  })

  test('gives what comes to other partitions meanwhile', () => {
    const { clock, fetch, other } = throttled(5000, 10)
    fetch()
    const next = fetch(1)
    other.append(30)
    expect([next.sizes, clock.timers]).toEqual([[0, 30], 0])
  })

  test('keeps nothing from a follower that is in sync, and counts that', () => {
    const { fetch, slow, quota, clock } = throttled(5000, 10)
    slow.assignment = { isr: [1, FOLLOWER] }
    expect(fetch().sizes).toEqual([5010, 0])
    expect(fetch(1).sizes).toEqual([10, 0])
    expect([quota.isExceeded, quota.retryAfterMs]).toEqual([true, 5020])
    expect(clock.timers).toBe(0)
  })

  test('counts nothing of partitions that are not throttled', () => {
    const { fetch, other, quota, slow } = throttled(10)
    other.append(5000)
    expect(fetch().sizes).toEqual([10, 5000])
    expect(quota.isExceeded).toBe(false)
    slow.append(20)
    expect(fetch(1).sizes).toEqual([20, 5000])
  })

  test('has the one that comes second to what the quota lets wait on, up to the time of its fetch', () => {
    const { fetch, clock, slow } = throttled(1200)
    fetch()
    slow.append(3000)
    clock.pass(1000)
    const [first, second] = [fetch(1), fetch(1)]
    clock.pass(200)
    expect([first.sizes, second.came]).toEqual([[3000, 0], null])
    clock.pass(299)
    expect(second.came).toBeNull()
    clock.pass(1)
    expect(second.sizes).toEqual([0, 0])
    expect(clock.timers).toBe(0)
  })

  test('tells of an offset that is out of its range whatever its quota says', () => {
    const { fetch, slow } = throttled(5000)
    fetch()
    slow.readError = 'OFFSET_OUT_OF_RANGE'
    expect(fetch(2).came).toMatchObject({ partitions: [{ errorCode: 'OFFSET_OUT_OF_RANGE' }, {}] })
  })

  test('gives what it holds back as soon as it may: at another rate, or where it is not throttled any more', () => {
    const { fetch, slow, settings, quota } = throttled(5000, 10, 20)
    fetch()
    const next = fetch(1)
    settings.rate = 10_000
    quota.changed()
    expect(next.sizes).toEqual([30, 0])
    settings.rate = 0
    const last = fetch(2)
    expect(last.came).toBeNull()
    slow.isThrottledAsLeader = false
    quota.changed()
    expect(last.sizes).toEqual([20, 0])
  })

  test('has nobody wait whose client has gone', () => {
    const { fetch, clock, slow } = throttled(5000, 10)
    fetch()
    const next = fetch(1)
    next.client.leave('ended')
    expect(next.came).toBe('abandoned')
    expect([clock.timers, slow.waiters.size]).toEqual([0, 0])
  })
})
