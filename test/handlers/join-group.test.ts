import { join, joinWithId, nodeWithGroups, READS_T, stableGroup } from './group-client.ts'
import { TestNode } from './test-node.ts'

describe('JoinGroup', () => {
  test.each([0, 1, 2, 3])('v%i makes a member at once', async (version) => {
    const node = await nodeWithGroups()
    const answer = await join(node, { version, clientId: 'kafka-go' })
    expect(answer).toMatchObject({ errorCode: 'NONE', generationId: 1, protocolName: 'range' })
    expect(answer.memberId).toMatch(/^kafka-go-[0-9a-f]{8}-/)
    expect(answer.leader).toBe(answer.memberId)
    expect(answer.members).toMatchObject([{ memberId: answer.memberId }])
    expect(answer.members[0]!.metadata.equals(READS_T.metadata)).toBe(true)
  })

  test.each([4, 5, 6, 7, 8, 9])('v%i gives an id first, to join with', async (version) => {
    const node = await nodeWithGroups()
    const answer = await joinWithId(node, { version })
    expect(answer).toMatchObject({ errorCode: 'NONE', generationId: 1, skipAssignment: false })
    expect(answer.protocolType).toBe(version >= 7 ? 'consumer' : null)
  })

  test('keeps what members tell each other when the request is long gone', async () => {
    const node = await nodeWithGroups()
    const first = await joinWithId(node)
    const second = joinWithId(node)
    await new Promise((resolve) => setImmediate(resolve))
    const { members } = await join(node, { memberId: first.memberId })
    expect(members.map(({ memberId }) => memberId)).toEqual([
      first.memberId,
      (await second).memberId,
    ])
    for (const { metadata } of members) expect(metadata.equals(READS_T.metadata)).toBe(true)
    expect((await second).members).toEqual([])
  })

  test.each([
    [5_999, 'INVALID_SESSION_TIMEOUT'],
    [6_000, 'MEMBER_ID_REQUIRED'],
    [1_800_000, 'MEMBER_ID_REQUIRED'],
    [1_800_001, 'INVALID_SESSION_TIMEOUT'],
  ])('a session of %i ms is answered %s', async (sessionTimeoutMs, errorCode) => {
    const node = await nodeWithGroups()
    expect(await join(node, { sessionTimeoutMs })).toMatchObject({ errorCode })
  })

  test.each([
    [6, ''],
    [7, null],
  ])('a refusal of v%i has %p for the name of the protocol', async (version, protocolName) => {
    const node = await nodeWithGroups()
    const answer = await join(node, { version, memberId: 'nobody' })
    expect(answer).toMatchObject({
      errorCode: 'UNKNOWN_MEMBER_ID',
      generationId: -1,
      protocolName,
      memberId: 'nobody',
    })
  })

  test('refuses a group without a name, another kind of protocol, and more members than may be', async () => {
    const node = await nodeWithGroups({ 'group.max.size': '1' })
    expect(await join(node, { groupId: '' })).toMatchObject({ errorCode: 'INVALID_GROUP_ID' })
    await stableGroup(node)
    const other = { protocolType: 'connect' }
    expect(await join(node, { ...other, version: 3 })).toMatchObject({
      errorCode: 'GROUP_MAX_SIZE_REACHED',
    })
    await stableGroup(node, { groupId: 'h' })
    const room = await nodeWithGroups()
    await stableGroup(room)
    expect(await join(room, other)).toMatchObject({ errorCode: 'INCONSISTENT_GROUP_PROTOCOL' })
  })

  test('a static member comes back to its place with a new id', async () => {
    const node = await nodeWithGroups()
    const first = await join(node, { groupInstanceId: 'i' })
    expect(first.memberId).toMatch(/^i-/)
    const again = await join(node, { groupInstanceId: 'i' })
    expect(again.errorCode).toBe('NONE')
    expect(again.memberId).not.toBe(first.memberId)
    const fenced = { groupInstanceId: 'i', memberId: first.memberId }
    expect(await join(node, fenced)).toMatchObject({ errorCode: 'FENCED_INSTANCE_ID' })
  })

  test('sends clients elsewhere where no coordinator is', async () => {
    expect(await join(new TestNode())).toMatchObject({ errorCode: 'NOT_COORDINATOR' })
  })
})
