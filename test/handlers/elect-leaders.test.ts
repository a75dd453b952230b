import { ElectLeaders } from '../../protocol/messages/elect-leaders.ts'
import { TestNode } from './test-node.ts'

const topicPartitions = [{ topic: 'orders', partitions: [0, 1] }]
const reply = [
  {
    topic: 'orders',
    partitionResult: [
      { partitionId: 0, errorCode: 'NONE', errorMessage: null },
      { partitionId: 1, errorCode: 'ELECTION_NOT_NEEDED', errorMessage: 'why' },
    ],
  },
]

describe('ElectLeaders', () => {
  test('asks the controller for what the request names, and tells each outcome', async () => {
    const node = new TestNode()
    node.controller = () => reply
    const request = { electionType: 1, topicPartitions, timeoutMs: 5000 }
    expect(await node.ask(ElectLeaders, 2, request)).toMatchObject({
      errorCode: 'NONE',
      replicaElectionResults: reply,
    })
    expect(node.commands).toEqual([{ type: 'electLeaders', electionType: 1, topicPartitions }])
  })

  test('v0 elects the preferred leader', async () => {
    const node = new TestNode()
    node.controller = () => []
    await node.ask(ElectLeaders, 0, { topicPartitions: null, timeoutMs: 5000 })
    expect(node.commands).toEqual([
      { type: 'electLeaders', electionType: 0, topicPartitions: null },
    ])
  })

  test.each([
    ['an election that there is not', { electionType: 5, timeoutMs: 5000 }, 'INVALID_REQUEST'],
    ['no time at all', { electionType: 0, timeoutMs: 0 }, 'REQUEST_TIMED_OUT'],
  ])('%s is refused for all partitions, and nobody is asked', async (_, more, errorCode) => {
    const node = new TestNode()
    const answer = await node.ask(ElectLeaders, 2, { topicPartitions, ...more })
    expect(answer.errorCode).toBe(errorCode)
    expect(answer.replicaElectionResults).toMatchObject([
      {
        topic: 'orders',
        partitionResult: [
          { partitionId: 0, errorCode },
          { partitionId: 1, errorCode },
        ],
      },
    ])
    expect(node.commands).toEqual([])
  })
})
