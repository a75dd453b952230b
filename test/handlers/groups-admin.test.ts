import { DeleteGroups } from '../../protocol/messages/delete-groups.ts'
import { DescribeGroups } from '../../protocol/messages/describe-groups.ts'
import { ListGroups } from '../../protocol/messages/list-groups.ts'
import { OffsetDelete } from '../../protocol/messages/offset-delete.ts'
import { commit, committed, nodeWithGroups, READS_T, stableGroup } from './group-client.ts'
import { TestNode } from './test-node.ts'

/** Over three partitions: `stable` with a member that reads `t`, `idle` with an offset only. */
async function nodeWithTwo(): Promise<{ node: TestNode; memberId: string }> {
  const node = await nodeWithGroups({}, { partitions: 3 })
  await node.addTopic('t')
  await node.addTopic('u')
  const { memberId } = await stableGroup(node, { groupId: 'stable', clientId: 'app' })
  await commit(node, { groupId: 'stable', memberId, generation: 1 })
  await commit(node, { groupId: 'stable', memberId, generation: 1, name: 'u' })
  await commit(node, { groupId: 'idle' })
  return { node, memberId }
}

describe('ListGroups', () => {
  test.each([0, 1, 2, 3, 4, 5])('v%i has the groups of all partitions', async (version) => {
    const { node } = await nodeWithTwo()
    const { errorCode, groups } = await node.ask(ListGroups, version, {})
    expect(errorCode).toBe('NONE')
    const sorted = groups.toSorted((a, b) => (a.groupId < b.groupId ? -1 : 1))
    expect(sorted.map(({ groupId, protocolType }) => [groupId, protocolType])).toEqual([
      ['idle', ''],
      ['stable', 'consumer'],
    ])
    const states = version >= 4 ? ['Empty', 'Stable'] : ['', '']
    expect(sorted.map(({ groupState }) => groupState)).toEqual(states)
    expect(sorted[0]!.groupType).toBe(version >= 5 ? 'classic' : '')
  })

  test('has those of the states and types that are asked for, in whatever case', async () => {
    const { node } = await nodeWithTwo()
    const idsOf = async (filter: { statesFilter?: string[]; typesFilter?: string[] }) =>
      (await node.ask(ListGroups, 5, filter)).groups.map(({ groupId }) => groupId)
    expect(await idsOf({ statesFilter: ['stable'] })).toEqual(['stable'])
    expect(await idsOf({ statesFilter: ['Empty', 'Dead'] })).toEqual(['idle'])
    expect(await idsOf({ typesFilter: ['consumer'] })).toEqual([])
    expect(await idsOf({ typesFilter: ['CLASSIC'], statesFilter: ['EMPTY'] })).toEqual(['idle'])
  })

  test('has clients ask again while some are loaded', async () => {
    const node = new TestNode()
    await node.addTopic('__consumer_offsets')
    node.groups.follow()
    expect(await node.ask(ListGroups, 5, {})).toMatchObject({
      errorCode: 'COORDINATOR_LOAD_IN_PROGRESS',
      groups: [],
    })
  })
})

describe('DescribeGroups', () => {
  test.each([0, 1, 2, 3, 4, 5, 6])(
    'v%i tells of members and their assignments',
    async (version) => {
      const { node, memberId } = await nodeWithTwo()
      const { groups } = await node.ask(DescribeGroups, version, { groups: ['stable', 'idle'] })
      expect(groups).toMatchObject([
        {
          errorCode: 'NONE',
          groupId: 'stable',
          groupState: 'Stable',
          protocolType: 'consumer',
          protocolData: 'range',
          members: [
            {
              memberId,
              clientId: 'app',
              clientHost: '/127.0.0.1',
              memberMetadata: READS_T.metadata,
              memberAssignment: Buffer.from('all'),
            },
          ],
        },
        { errorCode: 'NONE', groupId: 'idle', groupState: 'Empty', members: [] },
      ])
    },
  )

  test('tells the operations of who asks for them, and of a group that is there', async () => {
    const { node } = await nodeWithTwo()
    const asked = { groups: ['stable', 'none'], includeAuthorizedOperations: true }
    const { groups } = await node.ask(DescribeGroups, 6, asked)
    expect(groups[0]!.authorizedOperations).toBeGreaterThan(0)
    expect(groups[1]!.authorizedOperations).toBe(-(2 ** 31))
    const silent = await node.ask(DescribeGroups, 6, { groups: ['stable'] })
    expect(silent.groups[0]!.authorizedOperations).toBe(-(2 ** 31))
  })

  test.each([
    [5, 'NONE', null],
    [6, 'GROUP_ID_NOT_FOUND', 'Group none not found.'],
  ])('v%i tells of a group that is not there: %s', async (version, errorCode, errorMessage) => {
    const { node } = await nodeWithTwo()
    const { groups } = await node.ask(DescribeGroups, version, { groups: ['none'] })
    expect(groups).toMatchObject([{ errorCode, errorMessage, groupState: 'Dead' }])
  })

  test('sends clients elsewhere where no coordinator is', async () => {
    const { groups } = await new TestNode().ask(DescribeGroups, 5, { groups: ['g'] })
    expect(groups).toMatchObject([{ errorCode: 'NOT_COORDINATOR', groupState: '' }])
  })
})

describe('DeleteGroups', () => {
  test.each([0, 1, 2])('v%i deletes what is empty, each once', async (version) => {
    const { node } = await nodeWithTwo()
    const { results } = await node.ask(DeleteGroups, version, {
      groupsNames: ['idle', 'stable', 'none', 'idle'],
    })
    expect(results.map(({ groupId, errorCode }) => `${groupId} ${errorCode}`)).toEqual([
      'idle NONE',
      'stable NON_EMPTY_GROUP',
      'none GROUP_ID_NOT_FOUND',
    ])
    expect(await committed(node, { groupId: 'idle' })).toMatchObject({ committedOffset: -1 })
    expect(await committed(node, { groupId: 'stable' })).toMatchObject({ committedOffset: 7 })
  })

  test('sends clients elsewhere where no coordinator is', async () => {
    const { results } = await new TestNode().ask(DeleteGroups, 2, { groupsNames: ['g'] })
    expect(results).toMatchObject([{ groupId: 'g', errorCode: 'NOT_COORDINATOR' }])
  })
})

describe('OffsetDelete', () => {
  const asking = (groupId: string, ...names: string[]) => ({
    groupId,
    topics: names.map((name) => ({
      name,
      partitions: [{ partitionIndex: 0 }, { partitionIndex: 9 }],
    })),
  })

  test('deletes offsets of topics that no member reads, and answers each partition', async () => {
    const { node } = await nodeWithTwo()
    const { errorCode, topics } = await node.ask(OffsetDelete, 0, asking('stable', 't', 'u'))
    expect(errorCode).toBe('NONE')
    const unknown = { partitionIndex: 9, errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' }
    expect(topics).toEqual([
      {
        name: 't',
        partitions: [unknown, { partitionIndex: 0, errorCode: 'GROUP_SUBSCRIBED_TO_TOPIC' }],
      },
      { name: 'u', partitions: [unknown, { partitionIndex: 0, errorCode: 'NONE' }] },
    ])
    const offsetOf = async (name: string) =>
      (await committed(node, { groupId: 'stable', name })).committedOffset
    expect([await offsetOf('t'), await offsetOf('u')]).toEqual([7, -1])
  })

  test.each([
    ['', 'INVALID_GROUP_ID'],
    ['none', 'GROUP_ID_NOT_FOUND'],
  ])('of the group "%s" is refused: %s', async (groupId, errorCode) => {
    const { node } = await nodeWithTwo()
    const answer = await node.ask(OffsetDelete, 0, asking(groupId, 't'))
    expect(answer).toMatchObject({ errorCode, topics: [] })
  })
})
