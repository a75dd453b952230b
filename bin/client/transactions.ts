import type { ErrorName } from '../../protocol/errors.ts'
import { DescribeProducers } from '../../protocol/messages/describe-producers.ts'
import { DescribeTransactions } from '../../protocol/messages/describe-transactions.ts'
import type { DescribeTransactionsResponse } from '../../protocol/messages/describe-transactions.ts'
import { InitProducerId } from '../../protocol/messages/init-producer-id.ts'
import { ListTransactions } from '../../protocol/messages/list-transactions.ts'
import { WriteTxnMarkers } from '../../protocol/messages/write-txn-markers.ts'
import type { Client } from './client.ts'
import { BrokerError, isRetriable, throwUnlessNone } from './errors.ts'
import type { TopicPartition } from './topics.ts'

export interface ListedTransaction {
  readonly transactionalId: string
  readonly state: string
  readonly producerId: number
  readonly coordinator: number
}

export interface TransactionFilters {
  readonly states?: readonly string[]
  readonly producerIds?: readonly number[]
  /** Milliseconds since the transaction began. */
  readonly longerThanMs?: number
  /** A regular expression for the whole id. */
  readonly pattern?: string
}

export type DescribedTransaction = DescribeTransactionsResponse['transactionStates'][number]

/** A transaction that is open in a partition. */
export interface OpenTransaction extends TopicPartition {
  readonly leader: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  /** Of its first record: nobody reads what is committed from here on. */
  readonly startOffset: number
  /** Of its last record, milliseconds since 1970. */
  readonly lastTimestamp: number
}

/** The transactional ids of all brokers, by name. Throws ClientError. */
export async function listTransactions(
  client: Client,
  filters: TransactionFilters = {},
): Promise<ListedTransaction[]> {
  const { brokers } = await client.metadata([])
  const lists = await Promise.all(brokers.map(({ nodeId }) => listAt(client, nodeId, filters)))
  return lists.flat().sort((a, b) => (a.transactionalId < b.transactionalId ? -1 : 1))
}

/** Those that one broker coordinates. */
function listAt(
  client: Client,
  node: number,
  { states = [], producerIds = [], longerThanMs = -1, pattern }: TransactionFilters,
): Promise<ListedTransaction[]> {
  return client.retry(async () => {
    const answer = await client.request(
      ListTransactions,
      {
        stateFilters: states,
        producerIdFilters: producerIds,
        durationFilter: BigInt(longerThanMs),
        transactionalIdPattern: pattern ?? null,
      },
      { node },
    )
    throwUnlessNone(answer.errorCode, `The transactions of broker ${node}`)
    return answer.transactionStates.map(({ transactionState: state, ...rest }) => ({
      ...rest,
      state,
      coordinator: node,
    }))
  })
}

/** Throws ClientError. */
export function describeTransaction(
  client: Client,
  transactionalId: string,
): Promise<DescribedTransaction> {
  return client.retry(async () => {
    const body = { transactionalIds: [transactionalId] }
    const kind = 'transaction'
    const answer = await client.requestCoordinator(transactionalId, DescribeTransactions, body, {
      kind,
    })
    const [state] = answer.transactionStates
    throwUnlessNone(state!.errorCode, `Transactional id ${transactionalId}`)
    return state!
  })
}

/** The transactions that are open in the partitions of topics, as their leaders know them. Throws ClientError. */
export async function openTransactions(
  client: Client,
  topics: readonly string[] | null,
): Promise<OpenTransaction[]> {
  const found: OpenTransaction[] = []
  for (const topic of (await client.metadata(topics)).topics) {
    throwUnlessNone(topic.errorCode, `Topic ${topic.name}`)
    for (const { partitionIndex, leaderId } of topic.partitions) {
      if (leaderId < 0) continue
      found.push(...(await openIn(client, leaderId, topic.name!, partitionIndex)))
    }
  }
  return found
}

async function openIn(
  client: Client,
  leader: number,
  topic: string,
  partition: number,
): Promise<OpenTransaction[]> {
  const asked = [{ name: topic, partitionIndexes: [partition] }]
  const { topics } = await client.request(DescribeProducers, { topics: asked }, { node: leader })
  const { errorCode, errorMessage, activeProducers } = topics[0]!.partitions[0]!
  throwUnlessNone(errorCode, `Partition ${topic}-${partition}`, errorMessage)
  return activeProducers
    .filter(({ currentTxnStartOffset }) => currentTxnStartOffset >= 0)
    .map(({ producerId, producerEpoch, coordinatorEpoch, ...rest }) => ({
      topic,
      partition,
      leader,
      producerId,
      producerEpoch,
      coordinatorEpoch,
      startOffset: rest.currentTxnStartOffset,
      lastTimestamp: Number(rest.lastTimestamp),
    }))
}

/** Has a transaction end in one partition, whatever its coordinator says. Throws ClientError. */
export async function abortIn(client: Client, open: OpenTransaction): Promise<void> {
  const { topic, partition, leader, producerId, producerEpoch } = open
  const marker = {
    producerId,
    producerEpoch,
    transactionResult: false,
    // Before the first marker of a producer none is known.
    coordinatorEpoch: Math.max(0, open.coordinatorEpoch),
    topics: [{ name: topic, partitionIndexes: [partition] }],
  }
  const { markers } = await client.request(WriteTxnMarkers, { markers: [marker] }, { node: leader })
  const { errorCode } = markers[0]!.topics[0]!.partitions[0]!
  throwUnlessNone(errorCode, `The transaction of producer ${producerId} in ${topic}-${partition}`)
}

/** As the fenced producer's successor would ask for: it lasts until that comes, or the id expires. */
const FENCING_TIMEOUT_MS = 1

/** Aborts what the producer of a transactional id has open, and fences it, as Kafka's Admin.fenceProducers does. Throws ClientError. */
export async function fenceProducer(client: Client, transactionalId: string): Promise<void> {
  await client.retry(
    async () => {
      const body = { transactionalId, transactionTimeoutMs: FENCING_TIMEOUT_MS }
      const kind = 'transaction'
      const answer = await client.requestCoordinator(transactionalId, InitProducerId, body, {
        kind,
      })
      throwUnlessNone(answer.errorCode, `Transactional id ${transactionalId}`)
    },
    // What is open is aborted first.
    { isRetriable: (error) => isRetriable(error) || isErrorOf(error, 'CONCURRENT_TRANSACTIONS') },
  )
}

function isErrorOf(error: unknown, name: ErrorName): boolean {
  return error instanceof BrokerError && error.error === name
}
