import { FindCoordinator } from '../../../protocol/messages/find-coordinator.ts'
import { Heartbeat } from '../../../protocol/messages/heartbeat.ts'
import { JoinGroup } from '../../../protocol/messages/join-group.ts'
import { OffsetCommit } from '../../../protocol/messages/offset-commit.ts'
import { OffsetFetch } from '../../../protocol/messages/offset-fetch.ts'
import type { RequestToSend } from '../../../protocol/schema.ts'
import type { BadInput } from './case.ts'
import { errorOf } from './case.ts'

const joins = (title: string, wrong: Partial<RequestToSend<typeof JoinGroup>>): BadInput => ({
  name: `JoinGroup with ${title}`,
  ask: async (client) => {
    const answer = await client.request(JoinGroup, 7, {
      groupId: 'bad-input',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      memberId: '',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
      ...wrong,
    })
    return { errorCode: answer.errorCode, generationId: answer.generationId }
  },
})

const finds = (key: string, keyType: number): BadInput => ({
  name: `FindCoordinator of "${key}", type ${keyType}`,
  ask: async (client) => {
    const answer = await client.request(FindCoordinator, 4, { keyType, coordinatorKeys: [key] })
    return answer.coordinators.map(errorOf)
  },
})

/** The harness asks when the coordinator of these groups is there. */
export const grouping: readonly BadInput[] = [
  finds('', 0),
  finds('g', 9),
  joins('an empty group id', { groupId: '' }),
  joins('a session that is too short', { sessionTimeoutMs: 10 }),
  joins('a session that is too long', { sessionTimeoutMs: 100_000_000 }),
  joins('an unknown member id', { memberId: 'nobody' }),
  joins('no protocols', { protocols: [] }),
  joins('an empty protocol type', { protocolType: '' }),
  {
    name: 'Heartbeat of an unknown member',
    ask: async (client) => {
      const member = { groupId: 'bad-input', generationId: 3, memberId: 'nobody' }
      return errorOf(await client.request(Heartbeat, 4, member))
    },
  },
  {
    name: 'OffsetCommit of an unknown member, an unknown topic and too much metadata',
    ask: async (client) => {
      const commit = async (
        name: string,
        generationIdOrMemberEpoch: number,
        committedMetadata: string,
      ) => {
        const { topics } = await client.request(OffsetCommit, 8, {
          groupId: 'bad-commits',
          generationIdOrMemberEpoch,
          memberId: generationIdOrMemberEpoch < 0 ? '' : 'nobody',
          topics: [
            { name, partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata }] },
          ],
        })
        return topics.flatMap(({ partitions }) => partitions.map(errorOf))
      }
      return [
        await commit('plain', 3, ''),
        await commit('nowhere', -1, ''),
        await commit('plain', -1, 'x'.repeat(5000)),
      ]
    },
  },
  {
    name: 'OffsetCommit and OffsetFetch of offsets at the ends of int64',
    ask: async (client) => {
      const groupId = 'far-offsets'
      const told: string[] = []
      for (const committedOffset of [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n]) {
        const partitions = [{ partitionIndex: 0, committedOffset, committedMetadata: '' }]
        const topics = [{ name: 'plain', partitions }]
        const asked = { groupId, generationIdOrMemberEpoch: -1, memberId: '', topics }
        const { topics: committed } = await client.request(OffsetCommit, 8, asked)
        const fetch = { groupId, topics: [{ name: 'plain', partitionIndexes: [0] }] }
        const { topics: fetched } = await client.request(OffsetFetch, 7, fetch)
        const offset = fetched[0]!.partitions[0]!.committedOffset
        told.push(`${committed[0]!.partitions[0]!.errorCode} ${offset}`)
      }
      return told
    },
  },
]
