import { AssignReplicasToDirs } from '../../protocol/messages/assign-replicas-to-dirs.ts'
import { TestNode } from './test-node.ts'

const DIRECTORY = 'D'.repeat(21) + 'A'
const TOPIC = 'T'.repeat(21) + 'A'
const identity = { brokerId: 7, brokerEpoch: 12 }
const directories = [
  { id: DIRECTORY, topics: [{ topicId: TOPIC, partitions: [{ partitionIndex: 3 }] }] },
]

describe('AssignReplicasToDirs', () => {
  test('tells of each partition what the controller makes of its place', async () => {
    const node = new TestNode()
    const outcome = { partitionIndex: 3, errorCode: 'NOT_LEADER_OR_FOLLOWER' }
    const told = [{ id: DIRECTORY, topics: [{ topicId: TOPIC, partitions: [outcome] }] }]
    node.controller = () => ({ errorCode: 'NONE', errorMessage: null, directories: told })
    const answer = await node.ask(AssignReplicasToDirs, 0, { ...identity, directories })
    expect(answer).toEqual({ throttleTimeMs: 0, errorCode: 'NONE', directories: told })
    expect(node.commands).toEqual([{ type: 'assignReplicasToDirs', ...identity, directories }])
  })

  test('tells of none where all of it is refused, or there is no controller', async () => {
    const node = new TestNode()
    node.controller = () => ({
      errorCode: 'STALE_BROKER_EPOCH',
      errorMessage: 'why',
      directories: [],
    })
    expect(await node.ask(AssignReplicasToDirs, 0, { ...identity, directories })).toEqual({
      throttleTimeMs: 0,
      errorCode: 'STALE_BROKER_EPOCH',
      directories: [],
    })
    node.controller = () => {
      throw Object.assign(new Error('lost'), { code: 'ERR_SHARD_LOST' })
    }
    expect(await node.ask(AssignReplicasToDirs, 0, { ...identity, directories })).toEqual({
      throttleTimeMs: 0,
      errorCode: 'NOT_CONTROLLER',
      directories: [],
    })
  })
})
