import { EndTxn } from '../../protocol/messages/end-txn.ts'
import { readBatches, readRecords } from '../../protocol/records/batch.ts'
import { decodeControlRecord } from '../../protocol/state/control-records.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { TestNode } from './test-node.ts'
import {
  addPartitions,
  initProducer,
  nodeWithTransactions,
  settled,
} from './transactional-producer.ts'
import type { Producer } from './transactional-producer.ts'

function endTxn(node: TestNode, producer: Producer, committed = true, version = 5) {
  return node.ask(EndTxn, version, { ...producer, committed })
}

/** What the control batches of a partition say. */
async function markersOf(node: TestNode, index: number): Promise<string[]> {
  const partition = node.replicas.find('t', index)
  if (typeof partition === 'string') throw new Error(partition)
  const { chunks } = await partition.log!.read(0, 1 << 20, 'logEnd', true)
  const codecs = nodeCodecs()
  return chunks.flatMap((chunk) =>
    [...readBatches(chunk)].flatMap((batch) =>
      [...readRecords(batch, codecs)].map(
        ({ key, value }) => decodeControlRecord(key!, value!)?.type ?? 'other',
      ),
    ),
  )
}

describe('EndTxn', () => {
  test.each([
    [0, true, 'COMMIT', 'CompleteCommit'],
    [4, false, 'ABORT', 'CompleteAbort'],
    [5, true, 'COMMIT', 'CompleteCommit'],
    [5, false, 'ABORT', 'CompleteAbort'],
  ] as const)('v%i, committed %s: each partition gets a marker', async (...wanted) => {
    const [version, committed, marker, state] = wanted
    const node = await nodeWithTransactions()
    const producer = await initProducer(node)
    await addPartitions(node, producer, { partitions: [0, 2] })
    expect(await endTxn(node, producer, committed, version)).toMatchObject({ errorCode: 'NONE' })
    await settled(node, state)
    expect(await markersOf(node, 0)).toEqual([marker])
    expect(await markersOf(node, 1)).toEqual([])
    expect(await markersOf(node, 2)).toEqual([marker])
  })

  test('v5 tells the epoch of the next transaction, and again to who asks again', async () => {
    const node = await nodeWithTransactions()
    const producer = await initProducer(node)
    await addPartitions(node, producer)
    const { producerId } = producer
    const answer = { errorCode: 'NONE', producerId, producerEpoch: 1 }
    expect(await endTxn(node, producer)).toMatchObject(answer)
    await settled(node, 'CompleteCommit')
    expect(await endTxn(node, producer)).toMatchObject(answer)
    expect(await endTxn(node, producer, false)).toMatchObject({ errorCode: 'INVALID_TXN_STATE' })
    expect(await endTxn(node, { ...producer, producerEpoch: 1 }, false)).toMatchObject({
      errorCode: 'NONE',
      producerEpoch: 2,
    })
  })

  test.each([
    [1, 'INVALID_PRODUCER_EPOCH'],
    [2, 'PRODUCER_FENCED'],
    [5, 'PRODUCER_FENCED'],
  ])('v%i tells a producer of an earlier epoch %s', async (version, errorCode) => {
    const node = await nodeWithTransactions()
    const producer = await initProducer(node)
    await addPartitions(node, await initProducer(node))
    expect(await endTxn(node, producer, true, version)).toMatchObject({ errorCode })
  })

  test('below v5 leaves the producer its epoch', async () => {
    const node = await nodeWithTransactions()
    const producer = await initProducer(node)
    for (const committed of [true, false]) {
      await addPartitions(node, producer)
      const { errorCode } = await endTxn(node, producer, committed, 4)
      expect(errorCode).toBe('NONE')
      await settled(node, committed ? 'CompleteCommit' : 'CompleteAbort')
    }
  })

  test('goes on without the partitions of a topic that was deleted', async () => {
    const node = await nodeWithTransactions()
    const producer = await initProducer(node)
    await addPartitions(node, producer)
    const topic = node.image.topics.byName.get('t')!
    const { byName, byId } = node.image.topics
    const topics = {
      byName: byName.with(new Map([['t', undefined]])),
      byId: byId.with(new Map([[topic.id, undefined]])),
    }
    node.image = { ...node.image, topics }
    await node.replicas.apply({ changed: [], deleted: [topic] })
    await endTxn(node, producer)
    await settled(node, 'CompleteCommit')
  })

  test('is refused where the transactional id is coordinated elsewhere', async () => {
    const producer = { transactionalId: 'x', producerId: 1, producerEpoch: 0 }
    const answer = await endTxn(new TestNode(), producer)
    const nobody = { producerId: -1, producerEpoch: -1 }
    expect(answer).toMatchObject({ errorCode: 'NOT_COORDINATOR', ...nobody })
  })
})
