import type { ErrorName } from '../../protocol/errors.ts'
import { AddPartitionsToTxn } from '../../protocol/messages/add-partitions-to-txn.ts'
import type { ReceivedResponse } from '../../protocol/schema.ts'
import { BrokerLinkError, type BrokerLinks } from '../peer/broker-links.ts'
import { RequestBatches } from '../peer/request-batches.ts'
import type {
  TopicPartition,
  TransactionQuestion,
  TransactionVerifier,
} from '../replication/transactions.ts'
import { byTopic } from './by-topic.ts'
import type { ClusterOfBrokers } from './cluster-marker-writer.ts'

/** The form of brokers, with several transactions in a request (KIP-890). */
const FOR_BROKERS = { ...AddPartitionsToTxn, versions: [4, 5] } as const

type Errors = readonly ErrorName[]

/** [KIP-890] Asks the coordinator of a transaction, wherever it is: in this broker, or by AddPartitionsToTxn in another one. */
export class ClusterTransactionVerifier implements TransactionVerifier {
  readonly #cluster: ClusterOfBrokers
  readonly #local: TransactionVerifier
  /** Of the topic that has the coordinators' state. */
  readonly #partitionOf: (transactionalId: string) => TopicPartition
  readonly #links: Pick<BrokerLinks, 'ask'>
  readonly #others: RequestBatches<TransactionQuestion, Errors>

  constructor(options: {
    cluster: ClusterOfBrokers
    local: TransactionVerifier
    partitionOf: (transactionalId: string) => TopicPartition
    links: Pick<BrokerLinks, 'ask'>
  }) {
    this.#cluster = options.cluster
    this.#local = options.local
    this.#partitionOf = options.partitionOf
    this.#links = options.links
    this.#others = new RequestBatches({
      send: (brokerId, questions) => this.#send(brokerId, questions),
      keyOf: ({ transactionalId }) => transactionalId,
      weightOf: ({ partitions }) => partitions.length,
    })
  }

  async verify(question: TransactionQuestion): Promise<Errors> {
    const { brokerId, leaderOf } = this.#cluster
    const coordinator = leaderOf(this.#partitionOf(question.transactionalId)) ?? -1
    if (coordinator === brokerId) return this.#local.verify(question)
    if (coordinator < 0) return all(question, 'COORDINATOR_NOT_AVAILABLE')
    try {
      return await this.#others.ask(coordinator, question)
    } catch (error) {
      if (!(error instanceof BrokerLinkError)) throw error
      return all(question, AS_TOLD[error.code])
    }
  }

  /** Other brokers say nothing by themselves. */
  onceEnded(transactionalId: string, ended: () => void): (() => void) | null {
    return this.#local.onceEnded(transactionalId, ended)
  }

  async #send(brokerId: number, questions: readonly TransactionQuestion[]): Promise<Errors[]> {
    const answer = await this.#links.ask(brokerId, FOR_BROKERS, {
      transactions: questions.map(({ addPartition, partitions, ...producer }) => ({
        ...producer,
        verifyOnly: !addPartition,
        topics: byTopic(partitions).map(({ name, indexes }) => ({ name, partitions: indexes })),
      })),
    })
    const { errorCode } = answer
    if (errorCode !== 'NONE') {
      // What this broker may not ask is nothing that a client could mend.
      const isForbidden = errorCode === 'CLUSTER_AUTHORIZATION_FAILED'
      const told = isForbidden ? 'INVALID_TXN_STATE' : errorCode
      return questions.map((question) => all(question, told))
    }
    return questions.map((question) => answerTo(question, answer))
  }
}

/** What the answer leaves out is not known to be part of the transaction. */
function answerTo(
  { transactionalId, partitions }: TransactionQuestion,
  { resultsByTransaction }: ReceivedResponse<typeof AddPartitionsToTxn>,
): Errors {
  const own = resultsByTransaction.find((result) => result.transactionalId === transactionalId)
  const told = new Map<string, ErrorName>()
  for (const { name, resultsByPartition } of own?.topicResults ?? []) {
    for (const { partitionIndex, partitionErrorCode } of resultsByPartition) {
      told.set(`${partitionIndex} ${name}`, partitionErrorCode)
    }
  }
  return partitions.map(
    ({ topic, partition }) => told.get(`${partition} ${topic}`) ?? 'NETWORK_EXCEPTION',
  )
}

function all({ partitions }: TransactionQuestion, error: ErrorName): Errors {
  return partitions.map(() => error)
}

/** As in Kafka, a coordinator that knows no such question (before 3.6) has records let through as they were then. */
const AS_TOLD: Readonly<Record<BrokerLinkError['code'], ErrorName>> = {
  NOT_ALIVE: 'COORDINATOR_NOT_AVAILABLE',
  NO_ANSWER: 'NETWORK_EXCEPTION',
  UNSUPPORTED_VERSION: 'NONE',
}
