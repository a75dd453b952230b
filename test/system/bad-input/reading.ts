import { DeleteRecords } from '../../../protocol/messages/delete-records.ts'
import { Fetch } from '../../../protocol/messages/fetch.ts'
import { ListOffsets } from '../../../protocol/messages/list-offsets.ts'
import { Metadata } from '../../../protocol/messages/metadata.ts'
import { OffsetForLeaderEpoch } from '../../../protocol/messages/offset-for-leader-epoch.ts'
import type { RequestToSend } from '../../../protocol/schema.ts'
import type { BadInput, World } from './case.ts'
import { errorOf } from './case.ts'

type FetchToSend = RequestToSend<typeof Fetch>

interface WrongFetch {
  readonly version?: number
  readonly topic?: string
  readonly topicId?: (world: World) => string
  readonly partition?: number
  readonly offset?: number | bigint
  readonly leaderEpoch?: number
  readonly session?: Pick<FetchToSend, 'sessionId' | 'sessionEpoch'>
}

const fetches = (name: string, wrong: WrongFetch): BadInput => ({
  name,
  ask: async (client, world) => {
    const { version = 12, topic = 'plain', topicId, partition = 0, offset = 0 } = wrong
    const { leaderEpoch = -1, session = {} } = wrong
    const where = topicId === undefined ? { topic } : { topicId: topicId(world) }
    const { errorCode, responses } = await client.request(Fetch, version, {
      maxWaitMs: 100,
      minBytes: 0,
      ...session,
      topics: [
        {
          ...where,
          partitions: [
            {
              partition,
              currentLeaderEpoch: leaderEpoch,
              fetchOffset: offset,
              partitionMaxBytes: 1000,
            },
          ],
        },
      ],
    })
    return {
      errorCode,
      partitions: responses.flatMap(({ partitions }) => partitions.map(errorOf)),
    }
  },
})

const GREATEST = 2n ** 63n - 1n

const fetching: BadInput[] = [
  fetches('Fetch at the greatest int64', { offset: GREATEST }),
  fetches('Fetch at the least int64', { offset: -(2n ** 63n) }),
  fetches('Fetch of an unknown topic', { topic: 'nowhere' }),
  fetches('Fetch of an unknown partition', { partition: 9 }),
  fetches('Fetch of a negative partition', { partition: -1 }),
  fetches('Fetch of an unknown topic id', { version: 13, topicId: () => 'qqqqqqqqqqqqqqqqqqqqqg' }),
  fetches('Fetch of an unknown partition of a topic id', {
    version: 13,
    topicId: ({ topicId }) => topicId,
    partition: 9,
  }),
  fetches('Fetch beyond the end', { offset: 1_000_000 }),
  fetches('Fetch before the beginning', { offset: -5 }),
  fetches('Fetch with a leader epoch to come', { leaderEpoch: 99 }),
  fetches('Fetch in an unknown session', { session: { sessionId: 12_345, sessionEpoch: 3 } }),
  fetches('Fetch in a session that was never opened', {
    session: { sessionId: 0, sessionEpoch: 3 },
  }),
]

const PLAIN_END = 1_000_000n
const lists = (
  name: string,
  version: number,
  timestamp: bigint,
  { topic = 'plain', partition = 0, leaderEpoch = -1, twice = false } = {},
): BadInput => ({
  name,
  ask: async (client) => {
    const asked = { partitionIndex: partition, currentLeaderEpoch: leaderEpoch, timestamp }
    const { topics } = await client.request(ListOffsets, version, {
      replicaId: -1,
      timeoutMs: 1000,
      topics: [{ name: topic, partitions: twice ? [asked, asked] : [asked] }],
    })
    return topics.flatMap(({ partitions }) =>
      partitions.map((each) => ({
        errorCode: each.errorCode,
        timestamp: Number(each.timestamp),
        ...(each.errorCode === 'NONE' && timestamp !== PLAIN_END ? {} : { offset: each.offset }),
      })),
    )
  },
})

const listing: BadInput[] = [
  lists('ListOffsets of an unknown topic', 7, -1n, { topic: 'nowhere' }),
  lists('ListOffsets of an unknown partition', 7, -1n, { partition: 9 }),
  lists('ListOffsets for a special time of a later version', 6, -3n),
  lists('ListOffsets for the local start before version 8', 7, -4n),
  lists('ListOffsets for the tiered end before version 9', 8, -5n),
  lists('ListOffsets for a special time that does not exist', 11, -7n),
  lists('ListOffsets with a leader epoch to come', 7, -1n, { leaderEpoch: 99 }),
  lists('ListOffsets of one partition twice', 7, -1n, { twice: true }),
]

const describes = (
  name: string,
  version: number,
  topics: RequestToSend<typeof Metadata>['topics'],
): BadInput => ({
  name,
  ask: async (client) => {
    const answer = await client.request(Metadata, version, {
      topics,
      allowAutoTopicCreation: false,
    })
    return answer.topics.map((topic) => ({
      errorCode: topic.errorCode,
      name: topic.name,
      partitions: topic.partitions.length,
    }))
  },
})

const describing: BadInput[] = [
  describes('Metadata of an unknown topic', 9, [{ name: 'nowhere' }]),
  describes('Metadata of a name that can’t be', 9, [{ name: 'a/b' }]),
  describes('Metadata of an empty name', 9, [{ name: '' }]),
  describes('Metadata of a name of dots', 9, [{ name: '..' }]),
  describes('Metadata of a name of 250 letters', 9, [{ name: 'a'.repeat(250) }]),
  describes('Metadata of an unknown topic id', 12, [
    { topicId: 'qqqqqqqqqqqqqqqqqqqqqg', name: null },
  ]),
  {
    name: 'Metadata that would create a topic with a name that can’t be',
    ask: async (client) => {
      const answer = await client.request(Metadata, 9, {
        topics: [{ name: 'not a name' }],
        allowAutoTopicCreation: true,
      })
      return answer.topics.map(errorOf)
    },
  },
]

const others: BadInput[] = [
  ...[
    { topic: 'nowhere', partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 },
    { topic: 'plain', partition: 9, currentLeaderEpoch: -1, leaderEpoch: 0 },
    { topic: 'plain', partition: 0, currentLeaderEpoch: 99, leaderEpoch: 0 },
    { topic: 'plain', partition: 0, currentLeaderEpoch: -1, leaderEpoch: 99 },
  ].map(({ topic, ...partition }) => ({
    name: `OffsetForLeaderEpoch ${JSON.stringify({ topic, ...partition })}`,
    ask: async (client: Parameters<BadInput['ask']>[0]) => {
      const { topics } = await client.request(OffsetForLeaderEpoch, 4, {
        replicaId: -1,
        topics: [{ topic, partitions: [partition] }],
      })
      return topics.flatMap(({ partitions }) =>
        partitions.map(({ errorCode, leaderEpoch, endOffset }) => ({
          errorCode,
          leaderEpoch,
          endOffset,
        })),
      )
    },
  })),
  ...[
    { name: 'nowhere', partitionIndex: 0, offset: 0 },
    { name: 'plain', partitionIndex: 9, offset: 0 },
    { name: 'plain', partitionIndex: 0, offset: 1_000_000 },
    { name: 'plain', partitionIndex: 0, offset: -5 },
    { name: 'plain', partitionIndex: 0, offset: 2n ** 63n - 1n },
    { name: 'plain', partitionIndex: 0, offset: -(2n ** 63n) },
    { name: 'compacted', partitionIndex: 0, offset: 0 },
  ].map(({ name, partitionIndex, offset }) => ({
    name: `DeleteRecords of ${name}-${partitionIndex} before ${offset}`,
    ask: async (client: Parameters<BadInput['ask']>[0]) => {
      const { topics } = await client.request(DeleteRecords, 2, {
        timeoutMs: 5000,
        topics: [{ name, partitions: [{ partitionIndex, offset }] }],
      })
      return topics.flatMap(({ partitions }) =>
        partitions.map(({ errorCode, lowWatermark }) => ({ errorCode, lowWatermark })),
      )
    },
  })),
]

export const reading: readonly BadInput[] = [...fetching, ...listing, ...describing, ...others]
