import { InitProducerId } from '../../protocol/messages/init-producer-id.ts'
import { TestNode } from './test-node.ts'
import { addPartitions, initProducer, nodeWithTransactions } from './transactional-producer.ts'

const idempotent = { transactionalId: null, transactionTimeoutMs: 60_000 }

describe('InitProducerId', () => {
  test.each([0, 1, 2, 3, 4, 5])('v%i gives each producer an id of its own', async (version) => {
    const node = new TestNode()
    const answers = [
      await node.ask(InitProducerId, version, idempotent),
      await node.ask(InitProducerId, version, idempotent),
    ]
    expect(answers).toMatchObject([
      { errorCode: 'NONE', producerId: 7000, producerEpoch: 0 },
      { errorCode: 'NONE', producerId: 7001, producerEpoch: 0 },
    ])
  })

  test('gives a new id to who wants a new epoch, whatever id it names', async () => {
    const node = new TestNode()
    const asked = { ...idempotent, producerId: 2n ** 63n - 1n, producerEpoch: 3 }
    const answer = await node.ask(InitProducerId, 5, asked)
    expect(answer).toMatchObject({ errorCode: 'NONE', producerId: 7000, producerEpoch: 0 })
  })

  test.each([
    [7, -1],
    [-1, 0],
  ])('refuses an id without an epoch, and the other way round: %i/%i', async (...named) => {
    const [producerId, producerEpoch] = named
    for (const transactionalId of [null, 'x']) {
      const asked = { ...idempotent, transactionalId, producerId, producerEpoch }
      const answer = await (await nodeWithTransactions()).ask(InitProducerId, 5, asked)
      expect(answer).toMatchObject({
        errorCode: 'INVALID_REQUEST',
        producerId: -1,
        producerEpoch: -1,
      })
    }
  })
})

describe('InitProducerId of a transactional producer', () => {
  const transactional = { ...idempotent, transactionalId: 'x' }

  test.each([0, 1, 2, 3, 4, 5])('v%i raises the epoch of its transactional id', async (version) => {
    const node = await nodeWithTransactions()
    const answers = [
      await node.ask(InitProducerId, version, transactional),
      await node.ask(InitProducerId, version, transactional),
    ]
    expect(answers).toMatchObject([
      { errorCode: 'NONE', producerId: 7000, producerEpoch: 0 },
      { errorCode: 'NONE', producerId: 7000, producerEpoch: 1 },
    ])
  })

  test('aborts what its predecessor has open, and is asked to come again', async () => {
    const node = await nodeWithTransactions()
    await addPartitions(node, await initProducer(node))
    const answer = await node.ask(InitProducerId, 5, transactional)
    expect(answer).toMatchObject({ errorCode: 'CONCURRENT_TRANSACTIONS', producerId: -1 })
    expect(await initProducer(node)).toMatchObject({ producerId: 7000, producerEpoch: 2 })
  })

  test.each([
    [3, 'INVALID_PRODUCER_EPOCH'],
    [4, 'PRODUCER_FENCED'],
  ])('v%i tells who goes on with an epoch of old %s', async (version, errorCode) => {
    const node = await nodeWithTransactions()
    await initProducer(node)
    const { producerId } = await initProducer(node)
    const asked = { ...transactional, producerId, producerEpoch: 0 }
    expect(await node.ask(InitProducerId, version, asked)).toMatchObject({ errorCode })
  })

  test('takes no time-out above the limit', async () => {
    const node = await nodeWithTransactions()
    const asked = { ...transactional, transactionTimeoutMs: 900_001 }
    const answer = await node.ask(InitProducerId, 5, asked)
    expect(answer).toMatchObject({ errorCode: 'INVALID_TRANSACTION_TIMEOUT' })
  })

  test('is refused where the transactional id is coordinated elsewhere', async () => {
    const answer = await new TestNode().ask(InitProducerId, 5, transactional)
    expect(answer).toMatchObject({ errorCode: 'NOT_COORDINATOR', producerId: -1 })
  })
})
