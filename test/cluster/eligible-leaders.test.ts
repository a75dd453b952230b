import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { DescribeTopicPartitions } from '../../protocol/messages/describe-topic-partitions.ts'
import type { BrokerProcess } from '../support/broker-process.ts'
import { killAll } from '../support/broker-process.ts'
import { freePorts } from '../support/ports.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { answers, ask, formatNodes, startController, startJoiningBroker } from './nodes.ts'

const directories = temporaryDirectories()
afterAll(async () => {
  await killAll()
  directories.removeAll()
})

const IDS = [2, 3, 4] as const
const TOPIC = 'orders'
/** The limit is the cluster's own, from the controller's file: no topic has one. */
const SETTINGS = { 'broker.session.timeout.ms': 1500, 'min.insync.replicas': 2 }

/** What a broker tells of the partition; ids in their order. */
interface Told {
  readonly leader: number
  readonly isr: readonly number[]
  readonly eligible: readonly number[]
  readonly lastKnown: readonly number[]
}

const sorted = (ids: readonly number[] | null): number[] => [...(ids ?? [])].sort()

/** A controller and three brokers with a topic of one partition that all of them have. */
class Cluster {
  readonly root = directories.make()
  readonly brokers = new Map<number, BrokerProcess>()
  #ports: number[] = []
  #controller: BrokerProcess | null = null

  static async open(): Promise<Cluster> {
    const cluster = new Cluster()
    cluster.#ports = await freePorts(1)
    await formatNodes(cluster.root, cluster.#ports, IDS)
    await cluster.startController()
    await cluster.start(...IDS)
    const topic = { name: TOPIC, numPartitions: 1, replicationFactor: 3 }
    const { topics } = await ask(cluster.any, CreateTopics, {
      topics: [{ ...topic, assignments: [], configs: [] }],
      timeoutMs: 30_000,
    })
    expect(topics).toMatchObject([{ errorCode: 'NONE' }])
    await cluster.comesTo({ isr: [...IDS] })
    return cluster
  }

  get any(): BrokerProcess {
    return [...this.brokers.values()][0]!
  }

  async startController(): Promise<void> {
    this.#controller = await startController(this.root, 1, this.#ports, SETTINGS)
  }

  async start(...ids: readonly number[]): Promise<void> {
    const starting = ids.map(async (id) =>
      this.brokers.set(id, await startJoiningBroker(this.root, id, this.#ports, SETTINGS)),
    )
    await Promise.all(starting)
  }

  async end(signal: 'SIGKILL' | 'SIGTERM', ...ids: readonly number[]): Promise<void> {
    const brokers = ids.map((id) => this.brokers.get(id)!)
    for (const id of ids) this.brokers.delete(id)
    for (const broker of brokers) broker.kill(signal)
    await Promise.all(brokers.map((broker) => broker.ended()))
  }

  /** The next controller knows what the log says, and nothing else. */
  async changeController(): Promise<void> {
    this.#controller!.kill('SIGKILL')
    await this.#controller!.ended()
    await this.startController()
  }

  async told(): Promise<Told> {
    const { topics } = await ask(this.any, DescribeTopicPartitions, { topics: [{ name: TOPIC }] })
    const partition = topics[0]!.partitions[0]!
    return {
      leader: partition.leaderId,
      isr: sorted(partition.isrNodes),
      eligible: sorted(partition.eligibleLeaderReplicas),
      lastKnown: sorted(partition.lastKnownElr),
    }
  }

  /** Waits until a broker that runs tells so of the partition. */
  comesTo(wanted: Partial<Told>): Promise<Told> {
    return answers(
      `a partition that is as ${JSON.stringify(wanted)}`,
      () => this.told(),
      (told) => JSON.stringify({ ...told, ...wanted }) === JSON.stringify(told),
    )
  }

  /** Records that are acknowledged by all in sync, one after the other. */
  async write(count: number): Promise<void> {
    const kafka = new Kafka({
      clientId: 'test',
      brokers: Array.from(this.brokers.values(), ({ host, port }) => `${host}:${port}`),
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 50, maxRetryTime: 300, retries: 100 },
    })
    const producer = kafka.producer()
    await producer.connect()
    for (let index = 0; index < count; index++) {
      await producer.send({ topic: TOPIC, acks: -1, messages: [{ value: `value ${index}` }] })
    }
    await producer.disconnect()
  }

  logOf(id: number): Buffer {
    return readFileSync(join(this.root, `node-${id}`, `${TOPIC}-0`, `${'0'.repeat(20)}.log`))
  }

  /** All replicas are in sync again, and have what was acknowledged, and no more. */
  async isWholeWith(acknowledged: Buffer): Promise<void> {
    await this.comesTo({ isr: [...IDS], eligible: [], lastKnown: [] })
    for (const id of IDS) expect(this.logOf(id).equals(acknowledged)).toBe(true)
  }
}

// KIP-966.
test('who stopped in order while too few were in sync leads again, and nobody who was killed or lacks records', async () => {
  const cluster = await Cluster.open()
  await cluster.write(3)
  const { leader } = await cluster.told()
  const [early, late] = IDS.filter((id) => id !== leader) as [number, number]
  await cluster.end('SIGTERM', early)
  await cluster.write(3)
  await cluster.end('SIGTERM', late)
  await cluster.comesTo({ leader, isr: [leader], eligible: [late] })
  const acknowledged = cluster.logOf(leader)
  await cluster.end('SIGKILL', leader)
  await cluster.changeController()
  // This one was not in sync any more when the last records were acknowledged.
  await cluster.start(early)
  const eligible = sorted([late, leader])
  await cluster.comesTo({ leader: -1, isr: [], eligible, lastKnown: [leader] })
  // This one may have lost what it had not flushed.
  await cluster.start(leader)
  await cluster.comesTo({ leader: -1, isr: [], eligible: [late], lastKnown: [leader] })
  await cluster.start(late)
  await cluster.comesTo({ leader: late })
  await cluster.isWholeWith(acknowledged)

  // All of them are killed: the last leader has most.
  const last = (await cluster.told()).leader
  const [one, other] = IDS.filter((id) => id !== last) as [number, number]
  await cluster.end('SIGKILL', one)
  await cluster.comesTo({ isr: sorted([last, other]) })
  await cluster.end('SIGKILL', other)
  await cluster.comesTo({ isr: [last], eligible: [other] })
  await cluster.end('SIGKILL', last)
  await cluster.changeController()
  await cluster.start(one, other)
  await cluster.comesTo({ leader: -1, isr: [], eligible: [last], lastKnown: [last] })
  await cluster.start(last)
  await cluster.comesTo({ leader: last })
  await cluster.isWholeWith(acknowledged)
}, 120_000)
