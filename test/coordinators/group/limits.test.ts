import { DeleteGroups } from '../../../protocol/messages/delete-groups.ts'
import { ZERO_UUID } from '../../../protocol/schema.ts'
import { join, joinWithId, nodeWithGroups, stableGroup, sync } from '../../handlers/group-client.ts'
import type { TestNode } from '../../handlers/test-node.ts'

const OFFSETS = '__consumer_offsets'
const WEEK_MS = 7 * 86_400_000
const SMALL = { configs: { 'max.message.bytes': '20000' } }

/** Offsets of 1,000 partitions of a topic, whose tombstones have 40,000 bytes or so. */
async function commitMany(node: TestNode, groupId: string, topic: string): Promise<void> {
  for (let first = 0; first < 1000; first += 100) {
    await node.groups.ask<'CommitOffsets'>(groupId, {
      type: 'CommitOffsets',
      version: 9,
      groupId,
      generation: -1,
      memberId: '',
      groupInstanceId: null,
      retentionTimeMs: -1,
      topics: [
        {
          name: topic,
          topicId: ZERO_UUID,
          partitions: Array.from({ length: 100 }, (_, index) => ({
            partitionIndex: first + index,
            committedOffset: 1,
            committedLeaderEpoch: -1,
            committedMetadata: null,
          })),
        },
      ],
    })
  }
}

async function countOf(node: TestNode, groupId: string, topic: string): Promise<number> {
  const fetch = { type: 'FetchOffsets', groupId, topics: null, requireStable: false } as const
  const topics = await node.groups.ask<'FetchOffsets'>(groupId, fetch)
  return topics.find(({ name }) => name === topic)?.partitions.length ?? 0
}

/** The groups as a restart would find them: rebuilt from the log. */
async function reload(node: TestNode): Promise<void> {
  const partition = node.replicas.find(OFFSETS, 0)
  if (typeof partition === 'string') throw new Error(partition)
  partition.update({ ...ALONE, leaderEpoch: partition.leaderEpoch + 1 })
  node.groups.follow()
  await node.groupsLoaded()
}

const ALONE = { leader: 1, partitionEpoch: 1, replicas: [1], isr: [1], directories: [] }

describe('what is more than one batch of __consumer_offsets holds', () => {
  test('offsets expire all the same', async () => {
    const node = await nodeWithGroups({}, SMALL)
    await commitMany(node, 'g', 't'.repeat(30))
    expect(await countOf(node, 'g', 't'.repeat(30))).toBe(1000)
    node.clock.skip(WEEK_MS + 600_000)
    expect(await countOf(node, 'g', 't'.repeat(30))).toBe(0)
    await reload(node)
    expect(await countOf(node, 'g', 't'.repeat(30))).toBe(0)
    expect(node.logged.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([])
  })

  test('a deleted topic takes all its offsets along, and leaves those of others', async () => {
    const node = await nodeWithGroups({}, SMALL)
    await commitMany(node, 'g', 'deleted')
    await commitMany(node, 'h', 'deleted')
    await commitMany(node, 'g', 'kept')
    await node.groups.forgetTopics(['deleted'])
    await reload(node)
    const counts = [countOf(node, 'g', 'deleted'), countOf(node, 'h', 'deleted')]
    expect(await Promise.all([...counts, countOf(node, 'g', 'kept')])).toEqual([0, 0, 1000])
  })

  test('a group is deleted with all its offsets', async () => {
    const node = await nodeWithGroups({}, SMALL)
    await commitMany(node, 'g', 't')
    const { results } = await node.ask(DeleteGroups, 2, { groupsNames: ['g'] })
    expect(results).toMatchObject([{ groupId: 'g', errorCode: 'NONE' }])
    await reload(node)
    expect(await countOf(node, 'g', 't')).toBe(0)
    expect(await node.groups.askAll({ type: 'List' })).toEqual([[]])
  })

  test('a commit is atomic, so it is refused, and the log says of which group and what the limit is', async () => {
    const node = await nodeWithGroups({}, { configs: { 'max.message.bytes': '5000' } })
    await expect(commitMany(node, 'g', 't'.repeat(100))).rejects.toMatchObject({
      code: 'UNKNOWN_SERVER_ERROR',
    })
    expect(await countOf(node, 'g', 't'.repeat(100))).toBe(0)
    const { fields } = node.logged.find(({ level }) => level === 'warn')!
    expect(fields).toMatchObject({ groupId: 'g', topic: OFFSETS, partition: 0 })
    expect((fields as { err: Error }).err.message).toMatch(/have 5000 at most|has 5000 at most/)
  })

  test('assignments are refused at once to all who wait for them, and the group begins anew', async () => {
    const node = await nodeWithGroups({}, SMALL)
    const first = await stableGroup(node)
    const second = joinWithId(node)
    await new Promise((resolve) => setImmediate(resolve))
    const again = await join(node, { memberId: first.memberId })
    const { memberId, generationId } = await second
    const follower = sync(node, { memberId, generationId })
    const assignments = [{ memberId, assignment: Buffer.alloc(30_000) }]
    const leader = await sync(node, { memberId: again.leader, generationId, assignments })
    const { errorCode } = await follower
    expect([leader.errorCode, errorCode]).toEqual(['UNKNOWN_SERVER_ERROR', 'UNKNOWN_SERVER_ERROR'])
    const { fields } = node.logged.find(({ level }) => level === 'warn')!
    expect(fields).toMatchObject({ groupId: 'g' })

    const rejoined = await Promise.all([join(node, { memberId }), join(node, first)])
    expect(rejoined.map((answer) => answer.generationId)).toEqual([3, 3])
    const small = [{ memberId, assignment: Buffer.alloc(3) }]
    const synced = await sync(node, {
      memberId: first.memberId,
      generationId: 3,
      assignments: small,
    })
    expect(synced.errorCode).toBe('NONE')
  })

  test('tombstones that even a batch of their own cannot hold are left until the limit is raised', async () => {
    const node = await nodeWithGroups()
    await commitMany(node, 'g', 't')
    node.setConfig(2, OFFSETS, { 'cleanup.policy': 'compact', 'max.message.bytes': '50' })
    node.replicas.configure(OFFSETS)
    node.clock.skip(WEEK_MS + 600_000)
    await node.groups.forgetTopics(['t'])
    expect(await countOf(node, 'g', 't')).toBe(1000)
    node.setConfig(2, OFFSETS, { 'cleanup.policy': 'compact' })
    node.replicas.configure(OFFSETS)
    node.clock.skip(600_000)
    expect(await countOf(node, 'g', 't')).toBe(0)
  })
})
