import { ZERO_UUID } from '../../../protocol/schema.ts'
import { OFFSETS_TOPIC } from '../../../src/coordinators/group/kind.ts'
import type { CoordinatorError } from '../../../src/coordinators/runtime/errors.ts'
import { UNGUARDED } from '../../../src/log/producers/verifications.ts'
import { commit, committed, nodeWithGroups, stableGroup } from '../../handlers/group-client.ts'
import { TestNode } from '../../handlers/test-node.ts'
import {
  partitionOf,
  PRODUCER,
  stableOffset,
  writeMarker,
} from '../../handlers/transaction-client.ts'

const OFFSETS = [{ name: OFFSETS_TOPIC, partitionIndexes: [0] }]

interface Asked {
  readonly offset?: number
  readonly groupId?: string
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly generation?: number
  readonly memberId?: string
  readonly groupInstanceId?: string | null
  readonly guard?: number
  readonly version?: number
}

/** Commits an offset for partition 0 of `t` in a transaction; the error of the partition, or of all. */
async function commitOpen(node: TestNode, asked: Asked = {}): Promise<string> {
  const { offset = 7, groupId = 'g', ...more } = asked
  const partition = {
    partitionIndex: 0,
    committedOffset: offset,
    committedLeaderEpoch: -1,
    committedMetadata: '',
  }
  const asking = node.groups.ask<'CommitTransactionOffsets'>(groupId, {
    type: 'CommitTransactionOffsets',
    version: 5,
    groupId,
    producerId: PRODUCER,
    producerEpoch: 0,
    generation: -1,
    memberId: '',
    groupInstanceId: null,
    guard: UNGUARDED,
    topics: [{ name: 't', topicId: ZERO_UUID, partitions: [partition] }],
    ...more,
  })
  const reply = await asking.catch((error: CoordinatorError) => error.code)
  return typeof reply === 'string' ? reply : reply[0]![0]!.errorCode
}

async function nodeWithTopic(): Promise<TestNode> {
  const node = await nodeWithGroups()
  await node.addTopic('t')
  return node
}

/** Another node, with what this one had on its disk. */
async function restarted(node: TestNode): Promise<TestNode> {
  node.groups.close()
  await node.logs.close(-1)
  const next = new TestNode({ 'group.initial.rebalance.delay.ms': '0' }, node.disk)
  const idOf = (name: string): string => node.image.topics.byName.get(name)!.id
  await next.addTopic('t', { id: idOf('t') })
  await next.addTopic(OFFSETS_TOPIC, { id: idOf(OFFSETS_TOPIC) })
  next.groups.follow()
  await next.groupsLoaded()
  return next
}

describe('the offsets of a transaction', () => {
  test('count from its commit on', async () => {
    const node = await nodeWithTopic()
    await commit(node, { partitions: [{ committedOffset: 3 }] })
    expect(await commitOpen(node)).toBe('NONE')
    expect(await committed(node)).toMatchObject({ committedOffset: 3, errorCode: 'NONE' })
    expect(await stableOffset(node)).toBe('UNSTABLE_OFFSET_COMMIT')
    expect(await writeMarker(node, { topics: OFFSETS })).toEqual(['NONE'])
    expect(await stableOffset(node)).toBe(7)
  })

  test('never count where it is aborted', async () => {
    const node = await nodeWithTopic()
    await commit(node, { partitions: [{ committedOffset: 3 }] })
    await commitOpen(node)
    expect(await writeMarker(node, { topics: OFFSETS, commits: false })).toEqual(['NONE'])
    expect(await stableOffset(node)).toBe(3)
  })

  test.each([true, false])('wait for its end through a restart; commits: %s', async (commits) => {
    const before = await nodeWithTopic()
    await commit(before, { partitions: [{ committedOffset: 3 }] })
    await commitOpen(before)
    const node = await restarted(before)
    expect(await stableOffset(node)).toBe('UNSTABLE_OFFSET_COMMIT')
    expect(await writeMarker(node, { topics: OFFSETS, commits })).toEqual(['NONE'])
    expect(await stableOffset(node)).toBe(commits ? 7 : 3)
    const last = await restarted(node)
    expect(await stableOffset(last)).toBe(commits ? 7 : 3)
  })

  test('of a producer that was fenced are refused, and nothing is lost', async () => {
    const node = await nodeWithTopic()
    await commitOpen(node, { producerEpoch: 1 })
    const marker = { topics: OFFSETS, producerEpoch: 2, coordinatorEpoch: 5 }
    expect(await writeMarker(node, { ...marker, producerEpoch: 0 })).toEqual([
      'INVALID_PRODUCER_EPOCH',
    ])
    expect(await writeMarker(node, marker)).toEqual(['NONE'])
    expect(await commitOpen(node, { producerEpoch: 1, offset: 8 })).toBe('INVALID_PRODUCER_EPOCH')
    expect(await writeMarker(node, { ...marker, coordinatorEpoch: 4 })).toEqual([
      'TRANSACTION_COORDINATOR_FENCED',
    ])
    expect(await stableOffset(node)).toBe(7)
    const lines = node.logged.filter(({ level }) => level === 'warn' || level === 'error')
    expect(lines).toEqual([])
  })

  test('are held against what is decided in the same turn', async () => {
    const node = await nodeWithTopic()
    const replies = await Promise.all([
      commitOpen(node, { producerEpoch: 3 }),
      commitOpen(node, { producerEpoch: 2 }),
      writeMarker(node, { topics: OFFSETS, producerEpoch: 2 }),
      writeMarker(node, { topics: OFFSETS, producerEpoch: 4, transactionVersion: 2 }),
      commitOpen(node, { producerEpoch: 3 }),
      commitOpen(node, { producerEpoch: 4, guard: 0 }),
    ])
    expect(replies.flat()).toEqual([
      'NONE',
      'INVALID_PRODUCER_EPOCH',
      'INVALID_PRODUCER_EPOCH',
      'NONE',
      'INVALID_PRODUCER_EPOCH',
      'INVALID_TXN_STATE',
    ])
    expect(await stableOffset(node)).toBe(7)
  })

  test('need a verification, which a marker ends even before it is written', async () => {
    const node = await nodeWithTopic()
    const { transactions } = partitionOf(node, OFFSETS_TOPIC).log!
    const begin = () => transactions.beginVerification(PRODUCER, 0, -1, false, Date.now())
    const guard = begin()
    const replies = await Promise.all([
      writeMarker(node, { topics: OFFSETS }),
      commitOpen(node, { guard }),
    ])
    expect(replies).toEqual([['NONE'], 'INVALID_TXN_STATE'])
    expect(await commitOpen(node, { guard: begin() })).toBe('NONE')
    expect(await commitOpen(node, { guard: 0 })).toBe('NONE')
  })
})

describe('who commits offsets in a transaction', () => {
  test('may be nobody in particular, even while the group has members', async () => {
    const node = await nodeWithTopic()
    await stableGroup(node)
    expect(await commitOpen(node)).toBe('NONE')
  })

  test('is the member that it says it is, in the generation that it says', async () => {
    const node = await nodeWithTopic()
    const { memberId, generationId: generation } = await stableGroup(node)
    expect(await commitOpen(node, { memberId, generation })).toBe('NONE')
    expect(await commitOpen(node, { memberId, generation: generation + 1 })).toBe(
      'ILLEGAL_GENERATION',
    )
    expect(await commitOpen(node, { memberId: 'another', generation })).toBe('UNKNOWN_MEMBER_ID')
    expect(await commitOpen(node, { memberId, generation, groupInstanceId: 'i' })).toBe(
      'UNKNOWN_MEMBER_ID',
    )
  })

  test.each([
    [5, 'ILLEGAL_GENERATION'],
    [6, 'GROUP_ID_NOT_FOUND'],
  ])('of a group that is not there is told so: v%i', async (version, error) => {
    const node = await nodeWithTopic()
    expect(await commitOpen(node, { version, memberId: 'm', generation: 1 })).toBe(error)
  })
})
