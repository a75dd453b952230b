import { DeleteRecords } from '../../protocol/messages/delete-records.ts'
import { Fetch } from '../../protocol/messages/fetch.ts'
import { TestNode, batch } from './test-node.ts'

/** With three records in `a-0`. */
async function node(): Promise<TestNode> {
  const made = new TestNode()
  await made.addTopic('a')
  await made.addTopic('compacted', { configs: { 'cleanup.policy': 'compact' } })
  await made.addTopic('__consumer_offsets')
  await made.addTopic('led-elsewhere', { partitions: [{ replicas: [1, 2], leader: 2 }] })
  const partition = made.replicas.find('a', 0)
  if (typeof partition === 'string') throw new Error(partition)
  for (const value of ['x', 'y', 'z']) {
    const records = batch([value])
    await new Promise((resolve) => partition.append(records, -1, 'client', 1000, resolve))
  }
  return made
}

async function deleted(served: TestNode, offset: number, name = 'a', partitionIndex = 0) {
  const { topics } = await served.ask(DeleteRecords, 2, {
    topics: [{ name, partitions: [{ partitionIndex, offset }] }],
    timeoutMs: 600_000,
  })
  const { errorCode, lowWatermark } = topics[0]!.partitions[0]!
  return [errorCode, lowWatermark]
}

describe('DeleteRecords', () => {
  test('moves the start of a partition, and never back', async () => {
    const served = await node()
    expect(await deleted(served, 2)).toEqual(['NONE', 2])
    expect(await deleted(served, 1)).toEqual(['NONE', 2])
  })

  test('with -1 removes all that there is', async () => {
    const served = await node()
    expect(await deleted(served, -1)).toEqual(['NONE', 3])
  })

  test.each([4, -2])('refuses offset %i, which there is not', async (offset) => {
    expect(await deleted(await node(), offset)).toEqual(['OFFSET_OUT_OF_RANGE', -1])
  })

  test('deletes nothing that is not replicated', async () => {
    const served = await node()
    await served.addTopic('shared', { partitions: [{ replicas: [1, 2], isr: [1, 2] }] })
    const partition = served.replicas.find('shared', 0)
    if (typeof partition === 'string') throw new Error(partition)
    const written = new Promise((resolve) =>
      partition.append(batch(['x']), 1, 'client', 1000, resolve),
    )
    expect(await written).toMatchObject({ errorCode: 'NONE' })
    expect([partition.log!.highWatermark, partition.log!.logEndOffset]).toEqual([0, 1])
    expect(await deleted(served, 1, 'shared')).toEqual(['OFFSET_OUT_OF_RANGE', -1])
    expect(await deleted(served, -1, 'shared')).toEqual(['NONE', 0])
  })

  test.each([4, -2])('a policy that keeps records comes before offset %i', async (offset) => {
    expect(await deleted(await node(), offset, 'compacted')).toEqual(['POLICY_VIOLATION', -1])
  })

  test.each([
    ['compacted', 0, 'POLICY_VIOLATION'],
    ['__consumer_offsets', 0, 'INVALID_TOPIC_EXCEPTION'],
    ['nope', 0, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['a', 7, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['led-elsewhere', 0, 'NOT_LEADER_OR_FOLLOWER'],
  ])('refuses %s-%i with %s', async (name, index, error) => {
    expect(await deleted(await node(), 0, name, index)).toEqual([error, -1])
  })
})

describe('DeleteRecords of a partition with other replicas', () => {
  const SHARED = { replicas: [1, 2, 3], isr: [1, 2, 3], leaderEpoch: 5, partitionEpoch: 1 }

  /** With three records in `shared-0`, which this broker leads and those of the others have. */
  async function shared(): Promise<TestNode> {
    const served = await node()
    for (const id of [2, 3]) served.addBroker({ id })
    await served.addTopic('shared', { partitions: [SHARED] })
    const partition = served.replicas.find('shared', 0)
    if (typeof partition === 'string') throw new Error(partition)
    for (const value of ['x', 'y', 'z']) {
      const records = batch([value])
      await new Promise((resolve) => partition.append(records, 1, 'client', 1000, resolve))
    }
    for (const id of [2, 3]) await follows(served, id, 0)
    expect(partition.log!.highWatermark).toBe(3)
    return served
  }

  /** A follower that has all records fetches; its log begins there. */
  async function follows(
    served: TestNode,
    replicaId: number,
    logStartOffset: number,
    maxWaitMs = 0,
  ) {
    const { responses } = await served.ask(Fetch, 12, {
      replicaId,
      maxWaitMs,
      minBytes: 1,
      topics: [
        {
          topic: 'shared',
          partitions: [
            {
              partition: 0,
              currentLeaderEpoch: 5,
              fetchOffset: 3,
              logStartOffset,
              partitionMaxBytes: 1000,
            },
          ],
        },
      ],
    })
    return responses[0]!.partitions[0]!.logStartOffset
  }

  /** What is asked for, and whether it was answered already. */
  async function asked(served: TestNode, partitions = [{ partitionIndex: 0, offset: 2 }]) {
    const state = { isAnswered: false }
    const answer = served
      .ask(DeleteRecords, 2, { topics: [{ name: 'shared', partitions }], timeoutMs: 1000 })
      .then(({ topics }) => {
        state.isAnswered = true
        return topics[0]!.partitions.map(({ errorCode, lowWatermark }) => [errorCode, lowWatermark])
      })
    const partition = served.replicas.find('shared', 0)
    while (typeof partition === 'string' || partition.log!.logStartOffset < 2) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    return { state, answer }
  }

  test('is answered when the last of them has done the same', async () => {
    const served = await shared()
    const { state, answer } = await asked(served)
    await follows(served, 2, 2)
    await follows(served, 3, 1)
    expect(state.isAnswered).toBe(false)
    await follows(served, 3, 2)
    expect(await answer).toEqual([['NONE', 2]])
  })

  test('has a follower that waits for records told at once', async () => {
    const served = await shared()
    const told: number[] = []
    void follows(served, 2, 0, 60_000).then((logStartOffset) => told.push(logStartOffset))
    const { answer } = await asked(served)
    for (let turns = 0; turns < 100 && told.length === 0; turns++) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(told).toEqual([2])
    await follows(served, 3, 3)
    await follows(served, 2, 2)
    expect(await answer).toEqual([['NONE', 2]])
  })

  test('says when its time is up where the low watermark was, of each partition for itself', async () => {
    const served = await shared()
    const { state, answer } = await asked(served, [
      { partitionIndex: 0, offset: 2 },
      { partitionIndex: 7, offset: 0 },
    ])
    served.clock.skip(500_000)
    await follows(served, 2, 2)
    expect(state.isAnswered).toBe(false)
    served.clock.skip(100_000)
    expect(await answer).toEqual([
      ['REQUEST_TIMED_OUT', 0],
      ['UNKNOWN_TOPIC_OR_PARTITION', -1],
    ])
  })

  test('does not wait for brokers that are not there, nor for one that goes meanwhile', async () => {
    const served = await shared()
    served.addBroker({ id: 2, fenced: true })
    const { state, answer } = await asked(served)
    await follows(served, 2, 0)
    expect(state.isAnswered).toBe(false)
    served.addBroker({ id: 3, fenced: true })
    served.replicas.checkLag()
    expect(await answer).toEqual([['NONE', 2]])
  })

  test.each([
    ['by another epoch, in which it leads on', { leaderEpoch: 6 }, ['NONE', 2]],
    ['by an ISR without those who are gone', { isr: [1], partitionEpoch: 2 }, ['NONE', 2]],
    ['by another leader', { leaderEpoch: 6, leader: 2 }, ['NOT_LEADER_OR_FOLLOWER', -1]],
  ])('is looked at again when the partition changes: %s', async (_, change, expected) => {
    const served = await shared()
    const { state, answer } = await asked(served)
    for (const id of [2, 3]) served.addBroker({ id, fenced: true })
    expect(state.isAnswered).toBe(false)
    const id = served.image.topics.byName.get('shared')!.id
    await served.addTopic('shared', { id, partitions: [{ ...SHARED, ...change }] })
    expect(await answer).toEqual([expected])
  })

  test.each([
    ['its directory fails', 'KAFKA_STORAGE_ERROR'],
    ['the broker stops', 'NOT_LEADER_OR_FOLLOWER'],
  ])('is refused when %s', async (why, error) => {
    const served = await shared()
    const { answer } = await asked(served)
    if (why === 'the broker stops') served.replicas.endWaiting()
    else served.replicas.takeOffline('/data')
    expect(await answer).toEqual([[error, -1]])
  })
})
