import { rm } from 'node:fs/promises'
import path from 'node:path'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import { ElectLeaders } from '../../protocol/messages/elect-leaders.ts'
import { Metadata, type MetadataResponse } from '../../protocol/messages/metadata.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { nodeHost } from '../../src/host/node.ts'
import { localSettings, nodeDirectory, openLocalCluster } from '../../src/local-cluster.ts'
import { type Place, ask } from '../cluster/nodes.ts'
import { freePortRange } from '../support/ports.ts'
import {
  type BrokerUnderTest,
  type NodeUnderTest,
  type Settings,
  apache,
  dataDirectoryIn,
  isApacheTested,
  nodeOf,
  ottla,
} from './broker.ts'
import { eventually } from './wait.ts'

export const ids = [1, 2, 3]
const host = '127.0.0.1'
/** Many times what a busy machine takes. */
const patienceMs = 180_000

/** A port for each node's clients, and behind them one for each node's controller. */
const portOf = (base: number, id: number): number => base + id - 1
const controllerPortOf = (base: number, id: number): number => base + ids.length + id - 1

/** As `ottla cluster up` makes it. */
const ottlaNodes = async (directory: string, base: number, settings: Settings) => {
  const machine = { host: nodeHost({ log: { level: 'silent' } }), codecs: nodeCodecs() }
  const where = { directory, brokers: ids.length, basePort: base }
  const cluster = await openLocalCluster({ ...machine, ...where })
  return cluster.nodes.map((node) => {
    const all = { ...localSettings(directory, cluster, node), ...settings }
    return ottla(nodeDirectory(directory, node.id), node.port, all)
  })
}

const apacheNodes = (directory: string, base: number, settings: Settings) => {
  const voters = ids.map((id) => `${id}@${host}:${controllerPortOf(base, id)}`).join()
  return ids.map((id) =>
    apache(nodeDirectory(directory, id), [portOf(base, id), controllerPortOf(base, id)], {
      'node.id': `${id}`,
      'controller.quorum.voters': voters,
      'default.replication.factor': '3',
      'min.insync.replicas': '2',
      'offsets.topic.replication.factor': '3',
      'transaction.state.log.replication.factor': '3',
      'transaction.state.log.min.isr': '2',
      ...settings,
    }),
  )
}

type Partition = MetadataResponse['topics'][number]['partitions'][number]

const partitionsOf = ({ topics }: MetadataResponse): Partition[] =>
  topics.flatMap(({ partitions }) => partitions)

/**
 * Three brokers, which are controllers too, each a process of its own, with three replicas of everything, of which two must be in
 * sync. All that is done to them is done one after the other.
 */
export class ThreeNodes implements BrokerUnderTest {
  readonly brokers = ids.length
  readonly bootstrap: string
  readonly #directory: string
  readonly #nodes: ReadonlyMap<number, NodeUnderTest>
  readonly #running = new Set<number>()
  #turn: Promise<unknown> = Promise.resolve()
  #isOver = false

  /** @param settings of each broker, beyond those that make it one of three; all others are the defaults */
  static async make(directory: string, settings: Settings): Promise<ThreeNodes> {
    const base = await freePortRange(2 * ids.length)
    const launches = isApacheTested
      ? apacheNodes(directory, base, settings)
      : await ottlaNodes(directory, base, settings)
    return new ThreeNodes(directory, launches.map(nodeOf))
  }

  private constructor(directory: string, nodes: readonly NodeUnderTest[]) {
    this.#directory = directory
    this.#nodes = new Map(nodes.map((node, index) => [ids[index]!, node]))
    this.bootstrap = nodes.map((node) => node.bootstrap).join()
  }

  async start(): Promise<void> {
    await this.#start(ids.filter((id) => !this.#running.has(id)))
    await this.isWhole()
  }

  /** For good. */
  async kill9(): Promise<void> {
    this.#isOver = true
    await Promise.all(ids.map((id) => this.#kill9(id)))
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(Array.from(this.#nodes.values(), (node) => node.stop()))
    await rm(this.#directory, { recursive: true, force: true })
  }

  tail(): string {
    return Array.from(this.#nodes, ([id, node]) => `node ${id}:\n${node.tail()}`).join('\n')
  }

  crash(topic: string, meanwhile?: () => Promise<void>): Promise<void> {
    return this.#alone(async () => {
      await this.isWhole()
      await this.die([(await this.#leaders(topic))[0]!], meanwhile)
    })
  }

  calmly<Result>(run: () => Promise<Result>): Promise<Result> {
    return this.#alone(async () => {
      await this.isWhole()
      return run()
    })
  }

  /** Kills one of those that lead something, and brings it back, when all are in sync. */
  killOne(chance: (bound: number) => number): Promise<void> {
    return this.#alone(async () => {
      await this.isWhole()
      const leading = new Set(partitionsOf(await this.#describe()).map(({ leaderId }) => leaderId))
      const candidates = leading.size > 0 ? [...leading].toSorted() : ids
      await this.die([candidates[chance(candidates.length)]!])
    })
  }

  /** Kills nodes at once, and brings them back when the others lead in their place, if these can, and have done something. */
  async die(dying: readonly number[], meanwhile?: () => Promise<void>): Promise<void> {
    await Promise.all(dying.map((id) => this.#kill9(id)))
    if (this.#running.size > ids.length / 2) {
      const isLed = ({ leaderId, replicaNodes }: Partition): boolean =>
        this.#running.has(leaderId) || replicaNodes.length === 1
      const areLed = async () => partitionsOf(await this.#describe()).every(isLed)
      await eventually(areLed, `others to lead in the place of ${dying.join()}`, patienceMs)
      await meanwhile?.()
    }
    await this.#start(dying)
  }

  /** Resolves when all nodes serve, and know that all replicas are in sync. */
  async isWhole(): Promise<void> {
    let missing = ''
    const isWhole = async (id: number): Promise<boolean> => {
      const told = await this.#describe(id)
      const lacking = partitionsOf(told).filter(
        ({ leaderId, replicaNodes, isrNodes }) =>
          leaderId === -1 || isrNodes.length < replicaNodes.length,
      )
      missing = `node ${id} knows ${told.brokers.length} brokers, and misses replicas of ${lacking.length} partitions`
      return told.brokers.length === ids.length && lacking.length === 0
    }
    const areWhole = async (): Promise<boolean> =>
      (await Promise.all(ids.map(isWhole))).every(Boolean)
    await eventually(areWhole, () => `all to be in sync: ${missing}`, patienceMs)
  }

  /** Makes topics of one partition each, which every node is the first to lead some of. */
  async makeLed(topics: readonly string[]): Promise<void> {
    const made = topics.map((name, index) => {
      const brokerIds = ids.map((_, at) => ids[(index + at) % ids.length]!)
      const assignments = [{ partitionIndex: 0, brokerIds }]
      return { name, numPartitions: -1, replicationFactor: -1, assignments, configs: [] }
    })
    const answer = await ask(this.#place(1), CreateTopics, { topics: made, timeoutMs: 30_000 })
    const failed = answer.topics.find(({ errorCode }) => errorCode !== 'NONE')
    if (failed !== undefined) throw new Error(`${failed.name}: ${failed.errorCode}`)
  }

  /** Resolves when each partition is led by its first replica. */
  async preferredLeaders(): Promise<void> {
    const election = { electionType: 0, topicPartitions: null, timeoutMs: 30_000 }
    const areElected = async (): Promise<boolean> => {
      await ask(this.#place(1), ElectLeaders, election)
      const partitions = partitionsOf(await this.#describe())
      return partitions.every(({ leaderId, replicaNodes }) => leaderId === replicaNodes[0])
    }
    await eventually(areElected, 'the first replicas to lead', patienceMs)
  }

  /** The active controller. */
  async controller(): Promise<number> {
    const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
    const told = await ask(this.#place(1), DescribeQuorum, { topics })
    return told.topics[0]!.partitions[0]!.leaderId
  }

  async partitionDirectories(topic: string): Promise<string[]> {
    let leaders: readonly number[] = []
    // Who is asked may have been killed, or not have heard of the topic yet.
    const areKnown = async (): Promise<boolean> => {
      leaders = await this.#leaders(topic)
      return leaders.length > 0 && leaders.every((leader) => leader >= 0)
    }
    await eventually(areKnown, `the leaders of ${topic}`, patienceMs)
    return leaders.map((leader, index) =>
      path.join(dataDirectoryIn(nodeDirectory(this.#directory, leader)), `${topic}-${index}`),
    )
  }

  #alone<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(task)
    this.#turn = result.catch(() => {})
    return result
  }

  async #start(starting: readonly number[]): Promise<void> {
    // A suite that has failed may have killed somebody still.
    if (this.#isOver) throw new Error('the suite is over')
    await Promise.all(starting.map((id) => this.#nodes.get(id)!.start()))
    for (const id of starting) this.#running.add(id)
  }

  async #kill9(id: number): Promise<void> {
    this.#running.delete(id)
    await this.#nodes.get(id)!.kill9()
  }

  #place(id: number): Place {
    const [, port] = this.#nodes.get(id)!.bootstrap.split(':')
    return { host, port: Number(port) }
  }

  /** What a node, or any of those that run, knows of all topics. */
  #describe(id = [...this.#running][0]!): Promise<MetadataResponse> {
    return ask(this.#place(id), Metadata, { topics: null, allowAutoTopicCreation: false })
  }

  /** Who leads each partition of a topic. */
  async #leaders(topic: string): Promise<number[]> {
    const { topics } = await this.#describe()
    const { partitions } = topics.find(({ name }) => name === topic)!
    return partitions
      .toSorted((one, other) => one.partitionIndex - other.partitionIndex)
      .map(({ leaderId }) => leaderId)
  }
}
