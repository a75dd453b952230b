import { DescribeProducers } from '../../../protocol/messages/describe-producers.ts'
import { WriteTxnMarkers } from '../../../protocol/messages/write-txn-markers.ts'
import { ZERO_UUID } from '../../../protocol/schema.ts'
import type { RawClient } from '../../support/raw-client.ts'
import { errorOf } from './case.ts'
import type { BadInput, Told } from './case.ts'
import { PASSING, settled, stable, transacts } from './transactional-producer.ts'

async function marks(
  client: RawClient,
  version: number,
  marker: {
    producerId: number
    producerEpoch: number
    coordinatorEpoch?: number
    transactionVersion?: number
    name?: string
    partition?: number
  },
): Promise<string> {
  const { name = 'transacted', partition = 0, ...more } = marker
  const { markers } = await client.request(WriteTxnMarkers, version, {
    markers: [
      {
        transactionResult: false,
        coordinatorEpoch: 0,
        ...more,
        topics: [{ name, partitionIndexes: [partition] }],
      },
    ],
  })
  return errorOf(markers[0]!.topics[0]!.partitions[0]!)
}

/** What the partition knows of a producer: whether its transaction is open, first of all. */
async function described(client: RawClient, producerId: number): Promise<Told> {
  const { topics } = await client.request(DescribeProducers, 0, {
    topics: [{ name: 'transacted', partitionIndexes: [0] }],
  })
  const { activeProducers } = topics[0]!.partitions[0]!
  const found = activeProducers.find((producer) => producer.producerId === producerId)
  if (found === undefined) return null
  const { currentTxnStartOffset, producerEpoch, coordinatorEpoch, lastSequence } = found
  return [currentTxnStartOffset >= 0, producerEpoch, coordinatorEpoch, lastSequence]
}

const partitions: BadInput[] = [
  ...[10, 11, 12].map((version) =>
    transacts(`Produce v${version} to a partition that is not in the transaction`, async (own) => {
      const told = await own.produce(version)
      return [told, await own.end(version >= 12 ? 5 : 4, false)]
    }),
  ),
  transacts('Produce of a fenced producer, of all kinds', async (own) => {
    const old = own.copy()
    await settled(() => own.init())
    const told: Told[] = []
    for (const version of [10, 11, 12]) told.push(await old.produce(version))
    return told
  }),
  transacts('Produce of an epoch that is yet to come', async (own) => {
    own.producerEpoch += 5
    return [await own.produce(11), await own.produce(12)]
  }),
  transacts('Produce of a sequence that does not begin with 0', async (own) => {
    const told = await own.produce(12, 7)
    return [told, await own.end(5, false)]
  }),
  transacts('AddPartitionsToTxn of an unknown topic and of an unknown partition', async (own) => [
    await own.add(3, 'nowhere'),
    await own.add(3, 'transacted', 77),
  ]),
  transacts('AddPartitionsToTxn and AddOffsetsToTxn of a fenced producer', async (own) => {
    const old = own.copy()
    await settled(() => own.init())
    const told: string[] = []
    for (const version of [0, 1, 2, 3]) {
      told.push(await old.add(version), await old.addOffsets(version))
    }
    return told
  }),
]

const ends: BadInput[] = [
  ...[0, 1, 2, 3, 4].map((version) =>
    transacts(`EndTxn v${version} twice, then the other way round`, async (own) => {
      await own.add(3)
      await own.produce(10)
      const first = await own.end(version)
      return [first, await own.end(version), await own.end(version, false)]
    }),
  ),
  ...[true, false].map((committed) =>
    transacts(`EndTxn v5 of nothing, commits: ${committed}`, (own) => own.end(5, committed)),
  ),
  ...[true, false].map((committed) =>
    transacts(`EndTxn v4 of nothing, commits: ${committed}`, (own) => own.end(4, committed)),
  ),
  transacts('EndTxn v5 once more with the epoch before, then the other way round', async (own) => {
    await own.produce(12)
    const old = own.copy()
    const other = own.copy()
    return [await own.end(5), await old.end(5), await other.end(5, false), await own.state()]
  }),
  transacts('EndTxn of a fenced producer, in all versions', async (own) => {
    const old = own.copy()
    await settled(() => own.init())
    const told: Told[] = []
    for (const version of [0, 1, 2, 3, 4, 5]) told.push(await old.end(version))
    return told
  }),
  transacts('EndTxn of an unknown transactional id', async (own) => {
    const unknown = Object.assign(own.copy(), { transactionalId: 'nobody has this' })
    return [await unknown.end(4), await unknown.end(5), await unknown.state()]
  }),
  transacts('InitProducerId with time-outs beyond the limits', async (own) => [
    await own.init(0),
    await own.init(-1),
    await own.init(900_001),
  ]),
]

const offsets: BadInput[] = [
  transacts('TxnOffsetCommit of groups and members that there are not', async (own) => {
    const told: string[] = []
    await own.addOffsets(3)
    await own.addOffsets(3, 'no such group')
    for (const version of [3, 5, 6]) {
      told.push(
        await own.commitOffset(version, { groupId: 'no such group', generation: 1, memberId: 'm' }),
        await own.commitOffset(version, { groupId: '', generation: 1, memberId: 'm' }),
      )
    }
    return [told, await own.end(4, false)]
  }),
  transacts('TxnOffsetCommit of topics and partitions that there are not', async (own) => {
    await own.addOffsets(3)
    const told = [
      await own.commitOffset(5, { name: 'nowhere' }),
      await own.commitOffset(5, { partitionIndex: 77 }),
      await own.commitOffset(6, { topicId: 'qqqqqqqqqqqqqqqqqqqqqg' }),
      await own.commitOffset(6, { topicId: ZERO_UUID }),
      await own.commitOffset(6, { partitionIndex: 77 }),
    ]
    return [told, await own.end(4, false)]
  }),
  ...[0, 3, 4].map((version) =>
    transacts(`TxnOffsetCommit v${version} of a group that is not in the transaction`, (own) =>
      own.commitOffset(version),
    ),
  ),
  transacts('TxnOffsetCommit of a fenced producer', async (own) => {
    await own.commitOffset(5)
    const old = own.copy()
    await settled(() => own.init())
    const told: string[] = []
    for (const version of [0, 3, 4, 5]) told.push(await old.commitOffset(version))
    return told
  }),
  transacts(
    'OffsetFetch while a transaction that commits offsets is open, and after it',
    async (own, client) => {
      const told: Told[] = [await own.commitOffset(5)]
      told.push(await stable(client, true), await stable(client, false))
      await own.end(5)
      told.push(
        await settled(async () => {
          const [errorCode] = (await stable(client, true)) as [string, number]
          return errorCode === 'UNSTABLE_OFFSET_COMMIT' ? PASSING[0]! : errorCode
        }),
      )
      return [...told, await stable(client, true)]
    },
  ),
]

const markers: BadInput[] = [
  {
    name: 'WriteTxnMarkers for partitions that there are not',
    ask: async (client) => [
      await marks(client, 1, { producerId: 9001, producerEpoch: 0, name: 'nowhere' }),
      await marks(client, 1, { producerId: 9001, producerEpoch: 0, partition: 77 }),
    ],
  },
  {
    name: 'WriteTxnMarkers of a producer or an epoch that can’t be',
    ask: async (client) => [
      await marks(client, 1, { producerId: -1, producerEpoch: 0 }),
      await marks(client, 1, { producerId: 9001, producerEpoch: -1 }),
    ],
  },
  transacts('WriteTxnMarkers of other epochs than the producer has', async (own, client) => {
    await settled(() => own.init())
    await own.produce(12)
    const { producerId, producerEpoch } = own
    const told: Told[] = []
    const mark = async (
      version: number,
      rise: number,
      transactionVersion: number,
      coordinatorEpoch: number,
    ): Promise<void> => {
      const marker = { producerId, producerEpoch: producerEpoch + rise }
      const more = { transactionVersion, coordinatorEpoch }
      const error = await marks(client, version, { ...marker, ...more })
      told.push([error, await described(client, producerId)])
    }
    await mark(1, -1, 0, 0)
    await mark(2, -1, 2, 0)
    await mark(2, 0, 2, 0)
    // As kafka-transactions abort does it, and once more.
    await mark(2, 1, 2, 2 ** 30)
    await mark(2, 1, 2, 2 ** 30)
    await mark(1, 1, 0, 2)
    return told
  }),
  transacts(
    'WriteTxnMarkers in the epoch of the records, for producers that keep it',
    async (own, client) => {
      await own.add(3)
      await own.produce(10)
      const { producerId, producerEpoch } = own
      const error = await marks(client, 1, { producerId, producerEpoch, coordinatorEpoch: 2 ** 30 })
      return [error, await described(client, producerId)]
    },
  ),
]

/** The harness has one partition for each of the coordinators' topics. */
export const transacting: readonly BadInput[] = [...partitions, ...ends, ...offsets, ...markers]
