import { JoinGroup } from '../../protocol/messages/join-group.ts'
import { OffsetCommit } from '../../protocol/messages/offset-commit.ts'
import { OffsetFetch } from '../../protocol/messages/offset-fetch.ts'
import { SyncGroup } from '../../protocol/messages/sync-group.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { encodeSubscription } from '../../protocol/state/consumer-protocol.ts'
import { TestNode } from './test-node.ts'

/** With groups, and no wait before the first rebalance of one. */
export async function nodeWithGroups(
  settings: Readonly<Record<string, string>> = {},
  offsetsTopic: Parameters<TestNode['addGroups']>[0] = {},
): Promise<TestNode> {
  const node = new TestNode({ 'group.initial.rebalance.delay.ms': '0', ...settings })
  await node.addGroups(offsetsTopic)
  return node
}

export interface JoinAsked {
  readonly version?: number
  readonly groupId?: string
  readonly memberId?: string
  readonly groupInstanceId?: string | null
  readonly sessionTimeoutMs?: number
  readonly rebalanceTimeoutMs?: number
  readonly protocolType?: string
  readonly protocols?: readonly { name: string; metadata: Buffer }[]
  readonly clientId?: string
}

export const READS_T = { name: 'range', metadata: encodeSubscription(3, { topics: ['t'] }) }

export function join(node: TestNode, asked: JoinAsked = {}) {
  const { version = 9, clientId, ...more } = asked
  const body = {
    groupId: 'g',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 60_000,
    memberId: '',
    groupInstanceId: null,
    protocolType: 'consumer',
    protocols: [READS_T],
    reason: null,
    ...more,
  }
  return node.ask(JoinGroup, version, body, clientId)
}

/** Joins as clients do since KIP-394: with the id that the first answer gives. */
export async function joinWithId(node: TestNode, asked: JoinAsked = {}) {
  const { errorCode, memberId } = await join(node, asked)
  expect(errorCode).toBe('MEMBER_ID_REQUIRED')
  return join(node, { ...asked, memberId })
}

export function sync(
  node: TestNode,
  asked: {
    version?: number
    groupId?: string
    memberId?: string
    generationId?: number
    groupInstanceId?: string | null
    protocolType?: string | null
    protocolName?: string | null
    assignments?: { memberId: string; assignment: Buffer }[]
  } = {},
) {
  const { version = 5, ...more } = asked
  const body = {
    groupId: 'g',
    generationId: 1,
    memberId: '',
    groupInstanceId: null,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [],
    ...more,
  }
  return node.ask(SyncGroup, version, body)
}

/** A stable group of one member, which reads `t`. */
export async function stableGroup(
  node: TestNode,
  asked: JoinAsked = {},
): Promise<{ memberId: string; generationId: number }> {
  const { memberId, generationId } = await joinWithId(node, asked)
  const assignments = [{ memberId, assignment: Buffer.from('all') }]
  const groupId = asked.groupId ?? 'g'
  const { errorCode } = await sync(node, { groupId, memberId, generationId, assignments })
  expect(errorCode).toBe('NONE')
  return { memberId, generationId }
}

export interface CommitAsked {
  readonly version?: number
  readonly groupId?: string
  readonly memberId?: string
  readonly generation?: number
  readonly groupInstanceId?: string | null
  readonly retentionTimeMs?: number
  readonly name?: string
  readonly topicId?: string
  readonly partitions?: readonly {
    partitionIndex?: number
    committedOffset?: number | bigint
    committedLeaderEpoch?: number
    committedMetadata?: string | null
  }[]
}

/** Commits for one topic, `t` unless another is named; the errors of its partitions. */
export async function commit(node: TestNode, asked: CommitAsked = {}) {
  const { version = 9, generation = -1, name = 't', topicId = ZERO_UUID, ...more } = asked
  const { partitions = [{}], ...rest } = more
  const { topics } = await node.ask(OffsetCommit, version, {
    groupId: 'g',
    memberId: '',
    groupInstanceId: null,
    retentionTimeMs: -1,
    ...rest,
    generationIdOrMemberEpoch: generation,
    topics: [
      {
        name,
        topicId,
        partitions: partitions.map((own) => ({
          partitionIndex: 0,
          committedOffset: 7,
          committedLeaderEpoch: -1,
          committedMetadata: '',
          ...own,
        })),
      },
    ],
  })
  return topics[0]!.partitions.map(({ errorCode }) => errorCode)
}

/** What the group has committed for partition 0 of a topic, `t` unless another is named. */
export async function committed(
  node: TestNode,
  { groupId = 'g', name = 't' }: { groupId?: string; name?: string } = {},
) {
  const { groups } = await node.ask(OffsetFetch, 9, {
    requireStable: false,
    groups: [
      {
        groupId,
        memberId: null,
        memberEpoch: -1,
        topics: [{ name, topicId: ZERO_UUID, partitionIndexes: [0] }],
      },
    ],
  })
  return groups[0]!.topics[0]!.partitions[0]!
}
