import { DescribeProducers } from '../../protocol/messages/describe-producers.ts'
import { WriteTxnMarkers } from '../../protocol/messages/write-txn-markers.ts'
import { guardedNode } from './test-authorizer.ts'
import { TestNode } from './test-node.ts'
import {
  fetchCommitted,
  markerFor,
  partitionOf,
  PRODUCER,
  writeMarker,
  writeOpen,
} from './transaction-client.ts'

async function nodeWithTopic(): Promise<TestNode> {
  const node = new TestNode()
  await node.addTopic('t', { partitions: [{}, { leader: 2, replicas: [1, 2] }] })
  return node
}

describe('WriteTxnMarkers', () => {
  test.each([1, 2])('v%i ends a transaction, which can be read from then on', async (version) => {
    const node = await nodeWithTopic()
    await writeOpen(node, 't', { values: ['a', 'b'] })
    expect(await fetchCommitted(node, 't')).toMatchObject({
      lastStableOffset: 0,
      records: Buffer.alloc(0),
    })
    expect(await writeMarker(node, { version })).toEqual(['NONE'])
    const read = await fetchCommitted(node, 't')
    expect(read).toMatchObject({ lastStableOffset: 3, abortedTransactions: [] })
    expect(read.records!.length).toBeGreaterThan(0)
  })

  test('tells of what was aborted', async () => {
    const node = await nodeWithTopic()
    await writeOpen(node, 't', { values: ['a', 'b'] })
    expect(await writeMarker(node, { commits: false })).toEqual(['NONE'])
    const { abortedTransactions } = await fetchCommitted(node, 't')
    expect(abortedTransactions).toEqual([{ producerId: PRODUCER, firstOffset: 0 }])
  })

  test('wakes a read_committed fetch that waits at the open transaction', async () => {
    const node = await nodeWithTopic()
    await writeOpen(node, 't')
    const fetched = fetchCommitted(node, 't', { maxWaitMs: 3_600_000 })
    await writeOpen(node, 't', { baseSequence: 1 })
    await writeMarker(node)
    expect(await fetched).toMatchObject({ lastStableOffset: 3, highWatermark: 3 })
  })

  test('refuses old epochs of the producer and of the coordinator', async () => {
    const node = await nodeWithTopic()
    await writeOpen(node, 't', { producerEpoch: 2 })
    expect(await writeMarker(node, { producerEpoch: 1 })).toEqual(['INVALID_PRODUCER_EPOCH'])
    const bumped = { producerEpoch: 2, transactionVersion: 2 }
    expect(await writeMarker(node, bumped)).toEqual(['INVALID_PRODUCER_EPOCH'])
    expect(await writeMarker(node, { producerEpoch: 2, coordinatorEpoch: 4 })).toEqual(['NONE'])
    const older = { producerEpoch: 2, coordinatorEpoch: 3 }
    expect(await writeMarker(node, older)).toEqual(['TRANSACTION_COORDINATOR_FENCED'])
  })

  test('answers for each partition, and once for each producer', async () => {
    const node = await nodeWithTopic()
    const topics = [
      { name: 't', partitionIndexes: [0, 1, 7] },
      { name: 'nowhere', partitionIndexes: [0] },
    ]
    const markers = [
      markerFor({ topics }),
      markerFor({ producerId: 5, topics: [] }),
      markerFor({ topics: [{ name: 'nowhere', partitionIndexes: [1] }] }),
    ]
    const answer = await node.ask(WriteTxnMarkers, 2, { markers })
    const unknown = (partitionIndex: number) => ({
      partitionIndex,
      errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
    })
    expect(answer.markers).toEqual([
      {
        producerId: PRODUCER,
        topics: [
          {
            name: 't',
            partitions: [
              { partitionIndex: 0, errorCode: 'NONE' },
              { partitionIndex: 1, errorCode: 'NOT_LEADER_OR_FOLLOWER' },
              unknown(7),
            ],
          },
          { name: 'nowhere', partitions: [unknown(0), unknown(1)] },
        ],
      },
    ])
  })

  test('of a producer that can’t be is refused', async () => {
    const node = await nodeWithTopic()
    expect(await writeMarker(node, { producerId: -1 })).toEqual(['UNKNOWN_SERVER_ERROR'])
    expect(await writeMarker(node, { producerEpoch: -1 })).toEqual(['UNKNOWN_SERVER_ERROR'])
    expect(partitionOf(node, 't').log!.logEndOffset).toBe(0)
  })

  test('waits for the in-sync replicas', async () => {
    const node = new TestNode({ 'request.timeout.ms': '50' })
    await node.addTopic('t', { partitions: [{ replicas: [1, 2], isr: [1, 2] }] })
    expect(await writeMarker(node)).toEqual(['REQUEST_TIMED_OUT'])
    expect(partitionOf(node, 't').log!.logEndOffset).toBe(1)
  })

  test('shows in DescribeProducers, and so does the transaction before it', async () => {
    const node = await nodeWithTopic()
    const described = async () => {
      const asked = { topics: [{ name: 't', partitionIndexes: [0] }] }
      const { topics } = await node.ask(DescribeProducers, 0, asked)
      const { producerEpoch, coordinatorEpoch, currentTxnStartOffset } =
        topics[0]!.partitions[0]!.activeProducers[0]!
      return { producerEpoch, coordinatorEpoch, currentTxnStartOffset }
    }
    await writeOpen(node, 't', { producerEpoch: 3 })
    const open = { producerEpoch: 3, coordinatorEpoch: -1, currentTxnStartOffset: 0 }
    expect(await described()).toEqual(open)
    await writeMarker(node, { producerEpoch: 4, coordinatorEpoch: 9, transactionVersion: 2 })
    const ended = { producerEpoch: 4, coordinatorEpoch: 9, currentTxnStartOffset: -1 }
    expect(await described()).toEqual(ended)
  })

  test('is for brokers, and for who may alter the cluster', async () => {
    const { node, authorizer } = await guardedNode()
    expect(await writeMarker(node)).toEqual(['CLUSTER_AUTHORIZATION_FAILED'])
    expect(partitionOf(node, 't').log!.logEndOffset).toBe(0)
    authorizer.allows = (operation) => operation === 'CLUSTER_ACTION'
    expect(await writeMarker(node)).toEqual(['NONE'])
    authorizer.allows = (operation) => operation === 'ALTER'
    expect(await writeMarker(node)).toEqual(['NONE'])
  })
})
