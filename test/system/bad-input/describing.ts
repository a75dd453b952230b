import { DescribeProducers } from '../../../protocol/messages/describe-producers.ts'
import { DescribeTransactions } from '../../../protocol/messages/describe-transactions.ts'
import { ListTransactions } from '../../../protocol/messages/list-transactions.ts'
import type { RawClient } from '../../support/raw-client.ts'
import type { BadInput, Told } from './case.ts'
import { settled, transacts } from './transactional-producer.ts'
import type { Producer } from './transactional-producer.ts'

/** What the coordinator says of ids, but for times and producer ids, which are never the same. */
async function describe(client: RawClient, ...transactionalIds: string[]): Promise<Told> {
  const { transactionStates } = await client.request(DescribeTransactions, 0, { transactionalIds })
  return transactionStates.map((state) => ({
    error: state.errorCode,
    id: state.transactionalId,
    state: state.transactionState,
    timeoutMs: state.transactionTimeoutMs,
    hasBegun: state.transactionStartTimeMs > 0,
    epoch: state.producerEpoch,
    topics: state.topics.map(({ topic, partitions }) => `${topic}: ${partitions.join()}`).sort(),
  }))
}

interface Filter {
  readonly stateFilters?: readonly string[]
  readonly producerIdFilters?: readonly number[]
  readonly durationFilter?: bigint
  readonly transactionalIdPattern?: string | null
}

/** Which of its own ids are listed. */
async function list(
  client: RawClient,
  { producerId }: Producer,
  filter: Filter,
  version = 2,
): Promise<Told> {
  const answer = await client.request(ListTransactions, version, {
    stateFilters: [],
    producerIdFilters: [producerId],
    ...filter,
  })
  const states = answer.transactionStates.map(({ transactionalId, transactionState }) =>
    [transactionalId, transactionState].join(': '),
  )
  return [answer.errorCode, [...answer.unknownStateFilters].sort(), states]
}

/** Until its markers are written. */
async function ends(producer: Producer, version: number): Promise<void> {
  await producer.end(version)
  await settled(async () => {
    const state = await producer.state()
    return state.startsWith('Complete') ? state : 'CONCURRENT_TRANSACTIONS'
  })
}

/** What is told of transactions, at each of their steps and of those that there are not. */
export const describing: readonly BadInput[] = [
  transacts('DescribeTransactions at each step of a new client', async (own, client) => {
    const { transactionalId } = own
    const told = [await describe(client, transactionalId)]
    await own.produce(12)
    told.push(await describe(client, transactionalId))
    await own.commitOffset(5)
    told.push(await describe(client, transactionalId))
    await ends(own, 5)
    told.push(await describe(client, transactionalId))
    await settled(() => own.init(1234))
    return [...told, await describe(client, transactionalId)]
  }),
  transacts('DescribeTransactions at each step of an old client', async (own, client) => {
    const { transactionalId } = own
    await own.add(3, 'plain')
    await own.addOffsets(3)
    const told = [await describe(client, transactionalId)]
    await ends(own, 3)
    return [...told, await describe(client, transactionalId)]
  }),
  transacts('DescribeTransactions of an id twice, of none and of an unknown one', (own, client) =>
    describe(client, own.transactionalId, own.transactionalId, '', 'nobody has this one'),
  ),
  transacts('ListTransactions by state', async (own, client) => {
    await own.produce(12)
    const told: Told[] = []
    for (const states of [['Ongoing'], ['Empty'], ['ongoing', 'Nonsense'], ['Ongoing', 'Dead']]) {
      for (const version of [0, 1, 2]) {
        told.push(await list(client, own, { stateFilters: states }, version))
      }
    }
    await ends(own, 5)
    return [...told, await list(client, own, { stateFilters: ['CompleteCommit'] })]
  }),
  transacts('ListTransactions by duration', async (own, client) => {
    await own.produce(12)
    const told: Told[] = []
    for (const durationFilter of [-1n, -5n, 1_000_000n, 2n ** 62n]) {
      told.push(await list(client, own, { durationFilter }))
    }
    await own.end(5, false)
    return told
  }),
  transacts('ListTransactions by pattern', async (own, client) => {
    const told: Told[] = []
    const patterns = ['ListTransactions by pattern', 'ListTransactions', 'List.*', '', '(', '(?=x)']
    for (const transactionalIdPattern of [null, ...patterns]) {
      told.push(await list(client, own, { transactionalIdPattern }))
    }
    return told
  }),
  transacts('ListTransactions of producers that there are not', async (own, client) => [
    await list(client, own, { producerIdFilters: [-1] }),
    await list(client, own, { producerIdFilters: [2 ** 50] }),
  ]),
  {
    name: 'DescribeProducers of what there is not',
    ask: async (client) => {
      const { topics } = await client.request(DescribeProducers, 0, {
        topics: [
          { name: 'nowhere', partitionIndexes: [0] },
          { name: 'plain', partitionIndexes: [77, -1] },
          { name: 'a/b', partitionIndexes: [0] },
        ],
      })
      const told = topics.flatMap(({ name, partitions }) =>
        partitions.map(
          ({ partitionIndex, errorCode, activeProducers }) =>
            `${name}-${partitionIndex}: ${errorCode}, ${activeProducers.length}`,
        ),
      )
      return told.sort()
    },
  },
]
