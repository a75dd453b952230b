import { CreateTopics } from '../../../protocol/messages/create-topics.ts'
import { DeleteTopics } from '../../../protocol/messages/delete-topics.ts'
import { ListOffsets } from '../../../protocol/messages/list-offsets.ts'
import { ZERO_UUID } from '../../../protocol/schema.ts'
import type { RawClient } from '../../support/raw-client.ts'
import { errorOf } from './case.ts'
import type { BadInput, Told } from './case.ts'
import { settled, stable, transacts } from './transactional-producer.ts'
import type { Producer } from './transactional-producer.ts'

const FIRST_VERSION_THAT_ADDS = 12

/** Opens a transaction with a record, as the client of an end of this version does. */
async function open(producer: Producer, endVersion: number, topic = 'transacted'): Promise<Told> {
  if (endVersion >= 5) return producer.produce(FIRST_VERSION_THAT_ADDS, 0, topic)
  const added = await producer.add(3, topic)
  return added === 'NONE' ? producer.produce(10, 0, topic) : added
}

/** In order of the errors: who is first is nobody's to say. */
async function atOnce(...ends: readonly Promise<Told>[]): Promise<Told> {
  const told = await Promise.all(ends)
  return told.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

/** An end is answered before its markers are written. */
function settledState(producer: Producer): Promise<string> {
  return settled(async () => {
    const state = await producer.state()
    return state.startsWith('Prepare') ? 'CONCURRENT_TRANSACTIONS' : state
  })
}

const VERSIONS = [0, 1, 2, 3, 4, 5] as const

const concurrent: BadInput[] = [
  ...VERSIONS.map((version) =>
    transacts(`EndTxn v${version} twice at once`, async (own, _client, { connect }) => {
      await open(own, version)
      const other = await connect()
      const told = await atOnce(own.copy().end(version), own.copy(other).end(version))
      other.destroy()
      return [told, await own.state()]
    }),
  ),
  ...VERSIONS.map((version) =>
    transacts(`EndTxn v${version} both ways at once`, async (own, _client, { connect }) => {
      await open(own, version)
      const other = await connect()
      const told = await atOnce(own.copy().end(version), own.copy(other).end(version, false))
      other.destroy()
      return told
    }),
  ),
  transacts('EndTxn v5 and the next records at once', async (own, _client, { connect }) => {
    await open(own, 5)
    const other = await connect()
    const late = own.copy(other)
    const [ended] = await Promise.all([own.end(5), late.produce(12, 1)])
    other.destroy()
    // Whether they were in time or not: nothing is open behind the end.
    return [ended, await settledState(own), await own.produce(12), await own.end(5, false)]
  }),
  transacts('EndTxn and the next InitProducerId at once', async (own, _client, { connect }) => {
    await open(own, 5)
    const other = await connect()
    const next = own.copy(other)
    await Promise.all([own.copy().end(5), settled(() => next.init())])
    other.destroy()
    return [await own.state(), await own.end(5), await own.end(4)]
  }),
]

const retried: BadInput[] = [
  ...VERSIONS.flatMap((version) =>
    [true, false].map((committed) =>
      transacts(`EndTxn v${version} again and again, commits: ${committed}`, async (own) => {
        await open(own, version)
        const [first, second, third] = [own.copy(), own.copy(), own.copy()]
        return [
          await first.end(version, committed),
          await second.end(version, committed),
          await third.end(version, !committed),
          await first.state(),
        ]
      }),
    ),
  ),
  transacts('EndTxn v5 again when the next transaction is open', async (own) => {
    await open(own, 5)
    const old = own.copy()
    await own.end(5)
    await open(own, 5)
    return [await old.copy().end(5), await old.copy().end(5, false), await own.end(5)]
  }),
  transacts('EndTxn v3 again when the next transaction is open', async (own) => {
    await open(own, 3)
    await own.end(3)
    await own.add(3)
    // It can't be told from the end of that one.
    return [await own.end(3), await settledState(own)]
  }),
  transacts('EndTxn v5 of a transaction of Produce v10', async (own) => {
    await open(own, 3)
    const old = own.copy()
    return [await own.end(5), await old.end(5), await old.end(4), await own.produce(12)]
  }),
  transacts('EndTxn v3 of a transaction of Produce v12', async (own) => {
    await open(own, 5)
    const old = own.copy()
    return [await own.end(3), await old.end(3), await old.end(5), await own.produce(12, 1)]
  }),
]

const late: BadInput[] = [
  ...[4, 5].map((version) =>
    transacts(`all of a transaction that took too long, EndTxn v${version}`, async (own) => {
      await own.init(100)
      await open(own, version)
      const old = own.copy()
      await settled(async () => {
        const state = await own.state()
        return state === 'CompleteAbort' ? state : 'CONCURRENT_TRANSACTIONS'
      })
      return {
        produced: await old.copy().produce(version === 4 ? 11 : 12, 1),
        added: await old.copy().add(3),
        offsets: [await old.copy().commitOffset(3), await old.copy().commitOffset(5)],
        aborted: await old.copy().end(version, false),
        committed: await old.copy().end(version),
        goesOn: await old.goOn(),
        ends: await old.end(version, false),
      }
    }),
  ),
]

/** Of one partition; resolves with its id when it has a leader. */
async function makeTopic(client: RawClient, name: string): Promise<string> {
  const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const made = await client.request(CreateTopics, 7, { topics: [topic], timeoutMs: 30_000 })
  await settled(async () => {
    const { topics } = await client.request(ListOffsets, 7, {
      replicaId: -1,
      topics: [{ name, partitions: [{ partitionIndex: 0, timestamp: -1n }] }],
    })
    const error = errorOf(topics[0]!.partitions[0]!)
    return error === 'NONE' ? error : 'CONCURRENT_TRANSACTIONS'
  })
  return made.topics[0]!.topicId
}

/** Resolves when nobody knows it any more. */
async function deleteTopic(client: RawClient, name: string): Promise<void> {
  const topics = [{ name, topicId: ZERO_UUID }]
  await client.request(DeleteTopics, 6, { topics, timeoutMs: 30_000 })
  await settled(async () => {
    const answer = await client.request(ListOffsets, 7, {
      replicaId: -1,
      topics: [{ name, partitions: [{ partitionIndex: 0, timestamp: -1n }] }],
    })
    const error = errorOf(answer.topics[0]!.partitions[0]!)
    return error === 'UNKNOWN_TOPIC_OR_PARTITION' ? error : 'CONCURRENT_TRANSACTIONS'
  })
}

const deleted: BadInput[] = [
  ...[3, 4, 5].flatMap((version) =>
    [true, false].map((committed) =>
      transacts(
        `EndTxn v${version} when a topic of the transaction is gone, commits: ${committed}`,
        async (own, client) => {
          const topic = `gone-${version}-${committed}`
          await makeTopic(client, topic)
          await open(own, version, topic)
          await open(own, version)
          await deleteTopic(client, topic)
          const ended = await own.end(version, committed)
          return [ended, await settledState(own), await open(own, version)]
        },
      ),
    ),
  ),
  transacts('all of a transaction with a topic that is gone', async (own, client) => {
    const topic = 'gone-for-good'
    const topicId = await makeTopic(client, topic)
    await open(own, 5, topic)
    await deleteTopic(client, topic)
    return {
      produced: [await own.produce(10, 1, topic), await own.produce(12, 1, topic)],
      added: await own.add(3, topic),
      offsets: [await own.commitOffset(5, { name: topic }), await own.commitOffset(6, { topicId })],
      ended: await own.end(5),
    }
  }),
  transacts(
    'a topic of the transaction is gone, and another one has its name',
    async (own, client) => {
      const topic = 'gone-and-back'
      await makeTopic(client, topic)
      await open(own, 5, topic)
      await deleteTopic(client, topic)
      await makeTopic(client, topic)
      return {
        produced: [await own.produce(12, 1, topic), await own.produce(12, 0, topic)],
        ended: await own.end(5),
        state: await settledState(own),
      }
    },
  ),
  transacts('the offsets of a transaction are of a topic that is gone', async (own, client) => {
    const groupId = 'of what is gone'
    const topic = 'gone-with-offsets'
    await makeTopic(client, topic)
    const told: Told[] = [await own.commitOffset(5, { groupId, name: topic })]
    await deleteTopic(client, topic)
    told.push(await own.end(5), await settledState(own))
    await makeTopic(client, topic)
    return [...told, await stable(client, true, groupId, topic)]
  }),
]

/** Ends of transactions that come twice, at once, too late, or when there is nothing left to end. */
export const ending: readonly BadInput[] = [...concurrent, ...retried, ...late, ...deleted]
