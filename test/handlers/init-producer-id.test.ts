import { InitProducerId } from '../../protocol/messages/init-producer-id.ts'
import { TestNode } from './test-node.ts'

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

  test('refuses a transactional id with the one error that all clients take for final, and says why', async () => {
    const node = new TestNode()
    const asked = { ...idempotent, transactionalId: 'payments' }
    const again = await new TestNode().ask(InitProducerId, 5, { ...asked, producerId: 7 })
    expect(again).toMatchObject({ errorCode: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED' })
    const answer = await node.ask(InitProducerId, 5, asked)
    expect(answer).toMatchObject({
      errorCode: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
      producerId: -1,
      producerEpoch: -1,
    })
    expect(node.logged).toMatchObject([
      {
        level: 'warn',
        message: expect.stringContaining('no transactions yet'),
        fields: { transactionalId: 'payments', client: '127.0.0.1' },
      },
    ])
  })
})
