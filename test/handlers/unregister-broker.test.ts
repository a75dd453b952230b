import { UnregisterBroker } from '../../protocol/messages/unregister-broker.ts'
import { TestNode } from './test-node.ts'

describe('UnregisterBroker', () => {
  test('has the controller forget a broker', async () => {
    const node = new TestNode()
    node.controller = () => ({ errorCode: 'NONE', errorMessage: null })
    const answer = await node.ask(UnregisterBroker, 0, { brokerId: 7 })
    expect(answer).toEqual({ throttleTimeMs: 0, errorCode: 'NONE', errorMessage: '' })
    expect(node.commands).toEqual([{ type: 'unregisterBroker', brokerId: 7 }])
  })

  test('tells of an error as Kafka does: without its text', async () => {
    const node = new TestNode()
    const errorCode = 'BROKER_ID_NOT_REGISTERED'
    node.controller = () => ({ errorCode, errorMessage: 'why' })
    const answer = await node.ask(UnregisterBroker, 0, { brokerId: 7 })
    expect(answer).toEqual({ throttleTimeMs: 0, errorCode, errorMessage: '' })
  })

  test('tells when there is no controller', async () => {
    const node = new TestNode()
    node.controller = () => {
      throw Object.assign(new Error('lost'), { code: 'ERR_SHARD_LOST' })
    }
    const answer = await node.ask(UnregisterBroker, 0, { brokerId: 7 })
    expect(answer).toMatchObject({ errorCode: 'NOT_CONTROLLER' })
  })
})
