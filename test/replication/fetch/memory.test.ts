import { FetchMemory, GRANT_BYTES, PATIENCE_MS } from '../../../src/log/read/memory.ts'
import { FakePartition, HeldClock, HOLDER, ask } from './support.ts'
import type { Asked } from './support.ts'

const MB = 1 << 20
/** The memory of a test: that of a broker is greater. */
const BUDGET = 128 * MB

function memory() {
  const clock = new HeldClock()
  const all = new FetchMemory(BUDGET, clock)
  const turns = (): void => {
    while (clock.endTurn()) clock.endTask()
  }
  return { clock, all, turns }
}

/** Fetches that nobody reads the answers of, each of a partition of its own with one batch. */
function unread(count: number, batchBytes: number) {
  const { clock, all, turns } = memory()
  const fetches = Array.from({ length: count }, () =>
    ask([new FakePartition(batchBytes)], clock, all),
  )
  const answered = (): Asked[] => fetches.filter(({ came }) => came !== null)
  return { clock, all, turns, fetches, answered }
}

describe('The memory for what fetches have read', () => {
  test('of 2,000 clients that read no answer holds no more than its budget and one answer', () => {
    const { all, answered } = unread(2000, MB)
    expect(all.heldBytes).toBe(BUDGET)
    expect(answered()).toHaveLength(128)
    expect(all.waitingCount).toBe(2000 - 128)
  })

  test('of 100 clients with batches of 20 MB holds no more than its budget and one batch', () => {
    const { all, answered } = unread(100, 20 * MB)
    expect(answered()).toHaveLength(7)
    expect(all.heldBytes).toBe(7 * 20 * MB)
    expect(all.heldBytes).toBeLessThan(BUDGET + 20 * MB)
  })

  test('lets every fetch have its turn in the order in which they came, one in each turn of the loop', () => {
    const { clock, all, fetches, answered, turns } = unread(400, MB)
    const order: number[] = []
    const note = (): void =>
      fetches.forEach(({ came }, index) => {
        if (came !== null && !order.includes(index)) order.push(index)
      })
    note()
    for (const first of answered().slice(0, 3)) first.release()
    clock.endTurn()
    note()
    expect(order).toHaveLength(129)
    clock.endTurn()
    note()
    expect(order).toHaveLength(130)
    turns()
    note()
    for (let next = 3; next < 400; next++) {
      fetches[next]!.release()
      turns()
      note()
    }
    expect(order).toEqual(fetches.map((_, index) => index))
    expect([all.heldBytes, all.waitingCount]).toEqual([0, 0])
  })

  test('gives nobody who comes later what others wait for', () => {
    const { clock, all, fetches, turns } = unread(129, MB)
    fetches[0]!.release()
    const late = ask([new FakePartition(MB)], clock, all)
    expect([fetches[128]!.came, late.came]).toEqual([null, null])
    turns()
    expect(fetches[128]!.sizes).toEqual([MB])
    expect(late.came).toBeNull()
  })

  test('a fetch whose time is up is answered without records, and its place goes to the next one', () => {
    const { clock, all, fetches, turns } = unread(129, MB)
    const late = ask([new FakePartition(MB)], clock, all, { maxWaitMs: 2000 })
    const [timer] = clock.timers
    timer!.ring()
    expect(fetches[128]!.sizes).toEqual([0])
    expect(fetches[128]!.came).toMatchObject({
      partitions: [{ errorCode: 'NONE', highWatermark: 1 }],
    })
    fetches[0]!.release()
    turns()
    expect(late.sizes).toEqual([MB])
  })

  test('a fetch that may not wait is answered without records', () => {
    const { clock, all } = unread(128, MB)
    expect(ask([new FakePartition(MB)], clock, all, { maxWaitMs: 0 }).sizes).toEqual([0])
    expect(all.heldBytes).toBe(BUDGET)
  })

  test('a fetch of nothing but errors needs no memory, and one with nothing to read waits for records only', () => {
    const { clock, all, turns } = unread(128, MB)
    const broken = new FakePartition(MB)
    broken.errorCode = 'NOT_LEADER_OR_FOLLOWER'
    expect(ask([broken], clock, all).came).toMatchObject({
      partitions: [{ errorCode: 'NOT_LEADER_OR_FOLLOWER' }],
    })
    const empty = new FakePartition()
    const caughtUp = ask([empty], clock, all)
    expect(all.waitingCount).toBe(0)
    empty.append(10)
    clock.endTask()
    expect(all.waitingCount).toBe(1)
    all.give(MB, null)
    turns()
    expect(caughtUp.sizes).toEqual([10])
  })

  test('is not held for ever by clients that take nothing, where others wait', () => {
    const { clock, all, fetches, turns } = unread(130, MB)
    const ring = (): void => {
      for (const timer of [...clock.timers].filter(({ delayMs }) => delayMs === PATIENCE_MS)) {
        clock.timers.delete(timer)
        timer.ring()
      }
    }
    fetches[0]!.release()
    turns()
    // It came while others held for a while: it has its own time.
    expect(fetches[128]!.sizes).toEqual([MB])
    ring()
    const dismissed = fetches.map((fetch) => fetch.dismissed)
    expect(dismissed).toEqual([0, ...new Array<number>(127).fill(1), 0, 0])
    for (const fetch of fetches.slice(1, 128)) fetch.release()
    turns()
    expect(fetches[129]!.sizes).toEqual([MB])
    ring()
    expect([all.waitingCount, fetches[128]!.dismissed, fetches[129]!.dismissed]).toEqual([0, 0, 0])
  })

  test('is not held by a fetch that waits for more than there is', () => {
    const { clock, all } = memory()
    const partition = new FakePartition(MB)
    const fetch = ask([partition], clock, all, { minBytes: 2 * MB })
    expect([fetch.came, all.heldBytes]).toEqual([null, 0])
    clock.ring()
    clock.endTask()
    expect([fetch.sizes, all.heldBytes]).toEqual([[MB], MB])
  })

  test('a client that has gone leaves its place, and nothing of it stays', () => {
    const { clock, all, fetches, turns } = unread(130, MB)
    fetches[128]!.client.leave('ended')
    expect(fetches[128]!.came).toBe('abandoned')
    const own = [...clock.timers].filter(({ delayMs }) => delayMs !== PATIENCE_MS)
    expect([all.waitingCount, own.length]).toEqual([1, 1])
    fetches[0]!.release()
    turns()
    expect(fetches[129]!.sizes).toEqual([MB])
  })

  test('the place of one who leaves at the head of the row does not stop those behind', () => {
    const { clock, all, turns } = memory()
    const slow = new FakePartition(20 * MB)
    slow.held = []
    const reading = ask([slow], clock, all)
    slow.held.shift()!()
    return Promise.resolve()
      .then(() => undefined)
      .then(() => {
        // A large batch is being read; the next large one waits, and a small one behind it.
        const large = ask([new FakePartition(20 * MB)], clock, all)
        const small = ask([new FakePartition(10)], clock, all)
        turns()
        expect([reading.came, large.came, small.came]).toEqual([null, null, null])
        large.client.leave('ended')
        turns()
        expect(small.sizes).toEqual([10])
      })
  })

  test('large batches are read one at a time, and an answer has one', async () => {
    const { clock, all, turns } = memory()
    const partitions = [1, 2].map(() => new FakePartition(20 * MB, 10))
    for (const partition of partitions) partition.held = []
    const fetches = partitions.map((partition) => ask([partition], clock, all))
    const goOn = async (index: number): Promise<void> => {
      partitions[index]!.held!.shift()!()
      await new Promise((resolve) => setImmediate(resolve))
      turns()
    }
    await goOn(0)
    await goOn(1)
    // Both have found that their batch is larger than what was granted; the first one reads it.
    expect(partitions.map(({ reads }) => reads.at(-1)!.firstBatchBytes)).toEqual([
      Infinity,
      GRANT_BYTES,
    ])
    await goOn(0)
    expect(fetches.map(({ sizes }) => sizes)).toEqual([[20 * MB], null])
    expect(partitions[1]!.reads.at(-1)).toEqual({ maxBytes: 0, firstBatchBytes: Infinity })
    await goOn(1)
    expect(fetches[1]!.sizes).toEqual([20 * MB])
    for (const fetch of fetches) fetch.release()
    expect(all.heldBytes).toBe(0)
  })

  test('what was granted to a read that fails is given back', async () => {
    const { clock, all } = memory()
    const partition = new FakePartition(MB)
    const fetch = ask([partition], clock, all)
    fetch.release()
    partition.checkLeader = () => {
      throw new Error('a bug')
    }
    expect(ask([partition], clock, all).came).toMatchObject({ message: 'a bug' })
    expect(all.heldBytes).toBe(0)
  })
})

describe('Those who wait for memory', () => {
  /** Waiters that only take note, in memory of which nothing is left: a large batch is being read. */
  function row(...needs: ('large' | 'granted')[]) {
    const clock = new HeldClock()
    const all = new FetchMemory(GRANT_BYTES, clock)
    const told: number[] = []
    expect(all.grantLargeBatch()).toBe(true)
    const waiters = needs.map((need, index) => ({
      needsLargeBatch: need === 'large',
      granted: () => void told.push(index),
    }))
    for (const waiter of waiters) all.wait(waiter)
    return { clock, all, told, waiters }
  }

  test('get their turn one after the other, each once, for one answer that was sent', () => {
    const { clock, all, told } = row('granted', 'granted')
    all.largeBatchRead()
    all.settle(0, HOLDER)
    clock.endTurn()
    expect(told).toEqual([0])
    all.settle(0, HOLDER)
    clock.endTurn()
    expect(told).toEqual([0, 1])
    all.settle(0, HOLDER)
    while (clock.endTurn());
    expect([told, all.heldBytes, all.waitingCount]).toEqual([[0, 1], 0, 0])
  })

  test('of what is left over, as many as there is room for, without another answer', () => {
    const clock = new HeldClock()
    const all = new FetchMemory(3 * GRANT_BYTES, clock)
    const told: number[] = []
    for (let count = 0; count < 3; count++) all.grant()
    for (const index of [0, 1, 2, 3]) {
      all.wait({ needsLargeBatch: false, granted: () => void told.push(index) })
    }
    all.give(3 * GRANT_BYTES, null)
    while (clock.endTurn());
    expect(told).toEqual([0, 1, 2])
    expect(all.heldBytes).toBe(3 * GRANT_BYTES)
  })

  test('for a large batch get it as soon as the one before it was read', () => {
    const { clock, all, told } = row('large')
    all.settle(0, HOLDER)
    clock.endTurn()
    expect(told).toEqual([])
    all.largeBatchRead()
    clock.endTurn()
    expect(told).toEqual([0])
  })

  test('behind a large batch that takes what was left wait for its client no longer than for others', () => {
    const clock = new HeldClock()
    const all = new FetchMemory(2 * GRANT_BYTES, clock)
    let overdue = 0
    const holder = { overdue: () => void overdue++ }
    expect(all.grantLargeBatch()).toBe(true)
    const granted = (): void => {
      all.largeBatchRead()
      all.settle(GRANT_BYTES, holder)
    }
    all.wait({ needsLargeBatch: true, granted })
    all.wait({ needsLargeBatch: false, granted: () => undefined })
    all.largeBatchRead()
    clock.endTurn()
    expect([all.heldBytes, all.waitingCount, overdue]).toEqual([2 * GRANT_BYTES, 1, 0])
    clock.ring()
    expect(overdue).toBe(1)
  })

  test('for a large batch leave their place to those behind when they give up', () => {
    const { clock, all, told, waiters } = row('large', 'granted')
    all.settle(0, HOLDER)
    clock.endTurn()
    expect(told).toEqual([])
    all.stopWaiting(waiters[0]!)
    clock.endTurn()
    expect(told).toEqual([1])
  })
})
