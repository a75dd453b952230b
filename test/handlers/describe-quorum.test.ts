import { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import { TestNode } from './test-node.ts'

const DIRECTORY_ID = 'CCCCCCCCCCCCCCCCCCCCCA'
const asking = (topicName: string, ...indexes: number[]) => ({
  topics: [{ topicName, partitions: indexes.map((partitionIndex) => ({ partitionIndex })) }],
})

function node(leaderId = 1): TestNode {
  const made = new TestNode()
  const state = { logEndOffset: 42, lastFetchTimestamp: 1000, lastCaughtUpTimestamp: 2000 }
  made.quorum = {
    leaderId,
    leaderEpoch: 3,
    highWatermark: 42,
    currentVoters: [{ id: 1, directoryId: DIRECTORY_ID, ...state }],
    observers: [{ id: 7, directoryId: DIRECTORY_ID, ...state }],
    voters: [{ id: 1, endpoints: [{ name: 'CONTROLLER', host: 'h', port: 9093 }] }],
  }
  return made
}

describe('DescribeQuorum', () => {
  test('tells the leader, the voters and the observers', async () => {
    const answer = await node().ask(DescribeQuorum, 2, asking('__cluster_metadata', 0))
    const state = {
      replicaDirectoryId: DIRECTORY_ID,
      logEndOffset: 42,
      lastFetchTimestamp: 1000,
      lastCaughtUpTimestamp: 2000,
    }
    expect(answer).toEqual({
      errorCode: 'NONE',
      errorMessage: '',
      topics: [
        {
          topicName: '__cluster_metadata',
          partitions: [
            {
              partitionIndex: 0,
              errorCode: 'NONE',
              errorMessage: '',
              leaderId: 1,
              leaderEpoch: 3,
              highWatermark: 42,
              currentVoters: [{ replicaId: 1, ...state }],
              observers: [{ replicaId: 7, ...state }],
            },
          ],
        },
      ],
      nodes: [{ nodeId: 1, listeners: [{ name: 'CONTROLLER', host: 'h', port: 9093 }] }],
    })
  })

  test.each([0, 1])('v%i knows neither directories nor addresses', async (version) => {
    const { nodes, topics } = await node().ask(
      DescribeQuorum,
      version,
      asking('__cluster_metadata', 0),
    )
    expect(nodes).toEqual([])
    expect(topics[0]!.partitions[0]!.currentVoters[0]).toMatchObject({
      replicaId: 1,
      logEndOffset: 42,
      lastFetchTimestamp: version === 0 ? -1 : 1000,
    })
  })

  test.each([
    ['another topic', asking('foo', 0)],
    ['another partition', asking('__cluster_metadata', 1)],
    ['more than one partition', asking('__cluster_metadata', 0, 1)],
  ])('has no quorum for %s', async (_, body) => {
    const { topics, errorCode } = await node().ask(DescribeQuorum, 2, body)
    expect(errorCode).toBe('NONE')
    for (const { errorCode: error, errorMessage } of topics[0]!.partitions) {
      expect([error, errorMessage]).toEqual([
        'UNKNOWN_TOPIC_OR_PARTITION',
        'This server does not host this topic-partition.',
      ])
    }
    expect(topics[0]!.partitions).toHaveLength(body.topics[0]!.partitions.length)
  })

  test('asked for nothing answers nothing', async () => {
    expect(await node().ask(DescribeQuorum, 2, { topics: [] })).toMatchObject({ topics: [] })
  })

  test('only the leader knows', async () => {
    const { topics } = await node(2).ask(DescribeQuorum, 1, asking('__cluster_metadata', 0))
    expect(topics[0]!.partitions[0]!.errorCode).toBe('NOT_LEADER_OR_FOLLOWER')
  })
})
