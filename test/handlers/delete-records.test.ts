import { DeleteRecords } from '../../protocol/messages/delete-records.ts'
import { TestNode, batch } from './test-node.ts'

/** With three records in `a-0`. */
async function node(): Promise<TestNode> {
  const made = new TestNode()
  await made.addTopic('a')
  await made.addTopic('compacted', { configs: { 'cleanup.policy': 'compact' } })
  await made.addTopic('__consumer_offsets')
  await made.addTopic('led-elsewhere', { partitions: [{ replicas: [1, 2], leader: 2 }] })
  const partition = made.replicas.find('a', 0)
  if (typeof partition === 'string') throw new Error(partition)
  for (const value of ['x', 'y', 'z']) {
    const records = batch([value])
    await new Promise((resolve) => partition.append(records, -1, 'client', 1000, resolve))
  }
  return made
}

async function deleted(served: TestNode, offset: number, name = 'a', partitionIndex = 0) {
  const { topics } = await served.ask(DeleteRecords, 2, {
    topics: [{ name, partitions: [{ partitionIndex, offset }] }],
    timeoutMs: 1000,
  })
  const { errorCode, lowWatermark } = topics[0]!.partitions[0]!
  return [errorCode, lowWatermark]
}

describe('DeleteRecords', () => {
  test('moves the start of a partition, and never back', async () => {
    const served = await node()
    expect(await deleted(served, 2)).toEqual(['NONE', 2])
    expect(await deleted(served, 1)).toEqual(['NONE', 2])
  })

  test('with -1 removes all that there is', async () => {
    const served = await node()
    expect(await deleted(served, -1)).toEqual(['NONE', 3])
  })

  test.each([4, -2])('refuses offset %i, which there is not', async (offset) => {
    expect(await deleted(await node(), offset)).toEqual(['OFFSET_OUT_OF_RANGE', -1])
  })

  test('deletes nothing that is not replicated', async () => {
    const served = await node()
    await served.addTopic('shared', { partitions: [{ replicas: [1, 2], isr: [1, 2] }] })
    const partition = served.replicas.find('shared', 0)
    if (typeof partition === 'string') throw new Error(partition)
    const written = new Promise((resolve) =>
      partition.append(batch(['x']), 1, 'client', 1000, resolve),
    )
    expect(await written).toMatchObject({ errorCode: 'NONE' })
    expect([partition.log!.highWatermark, partition.log!.logEndOffset]).toEqual([0, 1])
    expect(await deleted(served, 1, 'shared')).toEqual(['OFFSET_OUT_OF_RANGE', -1])
    expect(await deleted(served, -1, 'shared')).toEqual(['NONE', 0])
  })

  test.each([4, -2])('a policy that keeps records comes before offset %i', async (offset) => {
    expect(await deleted(await node(), offset, 'compacted')).toEqual(['POLICY_VIOLATION', -1])
  })

  test.each([
    ['compacted', 0, 'POLICY_VIOLATION'],
    ['__consumer_offsets', 0, 'INVALID_TOPIC_EXCEPTION'],
    ['nope', 0, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['a', 7, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['led-elsewhere', 0, 'NOT_LEADER_OR_FOLLOWER'],
  ])('refuses %s-%i with %s', async (name, index, error) => {
    expect(await deleted(await node(), 0, name, index)).toEqual([error, -1])
  })
})
