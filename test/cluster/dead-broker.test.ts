import { Kafka, logLevel } from 'kafkajs'
import type { Producer } from 'kafkajs'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { ElectLeaders } from '../../protocol/messages/elect-leaders.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { until } from '../clients/wait.ts'
import { scale, soaking } from '../soak.ts'
import { killAll } from '../support/broker-process.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { CombinedNodes, IDS } from './combined.ts'
import { answers, ask } from './nodes.ts'

const directories = temporaryDirectories()
afterAll(async () => {
  await killAll()
  directories.removeAll()
})

const TOPIC = 'orders'
/** So long that whoever has an answer sooner has not waited for it; in the soak the default. */
const SESSION_MS = scale(300_000, 9_000)
/** No longer than a new controller waits to hear of a broker, so that it has always heard of one that lives; in the soak the default. */
const HEARTBEAT_MS = scale(400, 2000)
/** Acknowledged before the first end: by then each controller has reached all brokers where they listen. */
const FIRST_RECORDS = 500
const TIMES = scale(1, 20)
/** Of the soak, where the machine has little else to do. */
const LIMITS = { median: 1000, most: 3000 }
/** Each node leads one of the partitions. */
const ASSIGNMENTS = [
  [1, 2, 3],
  [2, 3, 1],
  [3, 1, 2],
]

/** Produces one record after the other with acks of all, to one partition after the other. */
class Load {
  acknowledged = 0
  /** The longest time between two acknowledgements, since it was set to 0. */
  longestMs = 0
  readonly #producer: Producer
  readonly #done: Promise<void>
  #lastMs = performance.now()
  #isOver = false

  constructor(producer: Producer) {
    this.#producer = producer
    this.#done = this.#run()
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const partition = this.acknowledged % ASSIGNMENTS.length
      const messages = [{ value: `value ${this.acknowledged}`, partition }]
      await this.#producer.send({ topic: TOPIC, acks: -1, messages })
      const nowMs = performance.now()
      this.longestMs = Math.max(this.longestMs, nowMs - this.#lastMs)
      this.#lastMs = nowMs
      this.acknowledged++
    }
  }

  /** Resolves when so many more were acknowledged. */
  async more(count: number): Promise<void> {
    const wanted = this.acknowledged + count
    await until(
      () => this.acknowledged >= wanted,
      () => `${this.acknowledged} of ${wanted} records were acknowledged`,
    )
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#done
  }
}

/** A way in which leaders end, and what clients have seen of it. */
interface Case {
  readonly what: string
  readonly isController: boolean
  readonly end: (id: number) => Promise<unknown>
  readonly gaps: number[]
}

/** Three nodes, of which each leads a partition, and a client that produces. */
class Scene {
  readonly nodes: CombinedNodes
  readonly load: Load
  readonly #producer: Producer
  /** The next one to end comes first. */
  #turns = IDS

  static async open(): Promise<Scene> {
    const nodes = await CombinedNodes.make(directories.make(), {
      'broker.session.timeout.ms': SESSION_MS,
      'broker.heartbeat.interval.ms': HEARTBEAT_MS,
      'auto.leader.rebalance.enable': 'false',
    })
    await nodes.start(...IDS)
    const assignments = ASSIGNMENTS.map((brokerIds, partitionIndex) => ({
      partitionIndex,
      brokerIds,
    }))
    const configs = [{ name: 'min.insync.replicas', value: '2' }]
    const orders = { name: TOPIC, numPartitions: -1, replicationFactor: -1, assignments, configs }
    const { topics } = await ask(nodes.broker(1), CreateTopics, {
      topics: [orders],
      timeoutMs: 30_000,
    })
    expect(topics).toMatchObject([{ errorCode: 'NONE' }])
    const kafka = new Kafka({
      clientId: 'test',
      brokers: nodes.bootstrap.split(','),
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 50, maxRetryTime: 100, retries: 10_000 },
    })
    const producer = kafka.producer()
    await producer.connect()
    const scene = new Scene(nodes, producer)
    await scene.isWhole()
    return scene
  }

  private constructor(nodes: CombinedNodes, producer: Producer) {
    this.nodes = nodes
    this.#producer = producer
    this.load = new Load(producer)
  }

  async close(): Promise<void> {
    await this.load.stop()
    await this.#producer.disconnect()
    await this.nodes.stop(...this.nodes.running)
  }

  /** Resolves when all are in sync, and each node leads a partition again. */
  async isWhole(): Promise<void> {
    const look = async () => {
      const any = this.nodes.broker(this.nodes.running[0]!)
      const answer = await ask(any, Metadata, {
        topics: [{ name: TOPIC }],
        allowAutoTopicCreation: false,
      })
      return { any, partitions: answer.topics[0]!.partitions }
    }
    const { any } = await answers(
      'all in sync',
      look,
      ({ partitions }) =>
        partitions.length === ASSIGNMENTS.length &&
        partitions.every(({ isrNodes }) => isrNodes.length === 3),
    )
    await ask(any, ElectLeaders, { electionType: 0, topicPartitions: null, timeoutMs: 30_000 })
    await answers('leaders', look, ({ partitions }) =>
      partitions.every(
        ({ leaderId, partitionIndex }) => leaderId === ASSIGNMENTS[partitionIndex]![0],
      ),
    )
  }

  /**
   * What a client sees of the end of a leader: the longest time without an acknowledgement.
   * @param isController whether it is the active controller that ends
   */
  async gap(isController: boolean, end: (id: number) => Promise<unknown>): Promise<number> {
    await this.load.more(30)
    const active = await this.nodes.leader()
    const id = isController ? active : this.#turns.find((other) => other !== active)!
    this.#turns = [...this.#turns.filter((other) => other !== id), id]
    this.load.longestMs = 0
    await end(id)
    await this.load.more(60)
    const gapMs = Math.round(this.load.longestMs)
    await this.nodes.start(id)
    await this.isWhole()
    return gapMs
  }
}

test(`soak: a leader that is killed or stopped (${TIMES} times each) is followed by another one long before its session is over`, async () => {
  const scene = await Scene.open()
  const { nodes } = scene
  const kill = (id: number) => nodes.kill9(id)
  const stop = (id: number) => nodes.stop(id)
  // One after the other, and all again: the active controller is another one after every second end, and none sees three early
  // ends of one broker, after which it would have that broker keep its session.
  const cases: Case[] = [
    { what: 'killed', isController: false, end: kill, gaps: [] },
    { what: 'killed, and the active controller', isController: true, end: kill, gaps: [] },
    { what: 'stopped', isController: false, end: stop, gaps: [] },
    { what: 'stopped, and the active controller', isController: true, end: stop, gaps: [] },
  ]
  await scene.load.more(FIRST_RECORDS)
  for (let round = 0; round < TIMES; round++) {
    for (const { isController, end, gaps } of cases) gaps.push(await scene.gap(isController, end))
  }
  await scene.close()
  for (const { what, gaps } of cases) {
    gaps.sort((a, b) => a - b)
    const median = gaps[gaps.length >> 1]!
    const most = gaps.at(-1)!
    console.log(`${what}: median ${median} ms, at most ${most} ms without an acknowledgement`)
    expect(most).toBeLessThan(SESSION_MS)
    if (!soaking) continue
    expect([what, median]).toEqual([what, Math.min(median, LIMITS.median)])
    expect([what, most]).toEqual([what, Math.min(most, LIMITS.most)])
  }
})
