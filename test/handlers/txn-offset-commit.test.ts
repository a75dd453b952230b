import { TxnOffsetCommit } from '../../protocol/messages/txn-offset-commit.ts'
import type { ErrorName } from '../../protocol/errors.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { OFFSETS_TOPIC } from '../../src/coordinators/group/kind.ts'
import { committed, nodeWithGroups, stableGroup } from './group-client.ts'
import type { TestNode } from './test-node.ts'
import { PRODUCER, stableOffset, writeMarker } from './transaction-client.ts'

interface Asked {
  readonly version?: number
  readonly groupId?: string
  readonly generation?: number
  readonly memberId?: string
  readonly producerEpoch?: number
  readonly topicId?: string
  readonly partitions?: readonly number[]
  readonly name?: string
  readonly metadata?: string
}

async function commit(node: TestNode, asked: Asked = {}): Promise<readonly ErrorName[]> {
  const { version = 5, groupId = 'g', name = 't', topicId = ZERO_UUID, partitions = [0] } = asked
  const { topics } = await node.ask(TxnOffsetCommit, version, {
    transactionalId: 'mine',
    groupId,
    producerId: PRODUCER,
    producerEpoch: asked.producerEpoch ?? 0,
    generationIdOrMemberEpoch: asked.generation ?? -1,
    memberId: asked.memberId ?? '',
    groupInstanceId: null,
    topics: [
      {
        name,
        topicId,
        partitions: partitions.map((partitionIndex) => ({
          partitionIndex,
          committedOffset: 7,
          committedLeaderEpoch: -1,
          committedMetadata: asked.metadata ?? '',
        })),
      },
    ],
  })
  return topics[0]!.partitions.map(({ errorCode }) => errorCode)
}

const end = (node: TestNode, commits = true) =>
  writeMarker(node, { commits, topics: [{ name: OFFSETS_TOPIC, partitionIndexes: [0] }] })

async function nodeWithTopic(): Promise<{ node: TestNode; topicId: string }> {
  const node = await nodeWithGroups()
  node.verify = ({ partitions }) => Promise.resolve(partitions.map(() => 'NONE'))
  return { node, topicId: await node.addTopic('t') }
}

describe('TxnOffsetCommit', () => {
  test.each([0, 1, 2, 3, 4, 5])(
    'v%i commits by name what counts from the marker on',
    async (version) => {
      const { node } = await nodeWithTopic()
      expect(await commit(node, { version })).toEqual(['NONE'])
      expect(await committed(node)).toMatchObject({ committedOffset: -1 })
      expect(await stableOffset(node)).toBe('UNSTABLE_OFFSET_COMMIT')
      expect(await end(node)).toEqual(['NONE'])
      expect(await stableOffset(node)).toBe(7)
    },
  )

  test('v6 commits by id; v6 of an unknown id, and an older one of an unknown name, say so', async () => {
    const { node, topicId } = await nodeWithTopic()
    expect(await commit(node, { version: 6, topicId })).toEqual(['NONE'])
    await end(node)
    expect(await stableOffset(node)).toBe(7)
    const unknown = 'BBBBBBBBBBBBBBBBBBBBBA'
    expect(await commit(node, { version: 6, topicId: unknown })).toEqual(['UNKNOWN_TOPIC_ID'])
    expect(await commit(node, { version: 6 })).toEqual(['UNKNOWN_TOPIC_ID'])
    expect(await commit(node, { name: 'nowhere' })).toEqual(['UNKNOWN_TOPIC_OR_PARTITION'])
    expect(await commit(node, { partitions: [5, 0] })).toEqual([
      'UNKNOWN_TOPIC_OR_PARTITION',
      'NONE',
    ])
  })

  test('verifies that the partition of the group is part of the transaction, or adds it from v5 on', async () => {
    const { node } = await nodeWithTopic()
    const asked: boolean[] = []
    node.verify = ({ addPartition, partitions }) => {
      expect(partitions).toEqual([{ topic: OFFSETS_TOPIC, partition: 0 }])
      asked.push(addPartition)
      return Promise.resolve(['TRANSACTION_ABORTABLE'])
    }
    const told = []
    for (const version of [3, 4, 5]) told.push(...(await commit(node, { version })))
    expect(asked).toEqual([false, false, true])
    expect(told).toEqual(['INVALID_TXN_STATE', 'TRANSACTION_ABORTABLE', 'TRANSACTION_ABORTABLE'])
    expect(await stableOffset(node)).toBe(-1)
  })

  test.each<[number, ErrorName, ErrorName]>([
    [3, 'NETWORK_EXCEPTION', 'COORDINATOR_LOAD_IN_PROGRESS'],
    [2, 'COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_LOAD_IN_PROGRESS'],
    [1, 'COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE'],
    [5, 'PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH'],
  ])('v%i is told of %s as %s', async (version, error, told) => {
    const { node } = await nodeWithTopic()
    node.verify = () => Promise.resolve([error])
    expect(await commit(node, { version })).toEqual([told])
  })

  test('is for members of the group, in their generation', async () => {
    const { node } = await nodeWithTopic()
    const { memberId, generationId: generation } = await stableGroup(node)
    expect(await commit(node, { memberId, generation })).toEqual(['NONE'])
    expect(await commit(node, { memberId: 'other', generation })).toEqual(['UNKNOWN_MEMBER_ID'])
    expect(await commit(node, { memberId, generation: 9 })).toEqual(['ILLEGAL_GENERATION'])
    expect(await commit(node, { version: 2 })).toEqual(['NONE'])
    expect(await commit(node, { groupId: '' })).toEqual(['INVALID_GROUP_ID'])
  })

  test('refuses metadata that is too long, of that partition only', async () => {
    const { node } = await nodeWithTopic()
    expect(await commit(node, { metadata: 'x'.repeat(5000) })).toEqual([
      'OFFSET_METADATA_TOO_LARGE',
    ])
  })

  test('is refused to a producer that was fenced', async () => {
    const { node } = await nodeWithTopic()
    await commit(node, { producerEpoch: 3 })
    expect(await commit(node, { producerEpoch: 2 })).toEqual(['INVALID_PRODUCER_EPOCH'])
  })
})
