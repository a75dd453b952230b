import { FetchMemory } from '../../../src/log/read/memory.ts'
import { FollowerPatience } from '../../../src/replication/fetch/patience.ts'
import { FakePartition, HeldClock, ask } from './support.ts'

/** A clock that says what time it is. */
class TimedClock extends HeldClock {
  time = 0

  override monotonic(): number {
    return this.time
  }
}

function follower() {
  const clock = new TimedClock()
  const memory = new FetchMemory(1 << 20, clock)
  const patience = new FollowerPatience(clock)
  const partition = new FakePartition()
  const fetch = () => ask([partition], clock, memory, { maxWaitMs: 500, patience })
  const delays = () => [...clock.timers].map(({ delayMs }) => delayMs)
  return { clock, memory, patience, partition, fetch, delays }
}

test('A fetch of a follower that waits is answered when something is led anew, after the task that brought it', () => {
  const { clock, patience, fetch, partition } = follower()
  const waiting = [fetch(), fetch()]
  patience.leadBegan()
  patience.leadBegan()
  expect(waiting.map(({ came }) => came)).toEqual([null, null])
  clock.endTask()
  expect(waiting.map(({ sizes }) => sizes)).toEqual([[0], [0]])
  expect([partition.waiters.size, clock.timers.size]).toEqual([0, 0])
})

test('Those that come soon after wait for a moment only, later ones as long as they ask for', () => {
  const { clock, patience, fetch, delays } = follower()
  fetch()
  expect(delays()).toEqual([500])
  patience.leadBegan()
  clock.endTask()
  clock.time = 499
  const short = fetch()
  expect(delays()).toEqual([20])
  clock.ring()
  expect(short.sizes).toEqual([0])
  clock.time = 500
  fetch()
  expect(delays()).toEqual([500])
})

test('Consumers wait on, and a fetch that has been answered is not answered again', () => {
  const { clock, memory, patience, partition, fetch } = follower()
  const consumer = ask([new FakePartition()], clock, memory)
  const answered = fetch()
  partition.append(10)
  clock.endTask()
  patience.leadBegan()
  clock.endTask()
  expect([consumer.came, answered.sizes]).toEqual([null, [10]])
  expect(patience.waiting).toBe(0)
})
