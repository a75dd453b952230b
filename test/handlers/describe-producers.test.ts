import { DescribeProducers } from '../../protocol/messages/describe-producers.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import { TestNode, batch } from './test-node.ts'

const asking = (name: string, ...partitionIndexes: number[]) => ({
  topics: [{ name, partitionIndexes }],
})

async function nodeWithProducer(): Promise<TestNode> {
  const node = new TestNode()
  await node.addTopic('orders', { partitions: [{}, { leader: 2, replicas: [1, 2] }] })
  for (const baseSequence of [0, 2]) {
    const records = batch(['a', 'b'], {
      timestamp: 1000 + baseSequence,
      producerId: 42,
      producerEpoch: 3,
      baseSequence,
    })
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records }] }]
    const { responses } = await node.ask(Produce, 9, { acks: -1, timeoutMs: 1000, topicData })
    expect(responses[0]!.partitionResponses[0]!.errorCode).toBe('NONE')
  }
  return node
}

describe('DescribeProducers', () => {
  test('tells the last batch of each producer that the log remembers', async () => {
    const node = await nodeWithProducer()
    const { topics } = await node.ask(DescribeProducers, 0, asking('orders', 0))
    expect(topics).toEqual([
      {
        name: 'orders',
        partitions: [
          {
            partitionIndex: 0,
            errorCode: 'NONE',
            errorMessage: null,
            activeProducers: [
              {
                producerId: 42,
                producerEpoch: 3,
                lastSequence: 3,
                lastTimestamp: 1003n,
                coordinatorEpoch: -1,
                currentTxnStartOffset: -1,
              },
            ],
          },
        ],
      },
    ])
  })

  test('is refused by who does not lead, and where there is no such partition or topic', async () => {
    const node = await nodeWithProducer()
    const told = async (name: string, index: number) => {
      const { topics } = await node.ask(DescribeProducers, 0, asking(name, index))
      return topics[0]!.partitions[0]
    }
    const refused = { errorMessage: null, activeProducers: [] }
    expect(await told('orders', 1)).toEqual({
      ...refused,
      partitionIndex: 1,
      errorCode: 'NOT_LEADER_OR_FOLLOWER',
    })
    expect(await told('orders', 7)).toEqual({
      ...refused,
      partitionIndex: 7,
      errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
    })
    expect(await told('nowhere', 0)).toEqual({
      ...refused,
      partitionIndex: 0,
      errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
      errorMessage: 'This server does not host this topic-partition.',
    })
    expect(await told('', 0)).toEqual({
      ...refused,
      partitionIndex: 0,
      errorCode: 'INVALID_TOPIC_EXCEPTION',
      errorMessage: 'Topic name is invalid: the empty string is not allowed',
    })
  })
})
