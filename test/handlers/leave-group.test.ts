import { LeaveGroup } from '../../protocol/messages/leave-group.ts'
import { join, nodeWithGroups, stableGroup, sync } from './group-client.ts'
import { TestNode } from './test-node.ts'

describe('LeaveGroup', () => {
  test.each([0, 1, 2])('v%i takes one member out', async (version) => {
    const node = await nodeWithGroups()
    const { memberId } = await stableGroup(node)
    const leave = () => node.ask(LeaveGroup, version, { groupId: 'g', memberId })
    expect(await leave()).toMatchObject({ errorCode: 'NONE', members: [] })
    expect(await leave()).toMatchObject({ errorCode: 'UNKNOWN_MEMBER_ID' })
    expect(await sync(node, { memberId })).toMatchObject({ errorCode: 'UNKNOWN_MEMBER_ID' })
  })

  test.each([3, 4, 5])('v%i takes several out, each with its own error', async (version) => {
    const node = await nodeWithGroups()
    const { memberId } = await stableGroup(node)
    const fixed = await join(node, { groupId: 'h', groupInstanceId: 'i' })
    const left = await node.ask(LeaveGroup, version, {
      groupId: 'g',
      members: [
        { memberId, groupInstanceId: null },
        { memberId: 'x', groupInstanceId: null },
      ],
    })
    expect(left).toMatchObject({
      errorCode: 'NONE',
      members: [
        { memberId, errorCode: 'NONE' },
        { memberId: 'x', errorCode: 'UNKNOWN_MEMBER_ID' },
      ],
    })
    const admin = await node.ask(LeaveGroup, version, {
      groupId: 'h',
      members: [{ memberId: '', groupInstanceId: 'i' }],
    })
    expect(admin.members).toMatchObject([{ groupInstanceId: 'i', errorCode: 'NONE' }])
    const back = { groupId: 'h', groupInstanceId: 'i', memberId: fixed.memberId }
    expect(await join(node, back)).toMatchObject({ errorCode: 'UNKNOWN_MEMBER_ID' })
  })

  test('refuses a group without a name, and sends clients elsewhere where no coordinator is', async () => {
    const node = new TestNode()
    const members = [{ memberId: 'm', groupInstanceId: null }]
    expect(await node.ask(LeaveGroup, 3, { groupId: '', members })).toMatchObject({
      errorCode: 'INVALID_GROUP_ID',
    })
    for (const version of [2, 3]) {
      expect(await node.ask(LeaveGroup, version, { groupId: 'g', members })).toMatchObject({
        errorCode: 'NOT_COORDINATOR',
      })
    }
  })
})
