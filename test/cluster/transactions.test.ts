import { Kafka, logLevel } from 'kafkajs'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { DescribeTransactions } from '../../protocol/messages/describe-transactions.ts'
import { EndTxn } from '../../protocol/messages/end-txn.ts'
import { FindCoordinator } from '../../protocol/messages/find-coordinator.ts'
import { InitProducerId } from '../../protocol/messages/init-producer-id.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import { eventually, until } from '../clients/wait.ts'
import { batch } from '../handlers/test-node.ts'
import type { BrokerProcess } from '../support/broker-process.ts'
import { killAll } from '../support/broker-process.ts'
import { freePorts } from '../support/ports.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import type { Place } from './nodes.ts'
import {
  answers,
  ask,
  formatNodes,
  leadersOf,
  startController,
  startJoiningBroker,
} from './nodes.ts'

const directories = temporaryDirectories()
afterAll(async () => {
  await killAll()
  directories.removeAll()
})

const IDS = [2, 3, 4] as const
const TOPIC = 'orders'
const PARTITIONS = 6
const PRODUCE_THAT_ADDS = 12
const SETTINGS = {
  'broker.session.timeout.ms': 1500,
  'transaction.state.log.replication.factor': 1,
  'transaction.state.log.min.isr': 1,
  'transaction.state.log.num.partitions': 3,
}

/** A controller and three brokers, with a topic that each of them leads a part of. */
class Cluster {
  readonly brokers = new Map<number, BrokerProcess>()
  readonly #start: (id: number) => Promise<BrokerProcess>
  #kafka: Kafka | null = null

  private constructor(start: (id: number) => Promise<BrokerProcess>) {
    this.#start = start
  }

  static async open(): Promise<Cluster> {
    const ports = await freePorts(1)
    const root = directories.make()
    await formatNodes(root, ports, IDS)
    await startController(root, 1, ports, SETTINGS)
    const cluster = new Cluster((id) => startJoiningBroker(root, id, ports, SETTINGS))
    await Promise.all(IDS.map((id) => cluster.start(id)))
    const orders = { name: TOPIC, numPartitions: PARTITIONS, replicationFactor: 1 }
    const { topics } = await ask(cluster.at(2), CreateTopics, {
      topics: [{ ...orders, assignments: [], configs: [] }],
      timeoutMs: 30_000,
    })
    expect(topics).toMatchObject([{ errorCode: 'NONE' }])
    await cluster.isLed()
    return cluster
  }

  at(id: number): BrokerProcess {
    return this.brokers.get(id)!
  }

  async start(id: number): Promise<void> {
    this.brokers.set(id, await this.#start(id))
  }

  async kill(id: number): Promise<void> {
    this.at(id).kill('SIGKILL')
    await this.at(id).ended()
  }

  /** By partition; all brokers know that they lead. */
  async isLed(): Promise<number[]> {
    const isWanted = (leaders: number[]): boolean =>
      leaders.length === PARTITIONS && IDS.every((id) => leaders.includes(id))
    const all = IDS.map((id) =>
      answers('each to lead', () => leadersOf(this.at(id), TOPIC), isWanted),
    )
    return (await Promise.all(all))[0]!
  }

  /** A client as others write them; of the brokers as they are now. */
  get kafka(): Kafka {
    this.#kafka ??= new Kafka({
      clientId: 'test',
      brokers: IDS.map((id) => `${this.at(id).host}:${this.at(id).port}`),
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 60 },
    })
    return this.#kafka
  }

  forgetClients(): void {
    this.#kafka = null
  }

  async coordinatorOf(
    transactionalId: string,
    through: number,
  ): Promise<Place & { nodeId: number }> {
    const { coordinators } = await answers(
      'a coordinator',
      () =>
        ask(this.at(through), FindCoordinator, { keyType: 1, coordinatorKeys: [transactionalId] }),
      (answer) => answer.coordinators[0]!.errorCode === 'NONE',
    )
    return coordinators[0]!
  }

  /** Waits for a state of a transactional id at its coordinator. */
  async hasState(transactionalId: string, state: string, through: number): Promise<number[]> {
    const { topics } = await answers(
      `${transactionalId} to be ${state}`,
      async () => {
        const place = await this.coordinatorOf(transactionalId, through)
        const body = { transactionalIds: [transactionalId] }
        return (await ask(place, DescribeTransactions, body)).transactionStates[0]!
      },
      ({ errorCode, transactionState }) => errorCode === 'NONE' && transactionState === state,
    )
    return topics.flatMap(({ topic, partitions }) => (topic === TOPIC ? partitions : [])).sort()
  }

  /** What a read_committed consumer sees, once it has seen so many. */
  async consume(groupId: string, count: number): Promise<string[]> {
    const consumer = this.kafka.consumer({ groupId, maxWaitTimeInMs: 100 })
    const values: string[] = []
    await consumer.connect()
    await consumer.subscribe({ topic: TOPIC, fromBeginning: true })
    await consumer.run({
      eachMessage: ({ message }) => Promise.resolve(void values.push(String(message.value))),
    })
    await until(
      () => values.length >= count,
      () => `${count} records, of ${values.length}`,
    )
    await consumer.disconnect()
    return values.sort()
  }
}

/** One for each partition. */
const valuesOf = (prefix: string): string[] =>
  Array.from({ length: PARTITIONS }, (_, partition) => `${prefix}-${partition}`)

/** A producer whose records wait at the leaders until the coordinator says that their partitions have joined. */
async function producerOf(cluster: Cluster, transactionalId: string) {
  const producer = cluster.kafka.producer({
    transactionalId,
    idempotent: true,
    maxInFlightRequests: 1,
  })
  await producer.connect()
  const begin = async (prefix: string) => {
    const transaction = await producer.transaction()
    const messages = valuesOf(prefix).map((value, partition) => ({ value, partition }))
    await transaction.send({ topic: TOPIC, acks: -1, messages })
    return transaction
  }
  return { begin, close: () => producer.disconnect() }
}

/** A producer of today (KIP-890): partitions join with their first records. */
class Modern {
  readonly #cluster: Cluster
  readonly #transactionalId: string
  #producer = { producerId: -1, producerEpoch: -1 }

  constructor(cluster: Cluster, transactionalId: string) {
    this.#cluster = cluster
    this.#transactionalId = transactionalId
  }

  async init(coordinator: Place): Promise<void> {
    const { errorCode, producerId, producerEpoch } = await answers(
      'a producer id',
      () =>
        ask(coordinator, InitProducerId, {
          transactionalId: this.#transactionalId,
          transactionTimeoutMs: 60_000,
        }),
      (answer) => answer.errorCode === 'NONE',
    )
    expect(errorCode).toBe('NONE')
    this.#producer = { producerId, producerEpoch }
  }

  /** The first records of a partition. */
  async produce(leader: number, partition: number, value: string): Promise<string> {
    const marks = { ...this.#producer, baseSequence: 0, isTransactional: true }
    const { responses } = await ask(
      this.#cluster.at(leader),
      Produce,
      {
        transactionalId: this.#transactionalId,
        acks: -1,
        timeoutMs: 10_000,
        topicData: [
          { name: TOPIC, partitionData: [{ index: partition, records: batch([value], marks) }] },
        ],
      },
      PRODUCE_THAT_ADDS,
    )
    return responses[0]!.partitionResponses[0]!.errorCode
  }

  async end(coordinator: Place, committed: boolean): Promise<void> {
    const body = { transactionalId: this.#transactionalId, ...this.#producer, committed }
    const { errorCode, producerId, producerEpoch } = await ask(coordinator, EndTxn, body)
    expect(errorCode).toBe('NONE')
    this.#producer = { producerId, producerEpoch }
  }
}

describe('transactions over partitions of several brokers', () => {
  test('commit and abort as one, whoever coordinates them, and outlive brokers that are killed', async () => {
    const cluster = await Cluster.open()
    const committed: string[] = []
    // Each is coordinated by what its hash says: between them by several brokers.
    for (const id of ['a', 'b', 'c']) {
      const { begin, close } = await producerOf(cluster, id)
      const first = await begin(`${id}-first`)
      const offsets = (offset: string) => ({
        consumerGroupId: `group-${id}`,
        topics: [{ topic: 'orders', partitions: [{ partition: 0, offset }] }],
      })
      // kafkajs does not ask again where the coordinator of a group that nobody had is not ready yet.
      const sent = (transaction: typeof first, offset: string) =>
        eventually(async () => {
          await transaction.sendOffsets(offsets(offset))
          return true
        }, 'the offsets of a transaction')
      await sent(first, '1')
      await first.commit()
      await cluster.hasState(id, 'CompleteCommit', 2)
      const aborted = await begin(`${id}-aborted`)
      await sent(aborted, '2')
      await aborted.abort()
      await cluster.hasState(id, 'CompleteAbort', 2)
      await (await begin(`${id}-last`)).commit()
      await cluster.hasState(id, 'CompleteCommit', 2)
      await close()
      committed.push(...valuesOf(`${id}-first`), ...valuesOf(`${id}-last`))
    }
    const coordinators = await Promise.all(
      ['a', 'b', 'c'].map((id) => cluster.coordinatorOf(id, 2)),
    )
    expect(new Set(coordinators.map(({ nodeId }) => nodeId)).size).toBeGreaterThan(1)
    expect(await cluster.consume('first', committed.length)).toEqual([...committed].sort())
    const admin = cluster.kafka.admin()
    await admin.connect()
    for (const id of ['a', 'b', 'c']) {
      const [topic] = await admin.fetchOffsets({ groupId: `group-${id}`, topics: [TOPIC] })
      expect(topic!.partitions.find(({ partition }) => partition === 0)!.offset).toBe('1')
    }
    await admin.disconnect()

    // A leader dies before the markers, which wait for it, and for nobody else.
    const { nodeId } = await cluster.coordinatorOf('a', 2)
    const [victim, other] = IDS.filter((id) => id !== nodeId) as [number, number]
    const leaders = await cluster.isLed()
    const { begin, close } = await producerOf(cluster, 'a')
    const open = await begin('open')
    await cluster.kill(victim)
    await open.commit()
    const isVictims = (partition: number): boolean => leaders[partition] === victim
    const left = leaders.flatMap((_, partition) => (isVictims(partition) ? [partition] : []))
    await answers(
      'the markers of all that live',
      () => cluster.hasState('a', 'PrepareCommit', nodeId),
      (partitions) => String(partitions) === String(left),
    )
    await cluster.start(victim)
    await cluster.hasState('a', 'CompleteCommit', other)
    await close()
    committed.push(...valuesOf('open'))

    // A coordinator dies: leaders let nothing through that it has not taken in.
    const first = await cluster.coordinatorOf('modern', nodeId)
    const modern = new Modern(cluster, 'modern')
    await modern.init(first)
    const led = await cluster.isLed()
    const away = led.findIndex((id) => id !== first.nodeId)
    await cluster.kill(first.nodeId)
    const told = await modern.produce(led[away]!, away, `modern-${away}`)
    expect(told).toBe('NOT_ENOUGH_REPLICAS')
    await cluster.start(first.nodeId)
    expect(await cluster.isLed()).toEqual(led)
    for (const [partition, leader] of led.entries()) {
      await answers(
        'the coordinator to be back',
        () => modern.produce(leader, partition, `modern-${partition}`),
        (errorCode) => errorCode === 'NONE',
      )
    }
    await modern.end(await cluster.coordinatorOf('modern', other), true)
    // It dies again: whoever it becomes has the markers written that are missing.
    await cluster.kill(first.nodeId)
    await cluster.start(first.nodeId)
    await cluster.hasState('modern', 'CompleteCommit', first.nodeId)
    committed.push(...valuesOf('modern'))
    cluster.forgetClients()
    expect(await cluster.consume('second', committed.length)).toEqual([...committed].sort())
  })
})
