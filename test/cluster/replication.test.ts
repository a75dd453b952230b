import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import type { Producer } from 'kafkajs'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { until } from '../clients/wait.ts'
import type { BrokerProcess } from '../support/broker-process.ts'
import { killAll } from '../support/broker-process.ts'
import { freePorts } from '../support/ports.ts'
import { temporaryDirectories } from '../support/temporary.ts'
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
/** Made while a broker is away. */
const LATER = 'later'
const PARTITIONS = 3
const SETTINGS = {
  'broker.session.timeout.ms': 1500,
  'replica.lag.time.max.ms': 3000,
  'offsets.topic.replication.factor': 3,
}
/** Of records that are acknowledged, before anything else happens. */
const ROUND = 100

/** A controller and three brokers that all have each partition of a topic. */
class Cluster {
  readonly root = directories.make()
  readonly brokers = new Map<number, BrokerProcess>()
  #ports: number[] = []

  static async open(): Promise<Cluster> {
    const cluster = new Cluster()
    cluster.#ports = await freePorts(1)
    await formatNodes(cluster.root, cluster.#ports, IDS)
    await startController(cluster.root, 1, cluster.#ports, SETTINGS)
    await Promise.all(IDS.map((id) => cluster.start(id)))
    await cluster.create(TOPIC)
    await cluster.isWhole()
    return cluster
  }

  async create(name: string): Promise<void> {
    const topic = { name, numPartitions: PARTITIONS, replicationFactor: 3, assignments: [] }
    const configs = [{ name: 'min.insync.replicas', value: '2' }]
    const { topics } = await ask(this.any, CreateTopics, {
      topics: [{ ...topic, configs }],
      timeoutMs: 30_000,
    })
    expect(topics).toMatchObject([{ errorCode: 'NONE' }])
  }

  get any(): BrokerProcess {
    return [...this.brokers.values()][0]!
  }

  async start(id: number): Promise<void> {
    this.brokers.set(id, await startJoiningBroker(this.root, id, this.#ports, SETTINGS))
  }

  async kill(id: number): Promise<void> {
    const broker = this.brokers.get(id)!
    this.brokers.delete(id)
    broker.kill('SIGKILL')
    await broker.ended()
  }

  /** Resolves when all brokers are in sync with every leader. */
  async isWhole(): Promise<void> {
    await answers(
      'all in sync',
      async () => {
        const { topics } = await ask(this.any, Metadata, {
          topics: null,
          allowAutoTopicCreation: false,
        })
        return topics.flatMap(({ partitions }) =>
          partitions.map(({ isrNodes, leaderId }) => ({ isrNodes, leaderId })),
        )
      },
      (partitions) =>
        partitions.length >= PARTITIONS &&
        partitions.every(({ isrNodes, leaderId }) => leaderId >= 0 && isrNodes.length === 3),
    )
  }

  kafka(): Kafka {
    return new Kafka({
      clientId: 'test',
      brokers: Array.from(this.brokers.values(), ({ host, port }) => `${host}:${port}`),
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 50, maxRetryTime: 300, retries: 100 },
    })
  }

  logOf(id: number, partition: number): Buffer {
    const name = `${TOPIC}-${partition}`
    return readFileSync(join(this.root, `node-${id}`, name, `${'0'.repeat(20)}.log`))
  }
}

/** Produces one record after the other with acks of all until it is told to stop. */
class Load {
  readonly acknowledged: string[] = []
  readonly #producer: Producer
  readonly #done: Promise<void>
  #isOver = false

  constructor(producer: Producer) {
    this.#producer = producer
    this.#done = this.#run()
  }

  async #run(): Promise<void> {
    for (let count = 0; !this.#isOver; count++) {
      const value = `value ${count}`
      const messages = [{ value, partition: count % PARTITIONS }]
      await this.#producer.send({ topic: TOPIC, acks: -1, messages })
      this.acknowledged.push(value)
    }
  }

  /** Resolves when so many more were acknowledged. */
  async more(count: number): Promise<void> {
    const wanted = this.acknowledged.length + count
    await until(
      () => this.acknowledged.length >= wanted,
      () => `${this.acknowledged.length} of ${wanted} records were acknowledged`,
    )
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#done
  }
}

async function readAll(kafka: Kafka, count: number): Promise<string[]> {
  const consumer = kafka.consumer({ groupId: 'readers' })
  const values: string[] = []
  await consumer.connect()
  await consumer.subscribe({ topic: TOPIC, fromBeginning: true })
  await consumer.run({
    eachMessage: ({ message }) => {
      values.push(message.value!.toString())
      return Promise.resolve()
    },
  })
  await until(
    () => values.length >= count,
    () => `${values.length} of ${count} records were read`,
  )
  await consumer.disconnect()
  return values
}

test('what three brokers have acknowledged is there, in order and once, whichever of them are killed in turn', async () => {
  const cluster = await Cluster.open()
  const kafka = cluster.kafka()
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const load = new Load(producer)
  await load.more(ROUND)
  for (let round = 0; round < 2; round++) {
    const [leader] = await leadersOf(cluster.any, TOPIC)
    await cluster.kill(leader!)
    await load.more(ROUND)
    await answers(
      'another leader',
      () => leadersOf(cluster.any, TOPIC),
      ([now]) => now !== leader && now !== -1,
    )
    if (round === 0) await cluster.create(LATER)
    await cluster.start(leader!)
    await cluster.isWhole()
    await load.more(ROUND)
  }
  await load.stop()
  await producer.disconnect()
  const values = await readAll(cluster.kafka(), load.acknowledged.length)
  expect(new Set(values).size).toBe(values.length)
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const ofPartition = (all: string[]): string[] =>
      all.filter((value) => Number(value.split(' ')[1]) % PARTITIONS === partition)
    expect(ofPartition(values)).toEqual(ofPartition(load.acknowledged))
    await until(() => {
      const [first, ...others] = IDS.map((id) => cluster.logOf(id, partition))
      return others.every((other) => other.equals(first!))
    }, `equal logs of partition ${partition}`)
  }
}, 180_000)
