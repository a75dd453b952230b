import { OffsetForLeaderEpoch } from '../../protocol/messages/offset-for-leader-epoch.ts'
import { TestNode, batch } from './test-node.ts'

/** A record of epoch 1, two of epoch 3; led in epoch 4. */
async function node(): Promise<TestNode> {
  const made = new TestNode()
  const topicId = await made.addTopic('a', { partitions: [{ leaderEpoch: 1 }] })
  const append = async (...values: string[]): Promise<void> => {
    const partition = made.replicas.find('a', 0)
    if (typeof partition === 'string') throw new Error(partition)
    const records = batch(values)
    await new Promise((resolve) => partition.append(records, -1, 'client', 1000, resolve))
  }
  await append('x')
  await made.addTopic('a', { id: topicId, partitions: [{ leaderEpoch: 3 }] })
  await append('y', 'z')
  await made.addTopic('a', { id: topicId, partitions: [{ leaderEpoch: 4 }] })
  return made
}

async function ended(leaderEpoch: number, currentLeaderEpoch = -1, topic = 'a') {
  const { topics } = await (
    await node()
  ).ask(OffsetForLeaderEpoch, 4, {
    replicaId: -1,
    topics: [{ topic, partitions: [{ partition: 0, currentLeaderEpoch, leaderEpoch }] }],
  })
  const { errorCode, leaderEpoch: found, endOffset } = topics[0]!.partitions[0]!
  return [errorCode, found, endOffset]
}

describe('OffsetForLeaderEpoch', () => {
  test.each([
    [1, 1, 1],
    [2, 1, 1],
    [3, 3, 3],
    // Nothing was written in it yet.
    [4, 4, 3],
  ])('epoch %i ended, as epoch %i, at %i', async (asked, epoch, endOffset) => {
    expect(await ended(asked)).toEqual(['NONE', epoch, endOffset])
  })

  test("knows the epoch of a partition's first leader before its first record", async () => {
    const made = new TestNode()
    await made.addTopic('new', { partitions: [{ leaderEpoch: 2 }] })
    const { topics } = await made.ask(OffsetForLeaderEpoch, 4, {
      replicaId: -1,
      topics: [{ topic: 'new', partitions: [{ partition: 0, leaderEpoch: 2 }] }],
    })
    expect(topics[0]!.partitions[0]).toMatchObject({ leaderEpoch: 2, endOffset: 0 })
  })

  test('knows nothing of epochs to come', async () => {
    expect(await ended(9)).toEqual(['NONE', -1, -1])
  })

  test('fences old leader epochs and knows no newer ones', async () => {
    expect(await ended(1, 3)).toEqual(['FENCED_LEADER_EPOCH', -1, -1])
    expect(await ended(1, 4)).toEqual(['NONE', 1, 1])
    expect(await ended(1, 5)).toEqual(['UNKNOWN_LEADER_EPOCH', -1, -1])
  })

  test('knows no partition that there is not', async () => {
    expect(await ended(1, -1, 'nope')).toEqual(['UNKNOWN_TOPIC_OR_PARTITION', -1, -1])
  })
})
