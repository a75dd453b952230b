import { JoinGroup } from '../../../protocol/messages/join-group.ts'
import { LeaveGroup } from '../../../protocol/messages/leave-group.ts'
import { SyncGroup } from '../../../protocol/messages/sync-group.ts'
import type { RawClient } from '../../support/raw-client.ts'
import type { BadInput, Told } from './case.ts'
import { settled, transacts } from './transactional-producer.ts'
import type { Producer } from './transactional-producer.ts'

/** The member of a group of one. */
class Member {
  readonly #client: RawClient
  readonly groupId: string
  readonly groupInstanceId: string | null
  memberId = ''
  generation = -1

  constructor(client: RawClient, groupId: string, groupInstanceId: string | null = null) {
    this.#client = client
    this.groupId = groupId
    this.groupInstanceId = groupInstanceId
  }

  get identity() {
    const { groupId, groupInstanceId, memberId, generation } = this
    return { groupId, groupInstanceId, memberId, generation }
  }

  /** @param metadata another one is a reason for another generation */
  async join(metadata = 'a'): Promise<this> {
    await settled(async () => {
      const answer = await this.#client.request(JoinGroup, 9, {
        ...this.identity,
        sessionTimeoutMs: 30_000,
        rebalanceTimeoutMs: 30_000,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: Buffer.from(metadata) }],
      })
      this.memberId = answer.memberId
      this.generation = answer.generationId
      // It asks again with the id that it was given.
      return answer.errorCode === 'MEMBER_ID_REQUIRED'
        ? 'CONCURRENT_TRANSACTIONS'
        : answer.errorCode
    })
    return this
  }

  async sync(): Promise<this> {
    const { groupId, memberId, groupInstanceId, generation } = this
    await this.#client.request(SyncGroup, 5, {
      groupId,
      memberId,
      groupInstanceId,
      generationId: generation,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [{ memberId, assignment: Buffer.from('all') }],
    })
    return this
  }

  async leave(): Promise<this> {
    const { groupId, memberId, groupInstanceId } = this
    await this.#client.request(LeaveGroup, 5, { groupId, members: [{ memberId, groupInstanceId }] })
    return this
  }
}

/** What the group says to a commit of this member in each version that names it, and then the end of the transaction. */
async function commits(
  producer: Producer,
  told: Member['identity'],
  more: Partial<Member['identity']> = {},
): Promise<Told> {
  const member = { ...told, ...more }
  await producer.addOffsets(3, member.groupId)
  const errors: Told[] = []
  for (const version of [3, 4, 5, 6]) errors.push(await producer.commitOffset(version, member))
  return [errors, await producer.end(5, false)]
}

/** Commits of those who are, or were, members of groups. */
export const expelled: readonly BadInput[] = [
  transacts('TxnOffsetCommit of a member, in its generation and in others', async (own, client) => {
    const member = await new Member(client, 'of one member').join()
    const { identity } = await member.sync()
    const told = [await commits(own, identity)]
    for (const generation of [0, 2, -1]) told.push(await commits(own, identity, { generation }))
    told.push(await commits(own, identity, { memberId: 'another' }))
    told.push(await commits(own, identity, { memberId: '', generation: -1 }))
    return told
  }),
  transacts('TxnOffsetCommit of a member that has joined and not synced', async (own, client) => {
    const { identity } = await new Member(client, 'of one that joins').join()
    return commits(own, identity)
  }),
  transacts('TxnOffsetCommit in the generation of before', async (own, client) => {
    const member = await new Member(client, 'of two generations').join()
    const { identity: old } = await member.sync()
    const { identity } = await (await member.join('b')).sync()
    return [await commits(own, old), await commits(own, identity)]
  }),
  transacts('TxnOffsetCommit of a member that has left', async (own, client) => {
    const member = await new Member(client, 'of one that left').join()
    const { identity } = await (await member.sync()).leave()
    return commits(own, identity)
  }),
  transacts(
    'TxnOffsetCommit of a member that has left others',
    async (own, client, { connect }) => {
      const groupId = 'of one that stays'
      const [first, other] = [new Member(client, groupId), await connect()]
      const { identity } = await (await first.join()).sync()
      await first.leave()
      await (await new Member(other, groupId).join()).sync()
      other.destroy()
      return commits(own, identity)
    },
  ),
  transacts(
    'TxnOffsetCommit of a static member whose place another has taken',
    async (own, client) => {
      const groupId = 'of a static member'
      const { identity } = await (await new Member(client, groupId, 'i').join()).sync()
      const next = await (await new Member(client, groupId, 'i').join()).sync()
      return [
        await commits(own, identity),
        await commits(own, identity, { groupInstanceId: null }),
        await commits(own, next.identity),
        await commits(own, next.identity, { groupInstanceId: 'j' }),
      ]
    },
  ),
]
