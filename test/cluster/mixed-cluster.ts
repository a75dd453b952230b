import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { ElectLeaders } from '../../protocol/messages/elect-leaders.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import type { BrokerProcess, Settings } from '../support/broker-process.ts'
import { freePorts } from '../support/ports.ts'
import { ApacheBroker } from './apache-brokers.ts'
import type { Place } from './nodes.ts'
import { answers, ask, formatNodes, startController, startJoiningBroker } from './nodes.ts'

/**
 * What a broker says where a peer is killed, hangs, or has heard of a new leader before it has; it says the same of another one of its
 * own kind. What a new leader knows as replicated may be less than what the one before had told (KIP-207), whatever it runs.
 */
const OF_PEERS =
  /Connection to node -?\d+ \S+ could not be established|Error in response for fetch request|AddPartitionsToTxnRequest failed for node \d+ with a network exception|ReplicaFetcherThread .* Partition \S+ marked as failed|Non-monotonic update of high watermark/

/** Of all nodes: what is in sync is decided by the leader before the controller has a broker's session end. */
const SETTINGS: Settings = {
  'broker.session.timeout.ms': 6000,
  'broker.heartbeat.interval.ms': 500,
  'replica.lag.time.max.ms': 3000,
  'min.insync.replicas': 2,
  'offsets.topic.replication.factor': 3,
  'offsets.topic.num.partitions': 3,
  'transaction.state.log.replication.factor': 3,
  'transaction.state.log.min.isr': 2,
  'transaction.state.log.num.partitions': 3,
  'group.initial.rebalance.delay.ms': 0,
}

/** A broker of either kind. */
interface Member {
  readonly place: Place
  readonly directory: string
  start(): Promise<void>
  signal(signal: NodeJS.Signals): void
  kill9(): Promise<void>
  stop(): Promise<void>
}

class OttlaBroker implements Member {
  readonly directory: string
  readonly #start: () => Promise<BrokerProcess>
  #process: BrokerProcess | null = null

  constructor(root: string, id: number, port: number, controllers: readonly number[]) {
    this.directory = join(root, `node-${id}`)
    // Listeners of one name: that is how clients and brokers are told of each other's.
    const settings = {
      ...SETTINGS,
      listeners: `INTERNAL://127.0.0.1:${port}`,
      'inter.broker.listener.name': 'INTERNAL',
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT',
    }
    this.#start = () => startJoiningBroker(root, id, controllers, settings)
  }

  get place(): BrokerProcess {
    return this.#process!
  }

  async start(): Promise<void> {
    this.#process = await this.#start()
  }

  signal(signal: NodeJS.Signals): void {
    this.place.kill(signal)
  }

  async kill9(): Promise<void> {
    this.signal('SIGKILL')
    await this.place.ended()
  }

  async stop(): Promise<void> {
    this.signal('SIGTERM')
    expect(await this.place.ended()).toMatchObject({ code: 0 })
  }
}

interface PartitionState {
  readonly leader: number
  readonly isr: readonly number[]
}

/** Brokers of Ottla and of Apache Kafka, and a controller of Ottla's. */
export class MixedCluster {
  readonly #members = new Map<number, Member>()
  readonly apache: readonly ApacheBroker[]
  readonly #ottla: readonly OttlaBroker[]
  readonly #controller: BrokerProcess
  readonly #bootstrap: string

  private constructor(
    controller: BrokerProcess,
    members: readonly (readonly [number, Member])[],
    bootstrap: string,
  ) {
    this.#controller = controller
    this.#members = new Map(members)
    this.#ottla = members.flatMap(([, each]) => (each instanceof OttlaBroker ? [each] : []))
    this.apache = members.flatMap(([, each]) => (each instanceof ApacheBroker ? [each] : []))
    this.#bootstrap = bootstrap
  }

  static async open(
    root: string,
    ottla: readonly number[],
    apache: readonly number[],
  ): Promise<MixedCluster> {
    const ids = [...ottla, ...apache]
    const [controllerPort, ...ports] = (await freePorts(1 + ids.length)) as [number, ...number[]]
    const controllers = [controllerPort]
    const clusterId = await formatNodes(root, controllers, ottla)
    const controller = await startController(root, 1, controllers, {
      ...SETTINGS,
      'default.replication.factor': 3,
    })
    const members = ids.map((id, index) => {
      const port = ports[index]!
      const member = apache.includes(id)
        ? new ApacheBroker(root, { id, port, controllers, settings: SETTINGS })
        : new OttlaBroker(root, id, port, controllers)
      return [id, member] as const
    })
    const bootstrap = ports.map((port) => `127.0.0.1:${port}`).join()
    const cluster = new MixedCluster(controller, members, bootstrap)
    for (const broker of cluster.apache) broker.expected = OF_PEERS
    await Promise.all(cluster.apache.map((broker) => broker.format(clusterId)))
    await Promise.all(members.map(([, member]) => member.start()))
    return cluster
  }

  /** What clients are told. */
  get bootstrap(): string {
    return this.#bootstrap
  }

  at(id: number): Member {
    return this.#members.get(id)!
  }

  /** @param assignments the replicas of each partition; the first one leads */
  async create(name: string, assignments: readonly (readonly number[])[]): Promise<void> {
    const [first] = this.#members.values()
    const { topics } = await ask(first!.place, CreateTopics, {
      topics: [
        {
          name,
          numPartitions: -1,
          replicationFactor: -1,
          assignments: assignments.map((brokerIds, partitionIndex) => ({
            partitionIndex,
            brokerIds,
          })),
          configs: [],
        },
      ],
      timeoutMs: 30_000,
    })
    expect(topics).toMatchObject([{ errorCode: 'NONE' }])
  }

  /** As one broker knows it; all topics where none are named. */
  async #partitions(through: number, names: readonly string[] | null) {
    const { topics } = await ask(this.at(through).place, Metadata, {
      topics: names?.map((name) => ({ name })) ?? null,
      allowAutoTopicCreation: false,
    })
    return topics.flatMap(({ name, partitions }) =>
      partitions.map((each) => ({
        topic: name!,
        partition: each.partitionIndex,
        leader: each.leaderId,
        isr: [...each.isrNodes].sort((one, other) => one - other),
        replicas: each.replicaNodes,
      })),
    )
  }

  /** Waits until a partition is as wanted, as one broker knows it. */
  async has(
    what: string,
    through: number,
    [topic, partition]: readonly [string, number],
    isWanted: (state: PartitionState) => boolean,
  ): Promise<PartitionState> {
    return answers(
      what,
      async () => {
        const all = await this.#partitions(through, [topic])
        return all.find((each) => each.partition === partition)!
      },
      isWanted,
    )
  }

  /** Waits until all replicas of all partitions are in sync. */
  async isWhole(through: number): Promise<void> {
    await answers(
      'all in sync',
      () => this.#partitions(through, null),
      (all) =>
        all.every(({ leader, isr, replicas }) => leader >= 0 && isr.length === replicas.length),
    )
  }

  /** Has the first replica of each partition lead. */
  async electPreferred(through: number): Promise<void> {
    const { errorCode } = await ask(this.at(through).place, ElectLeaders, {
      electionType: 0,
      topicPartitions: null,
      timeoutMs: 30_000,
    })
    expect(errorCode).toBe('NONE')
    await answers(
      'the preferred leaders',
      () => this.#partitions(through, null),
      (all) => all.every(({ leader, replicas }) => leader === replicas[0]),
    )
  }

  /** The segments of a partition, one behind the other; nothing of it has been deleted or compacted. */
  logOf(id: number, topic: string, partition: number): Buffer {
    const directory = join(this.at(id).directory, `${topic}-${partition}`)
    const names = readdirSync(directory).filter((name) => name.endsWith('.log'))
    return Buffer.concat(names.sort().map((name) => readFileSync(join(directory, name))))
  }

  /** Resolves when all replicas of all partitions have the same batches, to the byte; how many partitions have any. */
  async areEqual(through: number): Promise<number> {
    const all = await this.#partitions(through, null)
    const differing = (): string[] =>
      all.flatMap(({ topic, partition, replicas }) => {
        const [first, ...others] = replicas.map((id) => this.logOf(id, topic, partition))
        const isEqual = others.every((other) => other.equals(first!))
        return isEqual ? [] : [`${topic}-${partition}`]
      })
    await answers(
      'equal logs',
      () => Promise.resolve(differing()),
      (those) => those.length === 0,
    )
    const isFilled = ({ topic, partition, replicas }: (typeof all)[number]): boolean =>
      this.logOf(replicas[0]!, topic, partition).length > 0
    return all.filter(isFilled).length
  }

  /** All end in good order. */
  async stop(): Promise<void> {
    // Ottla's take over what Apache's lead.
    await Promise.all(this.apache.map((broker) => broker.stop()))
    await Promise.all(Array.from(this.#ottla, (broker) => broker.stop()))
    this.#controller.kill('SIGTERM')
    expect(await this.#controller.ended()).toMatchObject({ code: 0 })
  }
}
