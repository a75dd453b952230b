import { FetchMemory } from '../../../src/log/read/memory.ts'
import { Presence } from '../../../src/replication/fetch/presence.ts'
import type { ClientWaiter } from '../../../src/replication/fetch/presence.ts'
import { FakePartition, HeldClock, ask } from './support.ts'

function waiting(...sizes: number[]) {
  const clock = new HeldClock()
  const memory = new FetchMemory(1 << 20, clock)
  const partition = new FakePartition(...sizes)
  const other = new FakePartition()
  return { clock, memory, partition, other }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('A fetch that waits', () => {
  test('has the records that came while its first read was under way, and waits for nothing', async () => {
    const { clock, memory, partition } = waiting()
    partition.held = []
    const fetch = ask([partition], clock, memory)
    partition.append(10)
    partition.held.shift()!()
    await settled()
    clock.endTask()
    partition.held.shift()!()
    await settled()
    expect(fetch.sizes).toEqual([10])
    expect(clock.timers.size).toBe(0)
  })

  test('reads once more when what it lacks has come, after the task that brought it', () => {
    const { clock, memory, partition, other } = waiting()
    const fetch = ask([partition, other], clock, memory, { minBytes: 30 })
    partition.append(20)
    clock.endTask()
    expect(fetch.came).toBeNull()
    other.append(10)
    partition.append(5)
    expect(fetch.came).toBeNull()
    clock.endTask()
    expect(fetch.sizes).toEqual([25, 10])
    expect([partition.waiters.size, other.waiters.size, clock.timers.size]).toEqual([0, 0, 0])
  })

  test('counts what its first read has found', () => {
    const { clock, memory, partition } = waiting(20)
    const fetch = ask([partition], clock, memory, { minBytes: 30 })
    expect(fetch.came).toBeNull()
    partition.append(10)
    clock.endTask()
    expect(fetch.sizes).toEqual([30])
    expect(partition.released).toBe(1)
    fetch.release()
    expect(memory.heldBytes).toBe(0)
  })

  test('takes what it finds once it was told of enough, and waits no second time', () => {
    const { clock, memory, partition } = waiting()
    const fetch = ask([partition], clock, memory, { minBytes: 30 })
    // What was told of may have been cut off again.
    partition.sizes.push(20)
    partition.highWatermark = 1
    for (const waiter of [...partition.waiters]) waiter.advanced(30, 30)
    clock.endTask()
    expect(fetch.sizes).toEqual([20])
  })

  test('has what there is when its time is up', () => {
    const { clock, memory, partition } = waiting()
    const fetch = ask([partition], clock, memory, { minBytes: 30, maxWaitMs: 7 })
    partition.append(20)
    expect([...clock.timers].map(({ delayMs }) => delayMs)).toEqual([7])
    clock.ring()
    clock.endTask()
    expect(fetch.sizes).toEqual([20])
    expect(partition.waiters.size).toBe(0)
  })

  test('has what its first read found when its time is up and nothing came, and holds nothing until then', () => {
    const { clock, memory, partition } = waiting(20)
    const fetch = ask([partition], clock, memory, { minBytes: 30 })
    expect(memory.heldBytes).toBe(0)
    clock.ring()
    clock.endTask()
    expect(fetch.sizes).toEqual([20])
    expect(partition.reads).toHaveLength(2)
  })

  test('needs no second read when its time is up and there is nothing', () => {
    const { clock, memory, partition } = waiting()
    const fetch = ask([partition], clock, memory, { minBytes: 30 })
    clock.ring()
    expect(fetch.sizes).toEqual([0])
    expect(partition.reads).toHaveLength(1)
  })

  test('looks again at what the transactions behind it have left open', () => {
    const { clock, memory, partition } = waiting(10)
    partition.lastStableOffset = 0
    const fetch = ask([partition], clock, memory, { upTo: 'lastStable' })
    clock.endTask()
    expect(fetch.came).toBeNull()
    partition.lastStableOffset = 1
    for (const waiter of partition.waiters) waiter.advanced(10, 10)
    clock.endTask()
    expect(fetch.sizes).toEqual([10])
  })

  test('waits for what is undecided where its first read took its time, too', async () => {
    const { clock, memory, partition } = waiting(10)
    partition.lastStableOffset = 0
    const held: (() => void)[] = (partition.held = [])
    const fetch = ask([partition], clock, memory, { upTo: 'lastStable' })
    held.shift()!()
    await new Promise((resolve) => setImmediate(resolve))
    expect(partition.waiters.size).toBe(1)
    clock.endTask()
    expect(fetch.came).toBeNull()
    expect([partition.reads.length, partition.waiters.size]).toEqual([1, 1])
  })

  test('ends at once where its topic was deleted while its first read was under way', async () => {
    const { clock, memory, partition } = waiting()
    partition.lastStableOffset = 0
    partition.appendOpen(10)
    const held: (() => void)[] = (partition.held = [])
    const fetch = ask([partition], clock, memory, { upTo: 'lastStable' })
    partition.isGone = true
    held.shift()!()
    await new Promise((resolve) => setImmediate(resolve))
    clock.endTask()
    expect(fetch.came).toMatchObject({
      partitions: [{ errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' }],
    })
  })

  test('does not look at what an open transaction has written, unless it reads that', () => {
    const { clock, memory, partition } = waiting()
    const stable = ask([partition], clock, memory, { upTo: 'lastStable' })
    const other = ask([partition], clock, memory)
    partition.appendOpen(10)
    clock.endTask()
    expect([stable.came, other.sizes]).toEqual([null, [10]])
    expect(partition.reads).toHaveLength(3)
    partition.append(20)
    clock.endTask()
    expect(stable.sizes).toEqual([30])
  })

  test('for what is decided ends with that, however much was written before that is not', () => {
    const { clock, memory, partition } = waiting()
    const fetch = ask([partition], clock, memory, { upTo: 'lastStable', minBytes: 20 })
    for (let i = 0; i < 3; i++) partition.appendOpen(100)
    for (const waiter of [...partition.waiters]) waiter.advanced(20, 20)
    clock.endTask()
    expect(fetch.came).not.toBeNull()
  })

  test('is not begun with maxWaitMs 0, with enough to read, with an error, or for no partition at all', () => {
    const { clock, memory, partition } = waiting(10)
    const broken = new FakePartition(10)
    broken.errorCode = 'NOT_LEADER_OR_FOLLOWER'
    const empty = new FakePartition()
    expect(ask([empty], clock, memory, { maxWaitMs: 0 }).sizes).toEqual([0])
    expect(ask([partition], clock, memory, { minBytes: 10 }).sizes).toEqual([10])
    expect(ask([empty], clock, memory, { minBytes: 0 }).sizes).toEqual([0])
    expect(ask([empty, broken], clock, memory).sizes).toEqual([0, 0])
    expect(ask([], clock, memory).sizes).toEqual([])
    expect(clock.timers.size).toBe(0)
  })

  test('ends with its client, however long it may have waited', () => {
    const { clock, memory, partition, other } = waiting(20)
    const longest = 2 ** 31 - 1
    const fetch = ask([partition, other], clock, memory, { minBytes: 30, maxWaitMs: longest })
    expect([partition.waiters.size, other.waiters.size, clock.timers.size]).toEqual([1, 1, 1])
    expect(memory.heldBytes).toBe(0)
    fetch.client.leave('ended')
    expect(fetch.came).toBe('abandoned')
    expect([partition.waiters.size, other.waiters.size, clock.timers.size]).toEqual([0, 0, 0])
    expect([memory.heldBytes, partition.released]).toEqual([0, 1])
  })

  test('does not begin to wait for a client that went while it read', async () => {
    const { clock, memory, partition } = waiting()
    const client = new Presence(() => undefined)
    partition.held = []
    const fetch = ask([partition], clock, memory, { client })
    client.leave('ended')
    partition.held.shift()!()
    await settled()
    expect(fetch.came).toBe('abandoned')
    expect([partition.waiters.size, clock.timers.size]).toEqual([0, 0])
  })

  test('whose time is up is answered, though there is no memory for what came', () => {
    const { clock, memory, partition } = waiting()
    const fetch = ask([partition], clock, memory, { minBytes: 30 })
    while (memory.grant());
    partition.append(20)
    clock.ring()
    clock.endTask()
    expect(fetch.sizes).toEqual([0])
    expect(memory.waitingCount).toBe(0)
  })

  test('leaves nothing behind with its client, who may ask a million times', () => {
    const { clock, memory, partition } = waiting()
    const waiters = new Set<unknown>()
    class Watched extends Presence {
      override add(waiter: ClientWaiter): void {
        waiters.add(waiter)
        super.add(waiter)
      }
      override delete(waiter: ClientWaiter): void {
        waiters.delete(waiter)
        super.delete(waiter)
      }
    }
    const fetch = ask([partition], clock, memory, { client: new Watched(() => undefined) })
    expect(waiters.size).toBe(1)
    partition.append(10)
    clock.endTask()
    expect([fetch.sizes, waiters.size]).toEqual([[10], 0])
  })

  test('leaves no trace with a partition on which nobody may wait any more', () => {
    const { clock, memory, partition } = waiting()
    partition.hasEnded = true
    const fetch = ask([partition], clock, memory)
    expect(partition.waiters.size).toBe(0)
    clock.endTask()
    expect(fetch.sizes).toEqual([0])
  })

  test('is told to its client once, whatever else happens', () => {
    const { clock, memory, partition } = waiting()
    const fetch = ask([partition], clock, memory)
    const [waiter] = partition.waiters
    partition.append(10)
    waiter!.advanced(Infinity, Infinity)
    fetch.client.leave('ended')
    clock.ring()
    clock.endTask()
    expect(fetch.sizes).toEqual([10])
  })
})

describe('A fetch', () => {
  test('has no more of a partition than its client allows for it', () => {
    const { clock, memory } = waiting()
    const partition = new FakePartition(600_000, 600_000)
    expect(ask([partition], clock, memory).sizes).toEqual([600_000])
  })

  test('tells a follower at once that its log is another', () => {
    const { clock, memory, partition } = waiting()
    partition.diverging = { leaderEpoch: 3, endOffset: 7 }
    const fetch = ask([partition], clock, memory)
    expect(fetch.came).toMatchObject({
      partitions: [{ divergingEpoch: { leaderEpoch: 3, endOffset: 7 }, mustTell: true }],
    })
    expect(clock.timers.size).toBe(0)
  })

  test('has one batch of the first partition that has records, whatever the limits are', () => {
    const { clock, memory, other } = waiting()
    const [first, second] = [new FakePartition(10, 10), new FakePartition(10)]
    expect(ask([other, first, second], clock, memory, { maxBytes: 1 }).sizes).toEqual([0, 10, 0])
  })

  test('has no more than its limit of all partitions', () => {
    const { clock, memory } = waiting()
    const partitions = [1, 2, 3].map(() => new FakePartition(10, 10))
    expect(ask(partitions, clock, memory, { maxBytes: 35 }).sizes).toEqual([20, 10, 0])
  })

  test('that may leave partitions out looks at none behind those that filled it', () => {
    const { clock, memory } = waiting()
    const partitions = [1, 2, 3].map(() => new FakePartition(10, 10))
    const asked = { maxBytes: 20, mayLeaveOut: true }
    expect(ask(partitions, clock, memory, asked).sizes).toEqual([20, 0])
    const more = { ...asked, minBytes: 40 }
    expect(ask(partitions, clock, memory, { ...more, maxWaitMs: 0 }).sizes).toEqual([20, 0, 0])
  })

  test('tells of damage, and of what is behind another partition’s damage', () => {
    const { clock, memory, partition } = waiting(10)
    const damaged = new FakePartition(10)
    damaged.readError = 'CORRUPT_MESSAGE'
    const fetch = ask([damaged, partition], clock, memory)
    expect(fetch.came).toMatchObject({
      partitions: [{ errorCode: 'CORRUPT_MESSAGE' }, { errorCode: 'NONE', sizeBytes: 10 }],
    })
  })
})
