import { decode, encode } from '../../protocol/codec.ts'
import { buildBatch, type BatchToWrite } from '../../protocol/records/batch.ts'
import type { Api, Decoded, Encoded, Shape } from '../../protocol/schema.ts'
import { BrokerConfig } from '../../src/config/broker-config.ts'
import { ProducerIds } from '../../src/coordinators/producer-ids.ts'
import { closeConnection, Later } from '../../src/handlers/handler.ts'
import type { Answer } from '../../src/handlers/handler.ts'
import type { ConnectionContext, RequestContext } from '../../src/handlers/handler.ts'
import { advertisedApis, handlers } from '../../src/handlers/index.ts'
import type { FeatureLevels, QuorumState, Services } from '../../src/handlers/services.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { SimDisk } from '../../src/host/sim-disk.ts'
import { LogManager } from '../../src/log/manager.ts'
import { clusterView } from '../../src/metadata/cluster-view.ts'
import type { ControllerCommand } from '../../src/metadata/commands.ts'
import { EMPTY_IMAGE, ResourceType, configOf, resourceKey } from '../../src/metadata/image.ts'
import type { BrokerImage, MetadataImage, PartitionImage } from '../../src/metadata/image.ts'
import type { Table } from '../../src/metadata/table.ts'
import { DirectoryMoves } from '../../src/replication/directory-moves.ts'
import { FetchMemory } from '../../src/replication/fetch-memory.ts'
import { FetchSessionCache } from '../../src/replication/fetch-session.ts'
import { ReplicaManager } from '../../src/replication/replica-manager.ts'
import { topicSettings } from '../../src/replication/topic-settings.ts'
import { seeded, simulatedHost } from '../log/seeded.ts'

export const NODE_ID = 1
export const CLUSTER_ID = 'AAAAAAAAAAAAAAAAAAAACQ'
const codecs = nodeCodecs()

export interface TopicOptions {
  readonly id?: string
  /** What differs from a partition that this broker alone has and leads; one such by default. */
  readonly partitions?: readonly Partial<PartitionImage>[]
  readonly configs?: Readonly<Record<string, string>>
}

/** The answer that ends the connection. */
export const CLOSED = 'closed'
/** No answer at all. */
export const SILENCE = null

/**
 * All that handlers need of a broker, in memory: real logs on a simulated disk, an image that a test writes, a controller
 * that a test plays.
 */
export class TestNode {
  readonly disk = new SimDisk({ random: seeded(1) })
  readonly config: BrokerConfig
  readonly logs: LogManager
  readonly replicas: ReplicaManager
  readonly moves: DirectoryMoves
  /** For moves between directories; and what the cluster was told of them. */
  bytesPerSecond = Infinity
  readonly places: string[] = []
  readonly fetchMemory = new FetchMemory(1 << 20)
  image: MetadataImage = EMPTY_IMAGE
  /** What the controller was asked, and what it says. */
  readonly commands: ControllerCommand[] = []
  controller: (command: ControllerCommand) => unknown = () => {
    throw new Error('No controller is expected to be asked')
  }
  quorum: QuorumState = {
    leaderId: NODE_ID,
    leaderEpoch: 1,
    highWatermark: 0,
    currentVoters: [],
    observers: [],
    voters: [],
  }
  features: FeatureLevels = { supported: [], finalized: [], epoch: 0 }
  automatic: Services['createTopicsAutomatically'] = () => Promise.resolve(new Map())
  readonly connection: ConnectionContext = {
    id: 1,
    host: '127.0.0.1',
    listenerName: 'PLAINTEXT',
    software: { name: 'unknown', version: 'unknown' },
  }
  readonly #services: Services
  #nextId = 1

  constructor(settings: Readonly<Record<string, string>> = {}) {
    const all = { 'node.id': String(NODE_ID), 'log.dirs': '/data', ...settings }
    this.config = new BrokerConfig({
      set: Object.entries(all).map(([name, value]) => `${name}=${value}`),
    })
    const host = simulatedHost(this.disk, seeded(2))
    this.logs = LogManager.open({
      host,
      codecs,
      directories: this.config.logDirectories,
      onDirectoryFailed: () => undefined,
    })
    for (const [index, directory] of this.logs.directories.entries()) {
      const directoryId = Buffer.alloc(16, 0x80 + index).toString('base64url')
      directory.writeMetaProperties({ clusterId: CLUSTER_ID, nodeId: NODE_ID, directoryId })
    }
    this.replicas = new ReplicaManager({
      host,
      brokerId: NODE_ID,
      logs: this.logs,
      settingsOf: (topic) =>
        topicSettings(this.config, configOf(this.image, ResourceType.TOPIC, topic)),
      onPlaced: () => undefined,
    })
    this.moves = new DirectoryMoves({
      clock: host.clock,
      log: host.log,
      logs: this.logs,
      find: (topic, index) => {
        const partition = this.replicas.find(topic, index)
        return typeof partition === 'string' ? undefined : partition
      },
      bytesPerSecond: () => this.bytesPerSecond,
      concurrency: 1,
      report: (_topicId, _partition, directoryId, accepted) => {
        this.places.push(directoryId)
        accepted?.()
      },
    })
    this.addBroker({ id: NODE_ID })
    let sessionId = 1
    this.#services = {
      log: host.log,
      clock: host.clock,
      config: this.config,
      replicas: this.replicas,
      fetchMemory: this.fetchMemory,
      fetchSessions: new FetchSessionCache(
        10,
        () => host.clock.monotonic(),
        () => sessionId++,
      ),
      producerIds: new ProducerIds(() => Promise.resolve({ firstId: 7000, size: 10 })),
      // Groups have tests of their own.
      groups: null as unknown as Services['groups'],
      controller: {
        submit: (command) => {
          this.commands.push(command)
          return Promise.resolve().then(() => this.controller(command) as never)
        },
        describeQuorum: () => this.quorum,
      },
      logs: this.logs,
      moves: this.moves,
      spaceOf: (path) => this.disk.space(path),
      cluster: () => clusterView(this.image, CLUSTER_ID, NODE_ID),
      apis: advertisedApis,
      features: () => this.features,
      createTopicsAutomatically: (names) => this.automatic(names),
    }
  }

  addBroker(broker: Partial<BrokerImage> & { id: number }): void {
    const endPoint = { name: 'PLAINTEXT', host: `host${broker.id}`, port: 9000 + broker.id }
    const whole: BrokerImage = {
      epoch: 1,
      incarnationId: 'AAAAAAAAAAAAAAAAAAAAAA',
      endPoints: [{ ...endPoint, securityProtocol: 0 }],
      features: [],
      rack: null,
      fenced: false,
      inControlledShutdown: false,
      logDirs: [],
      cordonedLogDirs: null,
      ...broker,
    }
    this.image = { ...this.image, brokers: new Map([...this.image.brokers, [broker.id, whole]]) }
  }

  setConfig(resourceType: number, name: string, entries: Readonly<Record<string, string>>): void {
    const configs = this.image.configs as Table<ReadonlyMap<string, string>>
    const change = new Map([[resourceKey(resourceType, name), new Map(Object.entries(entries))]])
    this.image = { ...this.image, configs: configs.with(change) }
  }

  /** Has the topic in the image and, where this broker has a replica, its log; resolves when it serves. */
  async addTopic(name: string, options: TopicOptions = {}): Promise<string> {
    const { configs, partitions = [{}] } = options
    const id = options.id ?? Buffer.alloc(16, this.#nextId++).toString('base64url')
    if (configs !== undefined) this.setConfig(ResourceType.TOPIC, name, configs)
    const topic = { name, id, partitions: partitions.map((own) => ({ ...ALONE, ...own })) }
    const { byName, byId } = this.image.topics as {
      byName: Table<typeof topic>
      byId: Table<typeof topic>
    }
    const topics = {
      byName: byName.with(new Map([[name, topic]])),
      byId: byId.with(new Map([[id, topic]])),
    }
    this.image = { ...this.image, topics }
    await this.replicas.apply({ changed: [topic], deleted: [] })
    return id
  }

  /** Asks as a client does: what is written and read goes through the codecs. */
  async ask<Q extends Shape, R extends Shape>(
    api: Api<Q, R>,
    version: number,
    body: Encoded<Q>,
    clientId = 'test',
  ): Promise<Decoded<R>> {
    const answer = await this.answer(api, version, body, clientId)
    if (answer === SILENCE || answer === CLOSED) throw new Error(`${api.name}: ${answer}`)
    return answer
  }

  /** `ask` where there may be no answer. */
  async answer<Q extends Shape, R extends Shape>(
    api: Api<Q, R>,
    version: number,
    body: Encoded<Q>,
    clientId = 'test',
  ): Promise<Decoded<R> | typeof CLOSED | typeof SILENCE> {
    const handler = handlers.find((candidate) => candidate.api.key === api.key)
    if (handler === undefined) throw new Error(`${api.name} has no handler`)
    const context: RequestContext = {
      ...this.#services,
      version,
      clientId,
      connection: this.connection,
      afterSent: () => undefined,
    }
    const request = decode(api.request, version, encode(api.request, version, body))
    const answered = handler.answer(request, context)
    const answer =
      answered instanceof Later
        ? await new Promise<Answer<object>>((given, failed) => answered.tell({ given, failed }))
        : await answered
    if (answer === closeConnection) return CLOSED
    if (answer === null) return SILENCE
    return decode(api.response, version, encode(api.response, version, answer as Encoded<R>))
  }
}

/** A partition that the node has alone. */
const ALONE: PartitionImage = {
  replicas: [NODE_ID],
  directories: [],
  isr: [NODE_ID],
  removingReplicas: [],
  addingReplicas: [],
  eligibleLeaderReplicas: [],
  lastKnownElr: [],
  leader: NODE_ID,
  leaderRecoveryState: 0,
  leaderEpoch: 0,
  partitionEpoch: 0,
}

/** A batch with a record for each value, a millisecond after one another from `timestamp` on. */
export function batch(
  values: readonly string[],
  { timestamp = Date.now(), ...more }: Partial<BatchToWrite> & { timestamp?: number } = {},
): Buffer {
  const records = values.map((value, index) => ({
    timestamp: timestamp + index,
    key: null,
    value: Buffer.from(value),
  }))
  return buildBatch({ records, ...more }, codecs)
}
