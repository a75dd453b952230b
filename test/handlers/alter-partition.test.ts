import { AlterPartition } from '../../protocol/messages/alter-partition.ts'
import { TestNode } from './test-node.ts'

const topicId = 'T'.repeat(21) + 'A'
const identity = { brokerId: 7, brokerEpoch: 12 }
const partition = { partitionIndex: 3, leaderEpoch: 5, leaderRecoveryState: 1, partitionEpoch: 9 }
const newIsr = [
  { brokerId: 7, brokerEpoch: 12 },
  { brokerId: 8, brokerEpoch: -1 },
]
const asked = (isr: object) => ({
  ...identity,
  topics: [{ topicId, partitions: [{ ...partition, ...isr }] }],
})

describe('AlterPartition', () => {
  // KIP-903.
  test('says who is in sync with their broker epochs from v3 on', async () => {
    const node = new TestNode()
    const told = {
      partitionIndex: 3,
      errorCode: 'NONE',
      leaderId: 7,
      leaderEpoch: 5,
      isr: [7, 8],
      leaderRecoveryState: 1,
      partitionEpoch: 10,
    }
    const topics = [{ topicId, partitions: [told] }]
    node.controller = () => ({ errorCode: 'NONE', errorMessage: null, topics })
    const answer = await node.ask(AlterPartition, 3, asked({ newIsrWithEpochs: newIsr }))
    expect(answer).toEqual({ throttleTimeMs: 0, errorCode: 'NONE', topics })
    await node.ask(AlterPartition, 2, asked({ newIsr: [7, 8] }))
    const unchecked = newIsr.map(({ brokerId }) => ({ brokerId, brokerEpoch: -1 }))
    expect(node.commands).toEqual([
      { type: 'alterPartition', ...asked({ newIsr }) },
      { type: 'alterPartition', ...asked({ newIsr: unchecked }) },
    ])
  })

  test('tells of no partition where all of it is refused, or there is no controller', async () => {
    const node = new TestNode()
    const body = asked({ newIsrWithEpochs: newIsr })
    node.controller = () => ({ errorCode: 'STALE_BROKER_EPOCH', errorMessage: 'why', topics: [] })
    const none = { throttleTimeMs: 0, topics: [] }
    expect(await node.ask(AlterPartition, 3, body)).toEqual({
      ...none,
      errorCode: 'STALE_BROKER_EPOCH',
    })
    node.controller = () => {
      throw Object.assign(new Error('lost'), { code: 'ERR_SHARD_LOST' })
    }
    expect(await node.ask(AlterPartition, 3, body)).toEqual({
      ...none,
      errorCode: 'NOT_CONTROLLER',
    })
  })
})
