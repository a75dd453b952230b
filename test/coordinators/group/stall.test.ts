import { Heartbeat } from '../../../protocol/messages/heartbeat.ts'
import { OFFSETS_TOPIC } from '../../../src/coordinators/group/kind.ts'
import type { Partition } from '../../../src/replication/partition/partition.ts'
import {
  commit,
  committed,
  join,
  joinWithId,
  nodeWithGroups,
  stableGroup,
  sync,
} from '../../handlers/group-client.ts'
import type { TestNode } from '../../handlers/test-node.ts'

/** Longer than offsets.commit.timeout.ms. */
const LONG_MS = 6000

/** Replica 2 is in sync and fetches nothing: nothing is committed while it is. */
const STALLED = { replicas: [1, 2], isr: [1, 2] }
const ALONE = { replicas: [1, 2], isr: [1] }

function offsetsOf(node: TestNode): Partition {
  const partition = node.replicas.find(OFFSETS_TOPIC, 0)
  if (typeof partition === 'string') throw new Error(partition)
  return partition
}

function update(partition: Partition, change: { replicas: number[]; isr: number[] }): void {
  partition.update({ ...partition.assignment, ...change })
}

/** Until what was asked for so far is in the log of this broker. */
async function written({ log }: Partition): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  await log!.whenIdle()
}

async function heartbeat(
  node: TestNode,
  member: { memberId: string; generationId: number },
): Promise<string> {
  const { errorCode } = await node.ask(Heartbeat, 4, { groupId: 'g', ...member })
  return errorCode
}

describe('a stall of the replicas of __consumer_offsets', () => {
  test('delays answers, each with an error of its own, and costs no member its place', async () => {
    const node = await nodeWithGroups()
    await node.addTopic('t')
    const member = await stableGroup(node)
    const partition = offsetsOf(node)
    update(partition, STALLED)
    const commits = commit(node, { ...member, generation: member.generationId })
    const beat = heartbeat(node, member)
    // Its first JoinGroup, which only lives in memory, is answered late too.
    const given = join(node, { groupId: 'other' })
    await written(partition)
    node.clock.skip(LONG_MS)
    expect(await commits).toEqual(['COORDINATOR_NOT_AVAILABLE'])
    expect(await beat).toBe('COORDINATOR_NOT_AVAILABLE')
    expect((await given).errorCode).toBe('COORDINATOR_NOT_AVAILABLE')

    update(partition, ALONE)
    expect(await heartbeat(node, member)).toBe('NONE')
    expect(await committed(node)).toMatchObject({ committedOffset: 7 })
  })

  test('leaves members in the middle of their rebalance', async () => {
    const node = await nodeWithGroups()
    await node.addTopic('t')
    const first = await stableGroup(node)
    const second = joinWithId(node)
    const again = join(node, { memberId: first.memberId })
    const { memberId, generationId } = await second
    await again
    const partition = offsetsOf(node)
    update(partition, STALLED)
    const other = commit(node, { groupId: 'simple' })
    const assignments = [{ memberId, assignment: Buffer.from('mine') }]
    const leader = { memberId: first.memberId, generationId }
    const beat = heartbeat(node, leader)
    await written(partition)
    node.clock.skip(LONG_MS)
    expect([await other, await beat]).toEqual([
      ['COORDINATOR_NOT_AVAILABLE'],
      'COORDINATOR_NOT_AVAILABLE',
    ])
    const synced = [sync(node, { memberId, generationId }), sync(node, { ...leader, assignments })]
    await written(partition)
    node.clock.skip(LONG_MS)
    expect((await Promise.all(synced)).map(({ errorCode }) => errorCode)).toEqual([
      'COORDINATOR_NOT_AVAILABLE',
      'COORDINATOR_NOT_AVAILABLE',
    ])
    update(partition, ALONE)
    // Clients ask again, and are told what was decided meanwhile.
    expect(await sync(node, { memberId, generationId })).toMatchObject({
      errorCode: 'NONE',
      assignment: Buffer.from('mine'),
    })
    expect(await heartbeat(node, leader)).toBe('NONE')
  })
})

describe('too few replicas of __consumer_offsets in sync', () => {
  const needsTwo = { configs: { 'min.insync.replicas': '2' } }

  test('refuse commits and assignments so that clients ask again, and members stay', async () => {
    const node = await nodeWithGroups({}, needsTwo)
    await node.addTopic('t')
    const first = await stableGroup(node)
    const second = joinWithId(node)
    const again = join(node, { memberId: first.memberId })
    const { memberId, generationId } = await second
    await again
    const partition = offsetsOf(node)
    update(partition, ALONE)
    const follower = sync(node, { memberId, generationId })
    const assignments = [{ memberId, assignment: Buffer.from('mine') }]
    const leader = { memberId: first.memberId, generationId }
    const told = [await sync(node, { ...leader, assignments }), await follower]
    expect(told.map(({ errorCode }) => errorCode)).toEqual([
      'COORDINATOR_NOT_AVAILABLE',
      'COORDINATOR_NOT_AVAILABLE',
    ])
    expect(await commit(node)).toEqual(['UNKNOWN_MEMBER_ID'])
    expect(await commit(node, { groupId: 'simple' })).toEqual(['COORDINATOR_NOT_AVAILABLE'])
    expect(await heartbeat(node, { memberId, generationId })).toBe('REBALANCE_IN_PROGRESS')

    update(partition, { replicas: [1], isr: [1] })
    const rejoined = await Promise.all([
      join(node, { memberId }),
      join(node, { memberId: first.memberId }),
    ])
    expect(rejoined.map((answer) => answer.generationId)).toEqual([3, 3])
    expect(await commit(node, { groupId: 'simple' })).toEqual(['NONE'])
  })
})
