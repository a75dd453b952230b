import { Heartbeat } from '../../protocol/messages/heartbeat.ts'
import { join, joinWithId, nodeWithGroups, stableGroup } from './group-client.ts'
import { TestNode } from './test-node.ts'

async function heartbeat(
  node: TestNode,
  asked: {
    version?: number
    groupId?: string
    memberId?: string
    generationId?: number
    groupInstanceId?: string | null
  },
) {
  const { version = 4, ...more } = asked
  const body = { groupId: 'g', memberId: '', generationId: 1, groupInstanceId: null, ...more }
  return (await node.ask(Heartbeat, version, body)).errorCode
}

describe('Heartbeat', () => {
  test.each([0, 1, 2, 3, 4])('v%i keeps a member in its group', async (version) => {
    const node = await nodeWithGroups()
    const member = await stableGroup(node)
    for (let beat = 0; beat < 3; beat++) {
      node.clock.skip(6_000)
      expect(await heartbeat(node, { version, ...member })).toBe('NONE')
    }
    node.clock.skip(10_001)
    expect(await heartbeat(node, { version, ...member })).toBe('UNKNOWN_MEMBER_ID')
  })

  test('refuses who is not in the group, or in another generation of it', async () => {
    const node = await nodeWithGroups()
    const member = await stableGroup(node)
    expect(await heartbeat(node, { ...member, groupId: 'other' })).toBe('UNKNOWN_MEMBER_ID')
    expect(await heartbeat(node, { ...member, memberId: 'other' })).toBe('UNKNOWN_MEMBER_ID')
    expect(await heartbeat(node, { ...member, generationId: 2 })).toBe('ILLEGAL_GENERATION')
    expect(await heartbeat(node, { ...member, groupId: '' })).toBe('INVALID_GROUP_ID')
  })

  test('calls a member back when another one comes', async () => {
    const node = await nodeWithGroups()
    const member = await stableGroup(node)
    const second = joinWithId(node)
    while ((await heartbeat(node, member)) !== 'REBALANCE_IN_PROGRESS') {
      await new Promise((resolve) => setImmediate(resolve))
    }
    const again = await join(node, { memberId: member.memberId })
    expect([again.generationId, (await second).generationId]).toEqual([2, 2])
  })

  test('fences a static member whose place another one has taken', async () => {
    const node = await nodeWithGroups()
    const first = await join(node, { groupInstanceId: 'i' })
    const second = await join(node, { groupInstanceId: 'i' })
    const { generationId } = second
    const of = (memberId: string) => ({ memberId, generationId, groupInstanceId: 'i' })
    expect(await heartbeat(node, of(first.memberId))).toBe('FENCED_INSTANCE_ID')
    expect(await heartbeat(node, of(second.memberId))).toBe('NONE')
  })

  test('lets members go on while their groups are loaded, and sends them elsewhere before', async () => {
    const node = new TestNode()
    const beat = () => heartbeat(node, { memberId: 'm' })
    expect(await beat()).toBe('NOT_COORDINATOR')
    await node.addTopic('__consumer_offsets')
    node.groups.follow()
    expect(await beat()).toBe('NONE')
    await node.groupsLoaded()
    expect(await beat()).toBe('UNKNOWN_MEMBER_ID')
  })
})
