import { encodeRequest } from '../support/raw-client.ts'
import { ListOffsets } from '../../protocol/messages/list-offsets.ts'
import { setBatchCrc } from '../../protocol/records/batch.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { TestNode, batch } from './test-node.ts'

const FIRST_MS = 1_700_000_000_000
const ATTRIBUTES_POSITION = 21
const LATEST = -1n
const EARLIEST = -2n
const MAX_TIMESTAMP = -3n

interface Asked {
  version?: number
  partitionIndex?: number
  currentLeaderEpoch?: number
  topic?: string
  isolationLevel?: number
}

/** Three records in two batches of leader epoch 3, at 0, 1 and 5 ms. */
async function node(): Promise<TestNode> {
  const made = new TestNode()
  await made.addTopic('a', { partitions: [{ leaderEpoch: 3 }, { leaderEpoch: 3 }] })
  const partition = made.replicas.find('a', 0)
  if (typeof partition === 'string') throw new Error(partition)
  for (const records of [
    batch(['x', 'y'], { timestamp: FIRST_MS }),
    batch(['z'], { timestamp: FIRST_MS + 5 }),
  ]) {
    await new Promise((resolve) => partition.append(records, -1, 'client', 1000, resolve))
  }
  return made
}

async function found(served: TestNode, timestamp: bigint, asked: Asked = {}) {
  const { version = 11, partitionIndex = 0, currentLeaderEpoch = -1, topic = 'a' } = asked
  const { isolationLevel = 0 } = asked
  const { topics } = await served.ask(ListOffsets, version, {
    replicaId: -1,
    isolationLevel,
    topics: [{ name: topic, partitions: [{ partitionIndex, currentLeaderEpoch, timestamp }] }],
  })
  return topics[0]!.partitions[0]!
}

describe('ListOffsets', () => {
  test('v0 is not served, and closes the connection', async () => {
    const frame = encodeRequest(ListOffsets, 1, { replicaId: -1, topics: [] })
    frame.writeInt16BE(0, 2)
    const outcome = await new TestNode().start(frame)
    expect(outcome).toMatchObject({ fault: expect.stringMatching(/v0: versions 1 to/) as string })
  })

  test('finds both ends', async () => {
    const served = await node()
    expect(await found(served, LATEST)).toMatchObject({
      errorCode: 'NONE',
      offset: 3,
      timestamp: -1n,
      leaderEpoch: 3,
    })
    expect(await found(served, EARLIEST)).toMatchObject({
      errorCode: 'NONE',
      offset: 0,
      timestamp: -1n,
      leaderEpoch: 3,
    })
  })

  test.each([
    [0, 0, 0],
    [1, 1, 1],
    [2, 2, 5],
    [5, 2, 5],
  ])('at %i ms finds the first record not before it', async (ms, offset, atMs) => {
    expect(await found(await node(), BigInt(FIRST_MS + ms))).toEqual({
      partitionIndex: 0,
      errorCode: 'NONE',
      offset,
      timestamp: BigInt(FIRST_MS + atMs),
      leaderEpoch: 3,
    })
  })

  test('finds nothing after the last record', async () => {
    expect(await found(await node(), BigInt(FIRST_MS + 6))).toMatchObject({
      errorCode: 'NONE',
      offset: -1,
      timestamp: -1n,
      leaderEpoch: -1,
    })
  })

  test('finds the record with the greatest timestamp', async () => {
    const served = await node()
    const last = { offset: 2, timestamp: BigInt(FIRST_MS + 5), leaderEpoch: 3 }
    expect(await found(served, MAX_TIMESTAMP, { version: 7 })).toMatchObject(last)
    const empty = await found(served, MAX_TIMESTAMP, { partitionIndex: 1 })
    expect(empty).toMatchObject({ errorCode: 'NONE', offset: -1, timestamp: -1n })
  })

  test('without remote storage all is local, and nothing else', async () => {
    const served = await node()
    expect(await found(served, -4n)).toMatchObject({ errorCode: 'NONE', offset: 0 })
    expect(await found(served, -5n)).toMatchObject({ errorCode: 'NONE', offset: -1 })
    expect(await found(served, -6n)).toMatchObject({ errorCode: 'NONE', offset: -1 })
  })

  test.each([
    [-3n, 6],
    [-4n, 7],
    [-5n, 8],
    [-6n, 10],
    [-7n, 11],
  ])('does not know %s in v%i', async (timestamp, version) => {
    expect(await found(await node(), timestamp, { version })).toMatchObject({
      errorCode: 'UNSUPPORTED_VERSION',
      offset: -1,
    })
  })

  test('fences old leader epochs and knows no newer ones', async () => {
    const served = await node()
    const errors = await Promise.all(
      [2, 3, 4].map(async (currentLeaderEpoch) => {
        return (await found(served, LATEST, { currentLeaderEpoch })).errorCode
      }),
    )
    expect(errors).toEqual(['FENCED_LEADER_EPOCH', 'NONE', 'UNKNOWN_LEADER_EPOCH'])
  })

  test('ends for read_committed where an open transaction begins, at the end and by time', async () => {
    const served = await node()
    const partition = served.replicas.find('a', 0)
    if (typeof partition === 'string') throw new Error(partition)
    const transaction = { producerId: 9, producerEpoch: 0, baseSequence: 0, isTransactional: true }
    const records = batch(['open'], { timestamp: FIRST_MS + 9, ...transaction })
    await new Promise((resolve) => partition.append(records, -1, 'client', 1000, resolve))
    const nothing = { errorCode: 'NONE', offset: -1, timestamp: -1n }
    const committed = { isolationLevel: 1 }
    expect(await found(served, LATEST)).toMatchObject({ offset: 4 })
    expect(await found(served, LATEST, committed)).toMatchObject({ offset: 3 })
    const atOpen = BigInt(FIRST_MS + 6)
    expect(await found(served, atOpen)).toMatchObject({ offset: 3 })
    expect(await found(served, atOpen, committed)).toMatchObject(nothing)
    expect(await found(served, MAX_TIMESTAMP)).toMatchObject({ offset: 3 })
    expect(await found(served, MAX_TIMESTAMP, committed)).toMatchObject(nothing)
    expect(await found(served, BigInt(FIRST_MS + 5), committed)).toMatchObject({ offset: 2 })
  })

  test('refuses a partition that occurs twice, and one that there is not', async () => {
    const served = await node()
    const partition = { partitionIndex: 0, currentLeaderEpoch: -1, timestamp: LATEST }
    const { topics } = await served.ask(ListOffsets, 11, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name: 'a', partitions: [partition, partition] }],
    })
    expect(topics[0]!.partitions[0]).toMatchObject({ errorCode: 'INVALID_REQUEST' })
    expect(await found(served, LATEST, { topic: 'nope' })).toMatchObject({
      errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
    })
  })

  test('says that records are damaged, of the partition that has them only', async () => {
    const served = await node()
    const partition = served.replicas.find('a', 1)
    if (typeof partition === 'string') throw new Error(partition)
    const damaged = batch(['x'], { timestamp: FIRST_MS })
    // No gzip, whatever the batch says of itself: a checksum that fits makes nobody look, and a coordinator is believed.
    damaged.writeInt16BE(1, ATTRIBUTES_POSITION)
    setBatchCrc(damaged, 0, nodeCodecs().crc32c)
    await new Promise((resolve) => partition.append(damaged, -1, 'coordinator', 1000, resolve))
    const { topics } = await served.ask(ListOffsets, 11, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [
        {
          name: 'a',
          partitions: [0, 1].map((partitionIndex) => ({
            partitionIndex,
            currentLeaderEpoch: -1,
            timestamp: BigInt(FIRST_MS),
          })),
        },
      ],
    })
    expect(topics[0]!.partitions).toMatchObject([
      { errorCode: 'NONE', offset: 0 },
      { errorCode: 'CORRUPT_MESSAGE', offset: -1 },
    ])
  })
})
