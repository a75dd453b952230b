import { Fetch } from '../../protocol/messages/fetch.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { SILENCE, TestNode, batch } from './test-node.ts'

interface PartitionAsked {
  partition?: number
  fetchOffset?: number
  partitionMaxBytes?: number
  currentLeaderEpoch?: number
}

interface Asked {
  topic?: string
  topicId?: string
  maxWaitMs?: number
  minBytes?: number
  maxBytes?: number
  sessionId?: number
  sessionEpoch?: number
  isolationLevel?: number
}

const body = (partitions: readonly PartitionAsked[], asked: Asked = {}) => ({
  replicaId: -1,
  maxWaitMs: asked.maxWaitMs ?? 0,
  minBytes: asked.minBytes ?? 1,
  maxBytes: asked.maxBytes ?? 1 << 20,
  isolationLevel: asked.isolationLevel ?? 0,
  sessionId: asked.sessionId ?? 0,
  sessionEpoch: asked.sessionEpoch ?? -1,
  topics:
    partitions.length === 0
      ? []
      : [
          {
            topic: asked.topic ?? 'a',
            topicId: asked.topicId ?? ZERO_UUID,
            partitions: partitions.map((own) => ({
              partition: 0,
              currentLeaderEpoch: -1,
              fetchOffset: 0,
              lastFetchedEpoch: -1,
              logStartOffset: -1,
              partitionMaxBytes: 1 << 20,
              ...own,
            })),
          },
        ],
  forgottenTopicsData: [],
})

async function append(node: TestNode, records: Buffer, index = 0): Promise<void> {
  const { responses } = await node.ask(Produce, 9, {
    acks: -1,
    timeoutMs: 1000,
    topicData: [{ name: 'a', topicId: ZERO_UUID, partitionData: [{ index, records }] }],
  })
  expect(responses[0]!.partitionResponses[0]!.errorCode).toBe('NONE')
}

/** With a topic `a` of two partitions; each value is a batch of the first one. */
async function nodeWith(...values: string[]): Promise<{ node: TestNode; topicId: string }> {
  const node = new TestNode()
  const topicId = await node.addTopic('a', { partitions: [{}, {}] })
  for (const value of values) await append(node, batch([value]))
  return { node, topicId }
}

async function fetched(
  node: TestNode,
  partitions: readonly PartitionAsked[],
  asked: Asked & { version?: number } = {},
) {
  const answer = await node.ask(Fetch, asked.version ?? 12, body(partitions, asked))
  return answer.responses.flatMap((topic) => topic.partitions)
}

const oneBatchBytes = batch(['x']).length

describe('Fetch', () => {
  test.each([4, 7, 11, 12])('v%i reads whole batches by name', async (version) => {
    const { node } = await nodeWith('x', 'y')
    const [partition] = await fetched(node, [{}], { version })
    expect(partition).toMatchObject({ errorCode: 'NONE', highWatermark: 2, lastStableOffset: 2 })
    expect(partition!.records).toHaveLength(2 * oneBatchBytes)
  })

  test('v13 reads by id', async () => {
    const { node, topicId } = await nodeWith('x')
    const [partition] = await fetched(node, [{}], { version: 13, topic: '', topicId })
    expect(partition!.records).toHaveLength(oneBatchBytes)
    const [unknown] = await fetched(node, [{}], {
      version: 13,
      topicId: 'BBBBBBBBBBBBBBBBBBBBBA',
    })
    expect(unknown).toMatchObject({ errorCode: 'UNKNOWN_TOPIC_ID', highWatermark: -1 })
  })

  test('refuses brokers that have no replica, by whichever field they say who they are', async () => {
    const { node, topicId } = await nodeWith('x')
    const errorFor = async (version: number, replicaId: number) => {
      const asked = { ...body([{}], { topicId }), replicaId: version < 15 ? replicaId : -1 }
      const replicaState = { replicaId: version < 15 ? -1 : replicaId, replicaEpoch: 1 }
      const { responses } = await node.ask(Fetch, version, { ...asked, replicaState })
      return responses[0]!.partitions[0]!.errorCode
    }
    for (const version of [14, 15, 17]) {
      expect(await errorFor(version, 9)).toBe('NOT_LEADER_OR_FOLLOWER')
      expect(await errorFor(version, -1)).toBe('NONE')
    }
  })

  test('gives the whole batch that an offset is in', async () => {
    const { node } = await nodeWith()
    await append(node, batch(['x', 'y', 'z']))
    const [partition] = await fetched(node, [{ fetchOffset: 2 }])
    expect(partition!.records!.readBigInt64BE(0)).toBe(0n)
  })

  test('gives the first batch even where it is larger than all limits', async () => {
    const { node } = await nodeWith('x', 'y')
    await append(node, batch(['z']), 1)
    const partitions = await fetched(
      node,
      [{ partitionMaxBytes: 1 }, { partition: 1, partitionMaxBytes: 1 }],
      { maxBytes: 1 },
    )
    expect(partitions.map(({ records }) => records?.length ?? 0)).toEqual([oneBatchBytes, 0])
  })

  test('has its turn when what was read for others is sent', async () => {
    const { node } = await nodeWith('x', 'y')
    const stalledBytes = 1 << 20
    const stalled = { overdue: () => undefined }
    expect(node.fetchMemory.grant()).toBe(true)
    const place = node.fetchMemory.settle(stalledBytes, stalled)
    const [nothing] = await fetched(node, [{}])
    expect(nothing).toMatchObject({ errorCode: 'NONE', highWatermark: 2 })
    expect(nothing!.records).toHaveLength(0)
    const waiting = fetched(node, [{}], { maxWaitMs: 100_000 })
    expect(node.fetchMemory.waitingCount).toBe(1)
    node.fetchMemory.give(stalledBytes, place)
    expect((await waiting)[0]!.records).toHaveLength(2 * oneBatchBytes)
    expect(node.fetchMemory.heldBytes).toBe(0)
  })

  test('is not answered when its client goes while it waits', async () => {
    const { node } = await nodeWith()
    const waiting = node.answer(Fetch, 12, body([{}], { maxWaitMs: 2 ** 31 - 1 }))
    node.connection.presence.leave('ended')
    expect(await waiting).toBe(SILENCE)
  })

  test('gives nothing at the end, and an error beyond it or before the start', async () => {
    const { node } = await nodeWith('x')
    const [end] = await fetched(node, [{ fetchOffset: 1 }])
    expect(end).toMatchObject({ errorCode: 'NONE', highWatermark: 1, logStartOffset: 0 })
    expect(end!.records).toHaveLength(0)
    for (const fetchOffset of [2, -1]) {
      const [beyond] = await fetched(node, [{ fetchOffset }])
      expect(beyond).toMatchObject({ errorCode: 'OFFSET_OUT_OF_RANGE' })
    }
  })

  test('waits for records at the end', async () => {
    const { node } = await nodeWith()
    const waiting = fetched(node, [{}], { maxWaitMs: 10_000 })
    await append(node, batch(['x']))
    expect((await waiting)[0]!.records).toHaveLength(oneBatchBytes)
  })

  test('waits for as many bytes as it was told to, and has them when several appends are written together', async () => {
    const { node } = await nodeWith()
    let isAnswered = false
    const waiting = fetched(node, [{}], { maxWaitMs: 2000, minBytes: 3 * oneBatchBytes })
    void waiting.then(() => (isAnswered = true))
    await append(node, batch(['x']))
    expect(isAnswered).toBe(false)
    await Promise.all([append(node, batch(['y'])), append(node, batch(['z']))])
    await new Promise((resolve) => setImmediate(resolve))
    expect(isAnswered).toBe(true)
    expect((await waiting)[0]!.records).toHaveLength(3 * oneBatchBytes)
  })

  test('fails alone when the second look, in the task of an append, does', async () => {
    const { node } = await nodeWith()
    const { replicas } = node
    const find = replicas.find.bind(replicas)
    let looks = 0
    // The fetch looks, and waits; the append looks; the fetch looks again.
    replicas.find = (topic, index) => {
      if (++looks === 3) throw new Error('a bug')
      return find(topic, index)
    }
    const waiting = fetched(node, [{}], { maxWaitMs: 100_000 })
    const failed = expect(waiting).rejects.toThrow('a bug')
    await append(node, batch(['x']))
    await failed
  })

  test('waits no longer than it was told to', async () => {
    const { node } = await nodeWith()
    const [partition] = await fetched(node, [{}], { maxWaitMs: 5 })
    expect(partition).toMatchObject({ errorCode: 'NONE', highWatermark: 0 })
  })

  test('does not wait when a partition has an error', async () => {
    const { node } = await nodeWith()
    const partitions = await fetched(node, [{}, { partition: 9 }], { maxWaitMs: 100_000 })
    expect(partitions.map(({ errorCode }) => errorCode)).toEqual([
      'NONE',
      'UNKNOWN_TOPIC_OR_PARTITION',
    ])
  })

  test('fences old leader epochs and knows no newer ones', async () => {
    const node = new TestNode()
    await node.addTopic('a', { partitions: [{ leaderEpoch: 4 }] })
    const errors = await Promise.all(
      [3, 4, 5].map(async (currentLeaderEpoch) => {
        const [partition] = await fetched(node, [{ currentLeaderEpoch }])
        return partition!.errorCode
      }),
    )
    expect(errors).toEqual(['FENCED_LEADER_EPOCH', 'NONE', 'UNKNOWN_LEADER_EPOCH'])
  })

  test('tells who leads instead', async () => {
    const node = new TestNode()
    await node.addTopic('a', {
      partitions: [{ replicas: [1, 2], isr: [1, 2], leader: 2, leaderEpoch: 5 }],
    })
    const [partition] = await fetched(node, [{ currentLeaderEpoch: 4 }])
    expect(partition).toMatchObject({
      errorCode: 'FENCED_LEADER_EPOCH',
      currentLeader: { leaderId: 2, leaderEpoch: 5 },
    })
  })

  test('tells where the leader is of what another broker has', async () => {
    const node = new TestNode()
    node.addBroker({ id: 2, rack: 'r' })
    const elsewhere = { replicas: [2], isr: [2], leader: 2, leaderEpoch: 5 }
    const topicId = await node.addTopic('a', { partitions: [elsewhere, {}] })
    for (const [version, asked] of [
      [12, {}],
      [17, { topicId }],
    ] as const) {
      const answer = await node.ask(Fetch, version, body([{}, { partition: 1 }], asked))
      expect(answer.responses[0]!.partitions).toMatchObject([
        { errorCode: 'NOT_LEADER_OR_FOLLOWER', currentLeader: { leaderId: 2, leaderEpoch: 5 } },
        { errorCode: 'NONE', currentLeader: { leaderId: -1, leaderEpoch: -1 } },
      ])
      const endpoint = { nodeId: 2, host: 'host2', port: 9002, rack: 'r' }
      expect(answer.nodeEndpoints).toEqual(version < 16 ? [] : [endpoint])
    }
  })

  test('tells of aborted transactions only where committed records are asked for', async () => {
    const { node } = await nodeWith('x')
    const [all] = await fetched(node, [{}])
    const [committed] = await fetched(node, [{}], { isolationLevel: 1 })
    expect(all!.abortedTransactions).toBeNull()
    expect(committed!.abortedTransactions).toEqual([])
  })

  test('in a session tells only what has changed', async () => {
    const { node } = await nodeWith('x')
    const first = await node.ask(
      Fetch,
      12,
      body([{ fetchOffset: 1 }, { partition: 1 }], { sessionEpoch: 0 }),
    )
    const { sessionId } = first
    expect(sessionId).toBeGreaterThan(0)
    expect(first.responses[0]!.partitions).toHaveLength(2)
    const nothing = await node.ask(Fetch, 12, body([], { sessionId, sessionEpoch: 1 }))
    expect(nothing.responses).toEqual([])
    await append(node, batch(['y']), 1)
    const changed = await node.ask(Fetch, 12, body([], { sessionId, sessionEpoch: 2 }))
    expect(changed.responses).toMatchObject([{ topic: 'a', partitions: [{ partitionIndex: 1 }] }])
  })

  test('in a session a full answer leaves out the partitions behind, which come first in the next one', async () => {
    const node = new TestNode()
    await node.addTopic('a', { partitions: [{}, {}, {}] })
    const partitions = [0, 1, 2].map((partition) => ({ partition }))
    const { sessionId } = await node.ask(Fetch, 12, body(partitions, { sessionEpoch: 0 }))
    for (const index of [0, 1, 2]) await append(node, batch(['x']), index)
    const next = async (sessionEpoch: number) => {
      const asked = body([], { sessionId, sessionEpoch, maxBytes: oneBatchBytes + 1 })
      const { responses } = await node.ask(Fetch, 12, asked)
      return responses[0]!.partitions.map((each) => [each.partitionIndex, each.records!.length])
    }
    // Partition 1 is looked at, and its records found to be too many; 2 isn't looked at.
    expect(await next(1)).toEqual([
      [0, oneBatchBytes],
      [1, 0],
    ])
    expect((await next(2))[0]).toEqual([1, oneBatchBytes])
    expect((await next(3))[0]).toEqual([2, oneBatchBytes])
  })

  test('knows no session that it did not give', async () => {
    const { node } = await nodeWith()
    const asked = body([{}], { sessionId: 99, sessionEpoch: 1 })
    expect(await node.ask(Fetch, 12, asked)).toMatchObject({
      errorCode: 'FETCH_SESSION_ID_NOT_FOUND',
      responses: [],
    })
  })
})
