import { AddOffsetsToTxn } from '../../protocol/messages/add-offsets-to-txn.ts'
import { TestNode } from './test-node.ts'
import {
  describeTransaction,
  initProducer,
  nodeWithTransactions,
} from './transactional-producer.ts'

describe('AddOffsetsToTxn', () => {
  test.each([0, 1, 2, 3, 4])('v%i takes the partition of the group’s offsets', async (version) => {
    const node = await nodeWithTransactions()
    await node.addGroups({ partitions: 5 })
    const producer = await initProducer(node)
    const answer = await node.ask(AddOffsetsToTxn, version, { ...producer, groupId: 'g' })
    expect(answer).toMatchObject({ errorCode: 'NONE' })
    expect(await describeTransaction(node)).toMatchObject({
      topics: [{ topic: '__consumer_offsets', partitions: [node.groups.partitionOf('g')] }],
    })
  })

  test.each([
    [1, 'INVALID_PRODUCER_EPOCH'],
    [2, 'PRODUCER_FENCED'],
  ])('v%i tells a producer of an earlier epoch %s', async (version, errorCode) => {
    const node = await nodeWithTransactions()
    const producer = await initProducer(node)
    await initProducer(node)
    const answer = await node.ask(AddOffsetsToTxn, version, { ...producer, groupId: 'g' })
    expect(answer).toMatchObject({ errorCode })
  })

  test('is refused where the transactional id is coordinated elsewhere', async () => {
    const body = { transactionalId: 'x', producerId: 1, producerEpoch: 0, groupId: 'g' }
    const answer = await new TestNode().ask(AddOffsetsToTxn, 4, body)
    expect(answer).toMatchObject({ errorCode: 'NOT_COORDINATOR' })
  })
})
