import { AlterPartitionReassignments } from '../../protocol/messages/alter-partition-reassignments.ts'
import { ListPartitionReassignments } from '../../protocol/messages/list-partition-reassignments.ts'
import { TestNode } from './test-node.ts'

const topics = [{ name: 'a', partitions: [{ partitionIndex: 0, replicas: [1] }] }]

describe('AlterPartitionReassignments', () => {
  test.each([0, 1])('v%i has the outcome of each partition', async (version) => {
    const node = new TestNode()
    const responses = [
      {
        name: 'a',
        partitions: [{ partitionIndex: 0, errorCode: 'NONE' as const, errorMessage: null }],
      },
    ]
    node.controller = () => responses
    const request = { topics, timeoutMs: 1000 }
    const answer = await node.ask(AlterPartitionReassignments, version, request)
    expect(answer).toMatchObject({ errorCode: 'NONE', errorMessage: null, responses })
    expect(node.commands).toEqual([
      { type: 'alterPartitionReassignments', topics, allowReplicationFactorChange: true },
    ])
  })

  test('without any time nothing is done', async () => {
    const node = new TestNode()
    const answer = await node.ask(AlterPartitionReassignments, 1, { topics, timeoutMs: 0 })
    expect(answer).toMatchObject({ errorCode: 'REQUEST_TIMED_OUT', responses: [] })
  })
})

describe('ListPartitionReassignments', () => {
  test('tells the partitions that are on their way, of all topics or of those asked for', async () => {
    const node = new TestNode()
    await node.addTopic('a', { partitions: [{}, { replicas: [1, 2], addingReplicas: [2] }] })
    await node.addTopic('b')
    const moving = {
      partitionIndex: 1,
      replicas: [1, 2],
      addingReplicas: [2],
      removingReplicas: [],
    }
    const all = await node.ask(ListPartitionReassignments, 0, { topics: null, timeoutMs: 1000 })
    expect(all.topics).toEqual([{ name: 'a', partitions: [moving] }])
    const some = await node.ask(ListPartitionReassignments, 0, {
      timeoutMs: 1000,
      topics: [
        { name: 'a', partitionIndexes: [0, 9] },
        { name: 'nobody', partitionIndexes: [0] },
      ],
    })
    expect(some).toMatchObject({ errorCode: 'NONE', topics: [] })
  })
})
