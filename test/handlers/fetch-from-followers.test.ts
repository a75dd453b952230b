import { Fetch } from '../../protocol/messages/fetch.ts'
import { ListOffsets } from '../../protocol/messages/list-offsets.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { PartitionImage } from '../../src/metadata/image.ts'
import type { Partition } from '../../src/replication/partition/partition.ts'
import { TestNode, batch } from './test-node.ts'
import { partitionOf, writeMarker, writeOpen } from './transaction-client.ts'

const SELECTOR = 'org.apache.kafka.common.replica.RackAwareReplicaSelector'
const EPOCH = 5

interface Asked {
  readonly version?: number
  readonly rackId?: string
  readonly fetchOffset?: number
  readonly currentLeaderEpoch?: number
  readonly lastFetchedEpoch?: number
  readonly isolationLevel?: number
  readonly maxWaitMs?: number
  readonly minBytes?: number
  readonly sessionId?: number
  readonly sessionEpoch?: number
  readonly replicaId?: number
}

/** Fetches `a-0`. */
async function answerTo(node: TestNode, asked: Asked = {}) {
  const { version = 12, rackId = '', fetchOffset = 0, lastFetchedEpoch = -1 } = asked
  const isAgain = (asked.sessionEpoch ?? -1) > 0
  return node.ask(Fetch, version, {
    replicaId: asked.replicaId ?? -1,
    maxWaitMs: asked.maxWaitMs ?? 0,
    minBytes: asked.minBytes ?? 1,
    isolationLevel: asked.isolationLevel ?? 0,
    sessionId: asked.sessionId ?? 0,
    sessionEpoch: asked.sessionEpoch ?? -1,
    ...(version >= 11 && { rackId }),
    topics: isAgain
      ? []
      : [
          {
            topic: 'a',
            topicId: ZERO_UUID,
            partitions: [
              {
                partition: 0,
                fetchOffset,
                lastFetchedEpoch,
                currentLeaderEpoch: asked.currentLeaderEpoch ?? -1,
                partitionMaxBytes: 1 << 20,
              },
            ],
          },
        ],
  })
}

async function fetched(node: TestNode, asked: Asked = {}) {
  const { responses } = await answerTo(node, asked)
  return responses[0]!.partitions[0]!
}

const ALL = { replicas: [1, 2, 3, 4], isr: [1, 2, 3, 4], leaderEpoch: EPOCH, partitionEpoch: 1 }

describe('A leader whose clients may read from followers', () => {
  /** Leads `a-0` with three records, of which broker 2 has one, and 3 and 4 all; it is in rack `near`, these are in `far`. */
  async function leader(
    settings: Readonly<Record<string, string>> = { 'replica.selector.class': SELECTOR },
    assignment: Partial<PartitionImage> = {},
  ): Promise<TestNode> {
    const node = new TestNode(settings)
    node.addBroker({ id: 1, rack: 'near' })
    for (const id of [2, 3, 4]) node.addBroker({ id, rack: 'far' })
    await node.addTopic('a', { partitions: [{ ...ALL, ...assignment }] })
    await append(partitionOf(node, 'a'), 'x', 'y', 'z')
    for (const [replicaId, fetchOffset] of [
      [2, 1],
      [3, 3],
      [4, 3],
    ] as const) {
      await fetched(node, { replicaId, fetchOffset, currentLeaderEpoch: EPOCH })
    }
    return node
  }

  async function append(partition: Partition, ...values: string[]): Promise<void> {
    for (const value of values) {
      await new Promise((resolve) => partition.append(batch([value]), 1, 'client', 1000, resolve))
    }
  }

  test.each([11, 12])(
    'sends them to the one in their rack that has most, at once (v%i)',
    async (version) => {
      const node = await leader()
      const asked = { version, rackId: 'far', maxWaitMs: 3000, minBytes: 1 << 20, fetchOffset: 1 }
      expect(await fetched(node, asked)).toMatchObject({
        errorCode: 'NONE',
        preferredReadReplica: 4,
        highWatermark: 1,
        records: Buffer.alloc(0),
      })
    },
  )

  test('knows by which connection each follower fetches, and takes no one else for one', async () => {
    const node = await leader()
    const { presence } = node.connection
    expect([...node.followedBy]).toEqual([2, 3, 4].map((id) => [id, presence]))
    node.followedBy.clear()
    for (const asked of [
      { replicaId: 7, currentLeaderEpoch: EPOCH },
      { replicaId: 2, currentLeaderEpoch: EPOCH - 1 },
      { replicaId: 2, currentLeaderEpoch: EPOCH, fetchOffset: 100 },
      { replicaId: 1 },
      {},
    ]) {
      await fetched(node, { fetchOffset: 1, ...asked })
    }
    expect(node.followedBy.size).toBe(0)
  })

  test('sends them to the one that was caught up last, where several have as much', async () => {
    const node = await leader()
    await append(partitionOf(node, 'a'), 'more')
    node.clock.skip(10)
    for (const replicaId of [3, 4]) {
      await fetched(node, { replicaId, fetchOffset: 3, currentLeaderEpoch: EPOCH })
    }
    node.clock.skip(10)
    await fetched(node, { replicaId: 3, fetchOffset: 4, currentLeaderEpoch: EPOCH })
    await append(partitionOf(node, 'a'), 'still more')
    await fetched(node, { replicaId: 4, fetchOffset: 4, currentLeaderEpoch: EPOCH })
    expect(await fetched(node, { rackId: 'far' })).toMatchObject({ preferredReadReplica: 3 })
  })

  test('says so in each answer of a session', async () => {
    const node = await leader()
    const first = await answerTo(node, { rackId: 'far', sessionEpoch: 0 })
    const { sessionId } = first
    const second = await answerTo(node, { rackId: 'far', sessionId, sessionEpoch: 1 })
    const preferred = [first, second].map(
      ({ responses }) => responses[0]!.partitions[0]!.preferredReadReplica,
    )
    expect(preferred).toEqual([4, 4])
  })

  test.each<[string, Asked]>([
    ['are in a rack without a replica', { rackId: 'elsewhere' }],
    ['say no rack', {}],
    ['are too old to be sent on', { version: 10 }],
  ])('serves those who %s', async (_, asked) => {
    const answer = await fetched(await leader(), asked)
    expect(answer).toMatchObject({ errorCode: 'NONE', preferredReadReplica: -1 })
    expect(answer.records).toHaveLength(batch(['x']).length)
  })

  test('serves those who are in its own rack, also where a follower is', async () => {
    const node = await leader()
    node.addBroker({ id: 4, rack: 'near' })
    const answer = await fetched(node, { rackId: 'near' })
    expect(answer).toMatchObject({ errorCode: 'NONE', preferredReadReplica: -1 })
  })

  test.each<[string, (node: TestNode) => void, Partial<PartitionImage>]>([
    ['is fenced', (node) => node.addBroker({ id: 4, rack: 'far', fenced: true }), {}],
    ['is not in sync', () => undefined, { isr: [1, 2, 3] }],
    ['has no such listener', (node) => node.addBroker({ id: 4, rack: 'far', endPoints: [] }), {}],
    ['is in another rack by now', (node) => node.addBroker({ id: 4, rack: 'near' }), {}],
  ])('sends nobody to a replica that %s', async (_, change, assignment) => {
    const node = await leader(undefined, assignment)
    change(node)
    expect(await fetched(node, { rackId: 'far' })).toMatchObject({ preferredReadReplica: 3 })
  })

  test('sends nobody to a replica that lacks the offset, or has it no more', async () => {
    const node = await leader(undefined, { isr: [1, 2] })
    expect((await fetched(node, { rackId: 'far', fetchOffset: 1 })).preferredReadReplica).toBe(2)
    expect((await fetched(node, { rackId: 'far', fetchOffset: 2 })).preferredReadReplica).toBe(-1)
    const position = { fetchOffset: 1, logStartOffset: 1, currentLeaderEpoch: EPOCH }
    const follower = { brokerId: 2, brokerEpoch: -1 }
    partitionOf(node, 'a').followerFetched(follower, { ...position, lastFetchedEpoch: -1 })
    expect((await fetched(node, { rackId: 'far', fetchOffset: 0 })).preferredReadReplica).toBe(-1)
  })

  test('tells one who takes another epoch for current, before it sends anybody on', async () => {
    const asked = { rackId: 'far', currentLeaderEpoch: EPOCH - 1 }
    expect(await fetched(await leader(), asked)).toMatchObject({
      errorCode: 'FENCED_LEADER_EPOCH',
      preferredReadReplica: -1,
    })
  })

  test('serves all of them without replica.selector.class', async () => {
    const answer = await fetched(await leader({}), { rackId: 'far' })
    expect(answer).toMatchObject({ errorCode: 'NONE', preferredReadReplica: -1 })
    expect(answer.records).not.toHaveLength(0)
  })
})

describe('A follower that consumers read from', () => {
  /** Follows broker 2 in `a-0`. */
  async function follower(): Promise<{ node: TestNode; partition: Partition }> {
    const node = new TestNode()
    await node.addTopic('a', { partitions: [{ ...ALL, leader: 2 }] })
    return { node, partition: partitionOf(node, 'a') }
  }

  /** Takes batches over from the leader, which have offsets and epoch already. */
  function take(partition: Partition, records: Buffer): Promise<unknown> {
    return new Promise((resolve) => partition.appendAsFollower(records, EPOCH, resolve))
  }

  function record(baseOffset: number, leaderEpoch = EPOCH): Buffer {
    const bytes = batch([`${baseOffset}`])
    bytes.writeBigInt64BE(BigInt(baseOffset), 0)
    bytes.writeInt32BE(leaderEpoch, 12)
    return bytes
  }

  const oneBytes = record(0).length

  /** With records 0, 1 and 2, of which it knows two as replicated. */
  async function withThree() {
    const made = await follower()
    await take(made.partition, Buffer.concat([record(0), record(1), record(2)]))
    made.partition.followOffsets(EPOCH, 2, 0)
    return made
  }

  test.each([11, 12])(
    'gives them what it knows as replicated, and no more (v%i)',
    async (version) => {
      const { node } = await withThree()
      const answer = await fetched(node, { version, currentLeaderEpoch: EPOCH })
      expect(answer).toMatchObject({ errorCode: 'NONE', highWatermark: 2, lastStableOffset: 2 })
      expect(answer.records).toHaveLength(2 * oneBytes)
    },
  )

  test('has those wait who are ahead of it, and sends those to the leader who are beyond its log', async () => {
    const { node } = await withThree()
    for (const fetchOffset of [2, 3]) {
      const answer = await fetched(node, { fetchOffset })
      expect(answer).toMatchObject({ errorCode: 'NONE', records: Buffer.alloc(0) })
    }
    const beyond = await fetched(node, { fetchOffset: 4, maxWaitMs: 60_000 })
    expect(beyond.errorCode).toBe('NOT_LEADER_OR_FOLLOWER')
  })

  test('answers one who waits as the high watermark moves, with as much as was asked for', async () => {
    const { node, partition } = await follower()
    const got: number[] = []
    const waiting = fetched(node, { maxWaitMs: 60_000, minBytes: 2 * oneBytes }).then(
      ({ records }) => got.push(records?.length ?? 0),
    )
    await take(partition, record(0))
    partition.followOffsets(EPOCH, 0, 0)
    partition.followOffsets(EPOCH, 1, 0)
    await take(partition, Buffer.concat([record(1), record(2)]))
    expect(got).toEqual([])
    partition.followOffsets(EPOCH, 3, 0)
    await waiting
    expect(got).toEqual([3 * oneBytes])
  })

  test('answers one who waits as soon as it leads', async () => {
    const { node, partition } = await withThree()
    const waiting = fetched(node, { fetchOffset: 2, maxWaitMs: 60_000, currentLeaderEpoch: EPOCH })
    partition.update({ ...partition.assignment, leader: 1, leaderEpoch: EPOCH + 1 })
    expect(await waiting).toMatchObject({ errorCode: 'FENCED_LEADER_EPOCH' })
  })

  test.each([
    [EPOCH - 1, 'FENCED_LEADER_EPOCH'],
    [EPOCH + 1, 'UNKNOWN_LEADER_EPOCH'],
  ])('tells those who take epoch %i for current: %s', async (currentLeaderEpoch, errorCode) => {
    const { node } = await withThree()
    expect(await fetched(node, { currentLeaderEpoch })).toMatchObject({ errorCode })
  })

  test('tells them where their history leaves its own', async () => {
    const { node, partition } = await follower()
    await take(partition, Buffer.concat([record(0, 3), record(1, 5)]))
    partition.followOffsets(EPOCH, 2, 0)
    const answer = await fetched(node, { fetchOffset: 2, lastFetchedEpoch: 4, maxWaitMs: 60_000 })
    expect(answer.divergingEpoch).toEqual({ epoch: 3, endOffset: 1 })
    partition.followOffsets(EPOCH, 2, 1)
    const gone = await fetched(node, { fetchOffset: 0, lastFetchedEpoch: 7 })
    expect(gone.errorCode).toBe('NOT_LEADER_OR_FOLLOWER')
  })

  test('tells those whose records are gone so when it leads, wherever their history leaves its own', async () => {
    const { node, partition } = await follower()
    await take(partition, Buffer.concat([record(0, 2), record(1, 3)]))
    partition.followOffsets(EPOCH, 2, 1)
    partition.update({ ...partition.assignment, leader: 1, leaderEpoch: EPOCH + 1 })
    const left = await fetched(node, { fetchOffset: 2, lastFetchedEpoch: EPOCH })
    expect(left.divergingEpoch).toEqual({ epoch: 3, endOffset: 2 })
    const gone = await fetched(node, { fetchOffset: 0, lastFetchedEpoch: EPOCH })
    expect(gone.errorCode).toBe('OFFSET_OUT_OF_RANGE')
  })

  test('gives readers of what is decided that, with what was aborted', async () => {
    const source = new TestNode()
    await source.addTopic('t')
    await writeOpen(source, 't')
    await writeMarker(source, { commits: false })
    await writeOpen(source, 't', { baseSequence: 1 })
    const read = await partitionOf(source, 't').log!.read(0, 1 << 20, 'logEnd', true)
    const records = Buffer.concat(read.chunks)
    for (let at = 0; at < records.length; at += 12 + records.readInt32BE(at + 8)) {
      records.writeInt32BE(EPOCH, at + 12)
    }
    const { node, partition } = await follower()
    await take(partition, records)
    partition.followOffsets(EPOCH, 1, 0)
    const isolationLevel = 1
    expect(await fetched(node, { isolationLevel })).toMatchObject({ lastStableOffset: 0 })
    const waiting = fetched(node, { isolationLevel, maxWaitMs: 60_000 })
    partition.followOffsets(EPOCH, 3, 0)
    const answer = await waiting
    expect(answer).toMatchObject({ highWatermark: 3, lastStableOffset: 2 })
    expect(answer.abortedTransactions).toMatchObject([{ firstOffset: 0 }])
    expect(answer.records).not.toHaveLength(0)
  })

  test('sends those to the leader who can not say their rack, other followers, and who asks for offsets', async () => {
    const { node } = await withThree()
    expect(await fetched(node, { version: 10 })).toMatchObject({
      errorCode: 'NOT_LEADER_OR_FOLLOWER',
    })
    expect(await fetched(node, { replicaId: 3 })).toMatchObject({
      errorCode: 'NOT_LEADER_OR_FOLLOWER',
    })
    const { topics } = await node.ask(ListOffsets, 7, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [
        {
          name: 'a',
          partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1n }],
        },
      ],
    })
    expect(topics[0]!.partitions[0]!.errorCode).toBe('NOT_LEADER_OR_FOLLOWER')
  })

  test('sends them to the leader while its log is being cut, which waits for those who read', async () => {
    const { node, partition } = await withThree()
    let goOn = (): void => undefined
    const cut = partition.cut(EPOCH, async (log) => {
      await new Promise<void>((resolve) => (goOn = resolve))
      await log.truncateTo(1)
    })
    expect(await fetched(node)).toMatchObject({ errorCode: 'NOT_LEADER_OR_FOLLOWER' })
    goOn()
    await cut
    expect(await fetched(node)).toMatchObject({ errorCode: 'NONE', highWatermark: 1 })
  })
})
