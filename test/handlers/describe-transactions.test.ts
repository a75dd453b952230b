import { DescribeTransactions } from '../../protocol/messages/describe-transactions.ts'
import { guardedNode } from './test-authorizer.ts'
import { TestNode } from './test-node.ts'
import {
  addPartitions,
  describeTransaction,
  initProducer,
  nodeWithTransactions,
} from './transactional-producer.ts'

describe('DescribeTransactions', () => {
  test('tells the producer of a transaction, its partitions and since when it is open', async () => {
    const node = await nodeWithTransactions()
    const { producerId } = await initProducer(node)
    const before = node.clock.now()
    await addPartitions(node, { transactionalId: 'x', producerId, producerEpoch: 0 })
    const described = await describeTransaction(node)
    expect(described).toMatchObject({
      errorCode: 'NONE',
      transactionalId: 'x',
      transactionState: 'Ongoing',
      transactionTimeoutMs: 60_000,
      producerId,
      producerEpoch: 0,
      topics: [{ topic: 't', partitions: [0] }],
    })
    expect(described.transactionStartTimeMs).toBeGreaterThanOrEqual(before)
  })

  test('has an error for each id that it can say nothing of', async () => {
    const node = await nodeWithTransactions()
    const body = { transactionalIds: ['', 'unknown'] }
    const { transactionStates } = await node.ask(DescribeTransactions, 0, body)
    expect(transactionStates.map(({ errorCode }) => errorCode)).toEqual([
      'INVALID_REQUEST',
      'TRANSACTIONAL_ID_NOT_FOUND',
    ])
    expect((await describeTransaction(new TestNode())).errorCode).toBe('NOT_COORDINATOR')
  })

  test('leaves out topics that the principal may not describe', async () => {
    const { node, authorizer } = await guardedNode()
    authorizer.allows = () => true
    await node.addTransactions()
    await node.addTopic('u')
    const producer = await initProducer(node)
    await addPartitions(node, producer)
    await addPartitions(node, producer, { topic: 'u' })
    authorizer.allows = (_operation, _type, name) => name !== 't'
    const { topics } = await describeTransaction(node)
    expect(topics).toEqual([{ topic: 'u', partitions: [0] }])
  })
})
