import type { ErrorName } from '../../protocol/errors.ts'
import type { AddPartitionsToTxnRequest } from '../../protocol/messages/add-partitions-to-txn.ts'
import { ClusterTransactionVerifier } from '../../src/coordinators/cluster-verifier.ts'
import type { BrokerLinkError } from '../../src/peer/broker-links.ts'
import type { TransactionQuestion } from '../../src/replication/transactions.ts'
import { FakeLinks } from './fake-links.ts'

const OWN = 1
const PRODUCER = { transactionalId: 'mine', producerId: 4000, producerEpoch: 5 }
const QUESTION: TransactionQuestion = {
  ...PRODUCER,
  addPartition: false,
  partitions: [
    { topic: 't', partition: 1 },
    { topic: 'u', partition: 0 },
    { topic: 't', partition: 0 },
  ],
}

/** A broker among others; the partition of a transactional id is as many as it has letters. */
class Cluster {
  readonly leaders: (number | undefined)[] = []
  readonly own: TransactionQuestion[] = []
  /** What other coordinators say of partitions, by `topic-partition`. */
  readonly errors: Record<string, ErrorName> = {}
  refusal: ErrorName = 'NONE'
  lost: BrokerLinkError['code'] | null = null
  isMute = false
  readonly links = new FakeLinks<AddPartitionsToTxnRequest>((_to, { transactions }) => {
    if (this.lost !== null) return this.lost
    if (this.refusal !== 'NONE') return { errorCode: this.refusal, resultsByTransaction: [] }
    const results = transactions.map(({ transactionalId, topics }) => ({
      transactionalId,
      topicResults: topics.map(({ name, partitions }) => ({
        name,
        resultsByPartition: partitions.map((partitionIndex) => ({
          partitionIndex,
          partitionErrorCode: this.errors[`${name}-${partitionIndex}`] ?? 'NONE',
        })),
      })),
    }))
    return { errorCode: 'NONE', resultsByTransaction: this.isMute ? [] : results }
  })
  readonly verifier = new ClusterTransactionVerifier({
    cluster: {
      brokerId: OWN,
      leaderOf: ({ topic, partition }) => {
        expect(topic).toBe('__transaction_state')
        return this.leaders[partition]
      },
    },
    local: {
      verify: (question) => {
        this.own.push(question)
        return Promise.resolve(question.partitions.map(() => 'NONE' as const))
      },
      onceEnded: (transactionalId, ended) => {
        if (transactionalId !== 'ends here') return null
        ended()
        return () => undefined
      },
    },
    partitionOf: ({ length }) => ({ topic: '__transaction_state', partition: length }),
    links: this.links,
  })

  /** Who coordinates the ids of four letters. */
  lead(leader: number): this {
    this.leaders[4] = leader
    return this
  }
}

describe('the verification of transactions that other brokers coordinate', () => {
  test('asks the coordinator, and tells of the partitions in their order', async () => {
    const cluster = new Cluster().lead(2)
    cluster.errors['u-0'] = 'TRANSACTION_ABORTABLE'
    const errors = await cluster.verifier.verify(QUESTION)
    expect(errors).toEqual(['NONE', 'TRANSACTION_ABORTABLE', 'NONE'])
    const topics = [
      { name: 't', partitions: [1, 0] },
      { name: 'u', partitions: [0] },
    ]
    const body = { transactions: [{ ...PRODUCER, verifyOnly: true, topics }] }
    const versions = [4, 5]
    expect(cluster.links.asked).toEqual([{ to: 2, name: 'AddPartitionsToTxn', versions, body }])
    expect(cluster.own).toEqual([])
  })

  test('has partitions join where the client counts on that', async () => {
    const cluster = new Cluster().lead(2)
    await cluster.verifier.verify({ ...QUESTION, addPartition: true })
    expect(cluster.links.asked[0]!.body).toMatchObject({ transactions: [{ verifyOnly: false }] })
  })

  test('asks nobody else where this broker is the coordinator', async () => {
    const cluster = new Cluster().lead(OWN)
    expect(await cluster.verifier.verify(QUESTION)).toEqual(['NONE', 'NONE', 'NONE'])
    expect(cluster.own).toEqual([QUESTION])
    expect(cluster.links.asked).toEqual([])
  })

  test('tells of ends only where this broker is the coordinator', () => {
    const { verifier } = new Cluster()
    let count = 0
    expect(verifier.onceEnded('ends here', () => count++)).not.toBeNull()
    expect(verifier.onceEnded('ends elsewhere', () => count++)).toBeNull()
    expect(count).toBe(1)
  })

  test.each([-1, undefined])('says so where nobody coordinates: %s', async (leader) => {
    const cluster = new Cluster()
    cluster.leaders[4] = leader
    const errors = await cluster.verifier.verify(QUESTION)
    expect(errors).toEqual(QUESTION.partitions.map(() => 'COORDINATOR_NOT_AVAILABLE'))
  })

  test.each<[BrokerLinkError['code'], ErrorName]>([
    ['NO_ANSWER', 'NETWORK_EXCEPTION'],
    ['NOT_ALIVE', 'COORDINATOR_NOT_AVAILABLE'],
    // Kafka before 3.6 knows no such question.
    ['UNSUPPORTED_VERSION', 'NONE'],
  ])('takes %s for %s, as Kafka does', async (code, told) => {
    const cluster = new Cluster().lead(2)
    cluster.lost = code
    expect(await cluster.verifier.verify(QUESTION)).toEqual(QUESTION.partitions.map(() => told))
  })

  test.each<[ErrorName, ErrorName]>([
    ['CLUSTER_AUTHORIZATION_FAILED', 'INVALID_TXN_STATE'],
    ['COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_LOAD_IN_PROGRESS'],
  ])('takes %s of the whole request for %s', async (error, told) => {
    const cluster = new Cluster().lead(2)
    cluster.refusal = error
    expect(await cluster.verifier.verify(QUESTION)).toEqual(QUESTION.partitions.map(() => told))
  })

  test('lets nothing through that the answer leaves out', async () => {
    const cluster = new Cluster().lead(2)
    cluster.isMute = true
    const errors = await cluster.verifier.verify(QUESTION)
    expect(errors).toEqual(QUESTION.partitions.map(() => 'NETWORK_EXCEPTION'))
  })

  test('asks for several transactions together, and for two producers of one id one after the other', async () => {
    const cluster = new Cluster().lead(2)
    const ids = ['mine', 'your', 'hers', 'hers']
    const all = ids.map((transactionalId, index) =>
      cluster.verifier.verify({ ...QUESTION, transactionalId, producerId: index }),
    )
    await Promise.all(all)
    const asked = cluster.links.asked.map(({ body }) =>
      (body as AddPartitionsToTxnRequest).transactions.map(({ producerId }) => producerId),
    )
    expect(asked).toEqual([[0], [1, 2], [3]])
  })
})
