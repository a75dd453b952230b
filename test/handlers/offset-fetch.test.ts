import { OffsetFetch } from '../../protocol/messages/offset-fetch.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { commit, nodeWithGroups } from './group-client.ts'
import { CLOSED, TestNode } from './test-node.ts'

async function nodeWithOffsets(): Promise<{ node: TestNode; topicId: string }> {
  const node = await nodeWithGroups()
  const topicId = await node.addTopic('t', { partitions: [{}, {}] })
  await node.addTopic('u')
  const own = { committedOffset: 5, committedLeaderEpoch: 2, committedMetadata: 'm' }
  await commit(node, { partitions: [own] })
  await commit(node, { name: 'u', partitions: [{ committedOffset: 6 }] })
  return { node, topicId }
}

const asked = { name: 't', topicId: ZERO_UUID, partitionIndexes: [0, 1] }
const none = { partitionIndex: 1, committedOffset: -1, errorCode: 'NONE', metadata: '' }

describe('OffsetFetch', () => {
  test.each([1, 2, 3, 4, 5, 6, 7])('v%i tells of one group, -1 for none', async (version) => {
    const { node } = await nodeWithOffsets()
    const { topics, errorCode } = await node.ask(OffsetFetch, version, {
      groupId: 'g',
      topics: [asked],
    })
    expect(errorCode).toBe('NONE')
    const first = { partitionIndex: 0, committedOffset: 5, metadata: 'm', errorCode: 'NONE' }
    expect(topics).toMatchObject([{ name: 't', partitions: [first, none] }])
    expect(topics[0]!.partitions[0]!.committedLeaderEpoch).toBe(version >= 5 ? 2 : -1)
  })

  test('that names a group again and again for all that it has closes the connection before memory is full', async () => {
    const node = await nodeWithGroups()
    await node.addTopic('t', { partitions: new Array<object>(500).fill({}) })
    const partitions = Array.from({ length: 500 }, (_, partitionIndex) => ({ partitionIndex }))
    await commit(node, { partitions })
    const groups = (count: number) => ({
      groups: new Array<{ groupId: string; topics: null }>(count).fill({
        groupId: 'g',
        topics: null,
      }),
    })
    const { groups: few } = await node.ask(OffsetFetch, 8, groups(200))
    expect(few.every(({ topics }) => topics[0]!.partitions.length === 500)).toBe(true)
    expect(await node.answer(OffsetFetch, 8, groups(1500))).toBe(CLOSED)
  })

  test('that names a partition with long metadata again and again is answered in turns, or closes the connection', async () => {
    const node = await nodeWithGroups()
    await node.addTopic('t')
    await commit(node, { partitions: [{ committedMetadata: '€'.repeat(4096) }] })
    const { endOfTurn } = node.clock
    let turns = 0
    node.clock.endOfTurn = (callback) => {
      turns++
      endOfTurn.call(node.clock, callback)
    }
    const often = (count: number) => ({
      groupId: 'g',
      topics: [{ name: 't', partitionIndexes: new Array<number>(count).fill(0) }],
    })
    const { topics } = await node.ask(OffsetFetch, 7, often(3000))
    expect(topics[0]!.partitions).toHaveLength(3000)
    // 36 MB, 64 KiB in each.
    expect(turns).toBeGreaterThan(500)
    expect(await node.answer(OffsetFetch, 7, often(12_000))).toBe(CLOSED)
    turns = 0
    await node.ask(OffsetFetch, 7, often(400))
    // Few names, and 5 MB of metadata.
    expect(turns).toBeGreaterThan(50)
  })

  test.each([8, 9])('v%i tells of several groups', async (version) => {
    const { node } = await nodeWithOffsets()
    const { groups } = await node.ask(OffsetFetch, version, {
      groups: [
        { groupId: 'g', topics: [asked] },
        { groupId: 'other', topics: [asked] },
        { groupId: 'g', topics: null },
      ],
    })
    expect(groups.map(({ groupId, errorCode }) => `${groupId} ${errorCode}`)).toEqual([
      'g NONE',
      'other NONE',
      'g NONE',
    ])
    const offsets = groups.map(({ topics }) =>
      topics.map(({ name, partitions }) => [
        name,
        ...partitions.map(({ committedOffset }) => committedOffset),
      ]),
    )
    expect(offsets).toEqual([
      [['t', 5, -1]],
      [['t', -1, -1]],
      [
        ['t', 5],
        ['u', 6],
      ],
    ])
  })

  test('v10 names topics by id, and knows none that is no more', async () => {
    const { node, topicId } = await nodeWithOffsets()
    const unknown = 'qqqqqqqqqqqqqqqqqqqqqg'
    const { groups } = await node.ask(OffsetFetch, 10, {
      groups: [
        {
          groupId: 'g',
          topics: [topicId, unknown].map((id) => ({ topicId: id, partitionIndexes: [0] })),
        },
        { groupId: 'g', topics: null },
      ],
    })
    expect(groups[0]!.topics).toMatchObject([
      { topicId, partitions: [{ committedOffset: 5, committedLeaderEpoch: 2, errorCode: 'NONE' }] },
      { topicId: unknown, partitions: [{ committedOffset: -1, errorCode: 'UNKNOWN_TOPIC_ID' }] },
    ])
    expect(groups[1]!.topics).toHaveLength(2)
  })

  test('v10 does not take the offset of a topic for that of another with its name', async () => {
    const node = await nodeWithGroups()
    const old = await node.addTopic('t')
    await commit(node, { version: 10, topicId: old, name: '' })
    const topicId = await node.addTopic('t')
    const { groups } = await node.ask(OffsetFetch, 10, {
      groups: [{ groupId: 'g', topics: [{ topicId, partitionIndexes: [0] }] }],
    })
    expect(groups[0]!.topics[0]!.partitions[0]).toMatchObject({ committedOffset: -1 })
  })

  test('gives back a committed offset with all its bits', async () => {
    const { node } = await nodeWithOffsets()
    const far = 2n ** 63n - 1n
    await commit(node, { partitions: [{ committedOffset: far }] })
    const { topics } = await node.ask(OffsetFetch, 7, { groupId: 'g', topics: [asked] })
    expect(topics[0]!.partitions[0]!.committedOffset).toBe(far)
  })

  test('tells in each version’s own place that the coordinator is elsewhere', async () => {
    const node = new TestNode()
    const first = await node.ask(OffsetFetch, 1, { groupId: 'g', topics: [asked] })
    expect(first.topics[0]!.partitions).toMatchObject([
      { errorCode: 'NOT_COORDINATOR' },
      { errorCode: 'NOT_COORDINATOR' },
    ])
    const second = await node.ask(OffsetFetch, 2, { groupId: 'g', topics: [asked] })
    expect(second).toMatchObject({ errorCode: 'NOT_COORDINATOR', topics: [] })
    const groups = [{ groupId: 'g', topics: [asked] }]
    const last = await node.ask(OffsetFetch, 8, { groups })
    expect(last.groups).toMatchObject([{ groupId: 'g', errorCode: 'NOT_COORDINATOR' }])
  })
})
