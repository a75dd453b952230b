import { AllocateProducerIds } from '../../protocol/messages/allocate-producer-ids.ts'
import { TestNode } from './test-node.ts'

const identity = { brokerId: 7, brokerEpoch: 12 }

describe('AllocateProducerIds', () => {
  test('gives the block that the controller allocates to the broker', async () => {
    const node = new TestNode()
    const block = { producerIdStart: 2000, producerIdLen: 1000 }
    node.controller = () => ({ errorCode: 'NONE', errorMessage: null, ...block })
    expect(await node.ask(AllocateProducerIds, 0, identity)).toEqual({
      throttleTimeMs: 0,
      errorCode: 'NONE',
      ...block,
    })
    expect(node.commands).toEqual([{ type: 'allocateProducerIds', ...identity }])
  })

  test.each([
    ['STALE_BROKER_EPOCH', () => ({ errorCode: 'STALE_BROKER_EPOCH', producerIdStart: -1 })],
    [
      'NOT_CONTROLLER',
      () => {
        throw Object.assign(new Error('lost'), { code: 'ERR_SHARD_LOST' })
      },
    ],
  ])('has no ids with %s', async (errorCode, controller) => {
    const node = new TestNode()
    node.controller = controller
    expect(await node.ask(AllocateProducerIds, 0, identity)).toEqual({
      throttleTimeMs: 0,
      errorCode,
      producerIdStart: 0,
      producerIdLen: 0,
    })
  })
})
