import { join, joinWithId, nodeWithGroups, stableGroup, sync } from './group-client.ts'
import { TestNode } from './test-node.ts'

describe('SyncGroup', () => {
  test.each([0, 1, 2, 3, 4, 5])('v%i gives each member what its leader says', async (version) => {
    const node = await nodeWithGroups()
    const first = await joinWithId(node)
    const joining = joinWithId(node)
    await new Promise((resolve) => setImmediate(resolve))
    const { generationId, leader } = await join(node, { memberId: first.memberId })
    const { memberId } = await joining
    const waiting = sync(node, { version, memberId, generationId })
    const assignments = [leader, memberId].map((id) => ({
      memberId: id,
      assignment: Buffer.from(`of ${id}`),
    }))
    const own = await sync(node, { version, memberId: leader, generationId, assignments })
    expect(own).toMatchObject({ errorCode: 'NONE', assignment: Buffer.from(`of ${leader}`) })
    const other = await waiting
    expect(other).toMatchObject({ errorCode: 'NONE', assignment: Buffer.from(`of ${memberId}`) })
    expect(other.protocolName).toBe(version >= 5 ? 'range' : null)
    // The group has it when the request is long gone.
    expect(await sync(node, { memberId, generationId })).toMatchObject({
      assignment: Buffer.from(`of ${memberId}`),
    })
  })

  test('refuses who is not of the generation, or of another protocol', async () => {
    const node = await nodeWithGroups()
    const { memberId } = await stableGroup(node)
    const errorOf = async (asked: Parameters<typeof sync>[1]) => (await sync(node, asked)).errorCode
    expect(await errorOf({ memberId, generationId: 2 })).toBe('ILLEGAL_GENERATION')
    expect(await errorOf({ memberId: 'x' })).toBe('UNKNOWN_MEMBER_ID')
    expect(await errorOf({ memberId, groupId: 'other' })).toBe('UNKNOWN_MEMBER_ID')
    expect(await errorOf({ memberId, groupId: '' })).toBe('INVALID_GROUP_ID')
    const inconsistent = 'INCONSISTENT_GROUP_PROTOCOL'
    expect(await errorOf({ memberId, protocolName: 'sticky' })).toBe(inconsistent)
    expect(await errorOf({ memberId, protocolType: 'connect' })).toBe(inconsistent)
    expect(await errorOf({ memberId, protocolName: null })).toBe(inconsistent)
    expect(await errorOf({ memberId, protocolType: null })).toBe(inconsistent)
    expect(await errorOf({ memberId, version: 4 })).toBe('NONE')
  })

  test('sends clients elsewhere where no coordinator is', async () => {
    expect(await sync(new TestNode())).toMatchObject({ errorCode: 'NOT_COORDINATOR' })
  })
})
