import { OffsetCommit } from '../../protocol/messages/offset-commit.ts'
import { commit, committed, nodeWithGroups, stableGroup } from './group-client.ts'
import { TestNode } from './test-node.ts'

const WEEK_MS = 7 * 86_400_000
const HOUR_MS = 3_600_000

describe('OffsetCommit', () => {
  test.each([2, 3, 4, 5, 6, 7, 8, 9])('v%i stores how far a member has read', async (version) => {
    const node = await nodeWithGroups()
    await node.addTopic('t')
    const { memberId, generationId } = await stableGroup(node)
    const partitions = [{ committedOffset: 42, committedMetadata: 'here' }]
    const asked = { version, memberId, generation: generationId, partitions }
    expect(await commit(node, asked)).toEqual(['NONE'])
    expect(await committed(node)).toMatchObject({ committedOffset: 42, metadata: 'here' })
  })

  test('v10 names the topic by its id', async () => {
    const node = await nodeWithGroups()
    const topicId = await node.addTopic('t')
    expect(await commit(node, { version: 10, topicId, name: '' })).toEqual(['NONE'])
    expect(await committed(node)).toMatchObject({ committedOffset: 7 })
    const unknown = { version: 10, topicId: 'qqqqqqqqqqqqqqqqqqqqqg', name: '' }
    expect(await commit(node, unknown)).toEqual(['UNKNOWN_TOPIC_ID'])
  })

  test('stores the leader’s epoch', async () => {
    const node = await nodeWithGroups()
    await node.addTopic('t')
    await commit(node, { partitions: [{ committedLeaderEpoch: 3 }] })
    expect(await committed(node)).toMatchObject({ committedLeaderEpoch: 3 })
  })

  test.each([2, 3, 4])('v%i says itself how long it is to be kept', async (version) => {
    const node = await nodeWithGroups()
    await node.addTopic('t')
    await node.addTopic('u')
    await commit(node, { version, retentionTimeMs: HOUR_MS })
    await commit(node, { version, name: 'u' })
    node.clock.skip(HOUR_MS - 1000)
    expect(await committed(node)).toMatchObject({ committedOffset: 7 })
    node.clock.skip(601_000)
    expect(await committed(node)).toMatchObject({ committedOffset: -1 })
    expect(await committed(node, { name: 'u' })).toMatchObject({ committedOffset: 7 })
    node.clock.skip(WEEK_MS + 600_000)
    expect(await committed(node, { name: 'u' })).toMatchObject({ committedOffset: -1 })
  })

  test('answers each partition, and stores those that exist', async () => {
    const node = await nodeWithGroups()
    await node.addTopic('t')
    const partitions = [{}, { partitionIndex: 1 }]
    const errors = await commit(node, { partitions })
    expect(errors.toSorted()).toEqual(['NONE', 'UNKNOWN_TOPIC_OR_PARTITION'])
    expect(await committed(node)).toMatchObject({ committedOffset: 7 })
    expect(await commit(node, { name: 'nowhere' })).toEqual(['UNKNOWN_TOPIC_OR_PARTITION'])
  })

  test('answers topics in their order, also one that is named twice', async () => {
    const node = await nodeWithGroups()
    await node.addTopic('t', { partitions: [{}, {}] })
    const partition = (partitionIndex: number, committedMetadata = '') => ({
      partitionIndex,
      committedOffset: 1,
      committedLeaderEpoch: -1,
      committedMetadata,
    })
    const tooLong = 'x'.repeat(5000)
    const { topics } = await node.ask(OffsetCommit, 9, {
      groupId: 'g',
      generationIdOrMemberEpoch: -1,
      memberId: '',
      topics: [
        { name: 't', partitions: [partition(0)] },
        { name: 'unknown', partitions: [partition(0)] },
        { name: 't', partitions: [partition(1, tooLong)] },
        { name: 't', partitions: [] },
        { name: 't', partitions: [partition(1), partition(7)] },
      ],
    })
    const told = topics.map(({ name, partitions }) => [
      name,
      ...partitions.map(({ partitionIndex, errorCode }) => `${partitionIndex} ${errorCode}`),
    ])
    expect(told).toEqual([
      ['t', '0 NONE'],
      ['unknown', '0 UNKNOWN_TOPIC_OR_PARTITION'],
      ['t', '1 OFFSET_METADATA_TOO_LARGE'],
      ['t'],
      ['t', '7 UNKNOWN_TOPIC_OR_PARTITION', '1 NONE'],
    ])
  })

  test('takes so much metadata and no more', async () => {
    const node = await nodeWithGroups({ 'offset.metadata.max.bytes': '10' })
    await node.addTopic('t')
    const saying = (length: number) => ({ partitions: [{ committedMetadata: 'x'.repeat(length) }] })
    expect(await commit(node, saying(10))).toEqual(['NONE'])
    expect(await commit(node, saying(11))).toEqual(['OFFSET_METADATA_TOO_LARGE'])
    expect(await committed(node)).toMatchObject({ metadata: 'x'.repeat(10) })
    expect(await commit(node, { partitions: [{ committedMetadata: null }] })).toEqual(['NONE'])
    expect(await committed(node)).toMatchObject({ metadata: '' })
  })

  test('refuses who is not of the group’s generation', async () => {
    const node = await nodeWithGroups()
    await node.addTopic('t')
    expect(await commit(node, { version: 8, generation: 1 })).toEqual(['ILLEGAL_GENERATION'])
    expect(await commit(node, { version: 9, generation: 1 })).toEqual(['GROUP_ID_NOT_FOUND'])
    const { memberId } = await stableGroup(node)
    expect(await commit(node, { memberId, generation: 2 })).toEqual(['ILLEGAL_GENERATION'])
    expect(await commit(node, { memberId: 'x', generation: 1 })).toEqual(['UNKNOWN_MEMBER_ID'])
    expect(await commit(node)).toEqual(['UNKNOWN_MEMBER_ID'])
    expect(await committed(node)).toMatchObject({ committedOffset: -1 })
  })

  test('shows that the member is alive', async () => {
    const node = await nodeWithGroups()
    await node.addTopic('t')
    const { memberId } = await stableGroup(node)
    for (let beat = 0; beat < 3; beat++) {
      node.clock.skip(6_000)
      expect(await commit(node, { memberId, generation: 1 })).toEqual(['NONE'])
    }
  })

  test('sends clients elsewhere where no coordinator is', async () => {
    const node = new TestNode()
    await node.addTopic('t')
    expect(await commit(node)).toEqual(['NOT_COORDINATOR'])
  })
})
