import { AddPartitionsToTxn } from '../../protocol/messages/add-partitions-to-txn.ts'
import { EndTxn } from '../../protocol/messages/end-txn.ts'
import { guardedNode } from './test-authorizer.ts'
import { TestNode } from './test-node.ts'
import {
  addPartitions,
  describeTransaction,
  initProducer,
  nodeWithTransactions,
} from './transactional-producer.ts'
import type { Producer } from './transactional-producer.ts'

/** As a producer asks, and the errors of the partitions. */
async function ask(
  node: TestNode,
  producer: Producer,
  { partitions = [0], topic = 't', version = 3 } = {},
): Promise<string[]> {
  const { resultsByTopicV3AndBelow } = await node.ask(AddPartitionsToTxn, version, {
    v3AndBelowTransactionalId: producer.transactionalId,
    v3AndBelowProducerId: producer.producerId,
    v3AndBelowProducerEpoch: producer.producerEpoch,
    v3AndBelowTopics: [{ name: topic, partitions }],
  })
  return resultsByTopicV3AndBelow.flatMap(({ resultsByPartition }) =>
    resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode),
  )
}

describe('AddPartitionsToTxn of a producer', () => {
  test.each([0, 1, 2, 3])('v%i takes partitions into the transaction', async (version) => {
    const node = await nodeWithTransactions()
    const producer = await initProducer(node)
    const errors = await ask(node, producer, { partitions: [0, 2], version })
    expect(errors).toEqual(['NONE', 'NONE'])
    expect(await describeTransaction(node)).toMatchObject({
      transactionState: 'Ongoing',
      topics: [{ topic: 't', partitions: [0, 2] }],
    })
  })

  test('takes none where one of them does not exist', async () => {
    const node = await nodeWithTransactions()
    const producer = await initProducer(node)
    expect(await ask(node, producer, { partitions: [0, 3] })).toEqual([
      'OPERATION_NOT_ATTEMPTED',
      'UNKNOWN_TOPIC_OR_PARTITION',
    ])
    expect(await describeTransaction(node)).toMatchObject({ transactionState: 'Empty' })
  })

  test('takes no partition of an internal topic', async () => {
    const node = await nodeWithTransactions()
    const producer = await initProducer(node)
    const errors = await ask(node, producer, { topic: '__transaction_state' })
    expect(errors).toEqual(['TOPIC_AUTHORIZATION_FAILED'])
  })

  test('takes none where the producer may not write to one', async () => {
    const { node, authorizer } = await guardedNode()
    authorizer.allows = () => true
    await node.addTransactions()
    const producer = await initProducer(node)
    await node.addTopic('u')
    authorizer.allows = (_operation, _type, name) => name !== 'u'
    const { resultsByTopicV3AndBelow } = await node.ask(AddPartitionsToTxn, 3, {
      v3AndBelowTransactionalId: 'x',
      v3AndBelowProducerId: producer.producerId,
      v3AndBelowProducerEpoch: producer.producerEpoch,
      v3AndBelowTopics: ['t', 'u'].map((name) => ({ name, partitions: [0] })),
    })
    const errors = ['OPERATION_NOT_ATTEMPTED', 'TOPIC_AUTHORIZATION_FAILED'] as const
    expect(resultsByTopicV3AndBelow).toMatchObject(
      errors.map((partitionErrorCode) => ({ resultsByPartition: [{ partitionErrorCode }] })),
    )
  })

  test.each([
    [1, 'INVALID_PRODUCER_EPOCH'],
    [2, 'PRODUCER_FENCED'],
  ])('v%i tells a producer of an earlier epoch %s', async (version, error) => {
    const node = await nodeWithTransactions()
    const producer = await initProducer(node)
    await initProducer(node)
    expect(await ask(node, producer, { version })).toEqual([error])
  })

  test('is refused where the transactional id is coordinated elsewhere', async () => {
    const node = new TestNode()
    await node.addTopic('t')
    const producer = { transactionalId: 'x', producerId: 1, producerEpoch: 0 }
    expect(await ask(node, producer)).toEqual(['NOT_COORDINATOR'])
  })
})

describe('AddPartitionsToTxn of a broker', () => {
  test('verifies and adds partitions of several transactions at once', async () => {
    const node = await nodeWithTransactions()
    const [first, second] = [await initProducer(node, 'first'), await initProducer(node, 'second')]
    await addPartitions(node, first, { partitions: [1] })
    const topics = [{ name: 't', partitions: [0, 1] }]
    const { errorCode, resultsByTransaction } = await node.ask(AddPartitionsToTxn, 5, {
      transactions: [
        { ...first, verifyOnly: true, topics },
        { ...second, verifyOnly: false, topics },
        { ...second, transactionalId: 'third', verifyOnly: true, topics },
      ],
    })
    expect(errorCode).toBe('NONE')
    const errors = resultsByTransaction.map(({ transactionalId, topicResults }) => [
      transactionalId,
      ...topicResults[0]!.resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode),
    ])
    expect(errors).toEqual([
      ['first', 'TRANSACTION_ABORTABLE', 'NONE'],
      ['second', 'NONE', 'NONE'],
      ['third', 'INVALID_PRODUCER_ID_MAPPING', 'INVALID_PRODUCER_ID_MAPPING'],
    ])
    expect(await describeTransaction(node, 'second')).toMatchObject({
      topics: [{ topic: 't', partitions: [0, 1] }],
    })
  })

  test('has the next transaction wait for the end of the one before', async () => {
    const node = await nodeWithTransactions()
    const producer = await initProducer(node)
    await addPartitions(node, producer)
    const [ended, errors] = await Promise.all([
      node.ask(EndTxn, 5, { ...producer, committed: true }),
      ask(node, { ...producer, producerEpoch: 1 }),
    ])
    expect(ended).toMatchObject({ errorCode: 'NONE', producerEpoch: 1 })
    expect(errors).toEqual(['CONCURRENT_TRANSACTIONS'])
  })
})
