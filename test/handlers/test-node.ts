import { codecOf } from '../../protocol/codec.ts'
import {
  RequestHeader,
  ResponseHeader,
  requestHeaderVersion,
  responseHeaderVersion,
} from '../../protocol/messages/headers.ts'
import { ListGroups } from '../../protocol/messages/list-groups.ts'
import { ListTransactions } from '../../protocol/messages/list-transactions.ts'
import { buildBatch, type BatchToWrite } from '../../protocol/records/batch.ts'
import type { Api, Decoded, Encoded, ListenerKind, Shape } from '../../protocol/schema.ts'
import type { MetadataRecord } from '../../protocol/state/metadata-records.ts'
import { Reader } from '../../protocol/wire/reader.ts'
import { Writer } from '../../protocol/wire/writer.ts'
import { BrokerConfig } from '../../src/config/broker-config.ts'
import { GroupCoordinator } from '../../src/coordinators/group/coordinator.ts'
import { OFFSETS_TOPIC } from '../../src/coordinators/group/kind.ts'
import { LocalMarkerWriter } from '../../src/coordinators/marker-writer.ts'
import { ProducerIds } from '../../src/coordinators/producer-ids.ts'
import { TransactionCoordinator } from '../../src/coordinators/transaction/coordinator.ts'
import { TRANSACTIONS_TOPIC } from '../../src/coordinators/transaction/kind.ts'
import type { ConnectionContext } from '../../src/handlers/context.ts'
import { handlersOn } from '../../src/handlers/index.ts'
import type {
  BrokerServices,
  ControllerServices,
  FeatureLevels,
  NodeServices,
  QuorumState,
} from '../../src/handlers/services.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import type { Logger } from '../../src/host/host.ts'
import { SimDisk } from '../../src/host/sim/disk.ts'
import { LogManager } from '../../src/log/manager.ts'
import { clusterView } from '../../src/metadata/cluster-view.ts'
import type { ControllerCommand } from '../../src/metadata/controller/commands.ts'
import {
  EMPTY_IMAGE,
  ResourceType,
  configOf,
  partitionOf,
  resourceKey,
} from '../../src/metadata/image.ts'
import type { BrokerImage, MetadataImage, PartitionImage } from '../../src/metadata/image.ts'
import type { Table } from '../../src/metadata/table.ts'
import type { RaftReply, RaftRequest } from '../../src/quorum/types.ts'
import type { VoterChange } from '../../src/quorum/voter-changes.ts'
import { RaftServer } from '../../src/quorum/wire/server.ts'
import { ClientQuotas } from '../../src/quota/client-quotas.ts'
import { quotaWindows } from '../../src/quota/settings.ts'
import { DirectoryMoves } from '../../src/replication/directories/moves.ts'
import { FollowerPatience } from '../../src/replication/fetch/patience.ts'
import { Presence } from '../../src/replication/fetch/presence.ts'
import { RatedLog } from '../../src/host/rated-log.ts'
import { FetchMemory } from '../../src/log/read/memory.ts'
import { FetchSessionCache } from '../../src/replication/fetch/session.ts'
import { ReplicaManager } from '../../src/replication/replica-manager.ts'
import { TransactionGate } from '../../src/replication/transaction-gate.ts'
import type { TransactionVerifier } from '../../src/replication/transactions.ts'
import { topicSettings } from '../../src/replication/topic-settings.ts'
import { quotaKey, quotasOf } from '../../src/metadata/quotas.ts'
import type { QuotaEntity } from '../../src/metadata/quotas.ts'
import { scramRecordOf, scramUsers } from '../../src/metadata/scram.ts'
import { scramNumber } from '../../src/security/sasl/scram.ts'
import { DelegationTokens } from '../../src/security/tokens/delegation-tokens.ts'
import { NOT_ASKED } from '../../src/security/authentication.ts'
import type { Authorizer } from '../../src/security/authorizer.ts'
import type { Outcome } from '../../src/server/outcome.ts'
import { Pipeline } from '../../src/server/pipeline.ts'
import { Reply } from '../../src/server/reply.ts'
import { NO_STAGES } from '../../src/server/stages.ts'
import { SkippingClock } from '../support/skipping-clock.ts'
import { seeded, simulatedHost } from '../log/seeded.ts'
import { leaderServices } from '../replication/leader-services.ts'
import { quotaOf } from '../replication/quota/support.ts'

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
 * All that handlers need of a broker, in memory: real logs on a simulated disk, a real coordinator of groups, an image that
 * a test writes, a controller that a test plays. Requests take the way that they take in production, from the bytes of a
 * frame to the bytes of the answer.
 */
export class TestNode {
  /** Brokers that may have ended. */
  readonly inDoubt = new Set<number>()
  /** Whether the controller has heard of this broker. */
  hasSession = true
  /** What becomes known of brokers when signs of their lives are waited for. */
  hear: (brokerIds: readonly number[]) => Promise<void> = () => Promise.resolve()
  /** The connections by which brokers fetch. */
  readonly followedBy = new Map<number, Presence>()
  readonly disk: SimDisk
  /** What it has logged: level, message and fields of each line. */
  readonly logged: { level: string; message: string; fields: object }[] = []
  /** Goes on by itself, and by leaps where a test has no time to wait. */
  readonly clock = new SkippingClock()
  readonly config: BrokerConfig
  readonly quotas: ClientQuotas
  /** For how long clients were made to keep quiet, one after the other, in milliseconds. */
  readonly muted: number[] = []
  readonly logs: LogManager
  readonly replicas: ReplicaManager
  readonly moves: DirectoryMoves
  /** Serves from `addGroups` on. */
  readonly groups: GroupCoordinator
  /** Serves from `addTransactions` on. */
  readonly transactions: TransactionCoordinator
  /** For moves between directories; and what the cluster was told of them. */
  bytesPerSecond = Infinity
  /** What the coordinator of a transaction says of partitions that records come for. */
  verify: TransactionVerifier['verify'] = (question) => this.transactions.verify(question)
  readonly places: string[] = []
  readonly fetchMemory = new FetchMemory(1 << 20, this.clock)
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
  transactionVersion = 2
  features: FeatureLevels = { supported: [], finalized: [], epoch: 0 }
  automatic: BrokerServices['createTopicsAutomatically'] = () => Promise.resolve(new Map())
  connection: ConnectionContext
  /** Whether this node is the active controller. */
  isController = true
  /** What the quorum's part of a controller was asked, and what it says. */
  readonly raftRequests: RaftRequest[] = []
  /** How many of those that get records have them. */
  raftSent = 0
  readonly voterChanges: VoterChange[] = []
  /** Brokers whose heartbeats came, and of which life. */
  readonly heartbeats: [id: number, epoch: number][] = []
  raft: (request: RaftRequest) => RaftReply | null = () => {
    throw new Error('The quorum is not expected to be asked')
  }
  readonly #pipelines: { readonly broker: Pipeline; readonly controller: Pipeline }
  #nextId = 1
  #correlationId = 0

  /**
   * @param disk one that another node has left, to go on with what is on it
   * @param authorizer null: everybody may do everything
   */
  constructor(
    settings: Readonly<Record<string, string>> = {},
    disk = new SimDisk({ random: seeded(1) }),
    authorizer: Authorizer | null = null,
  ) {
    this.disk = disk
    const all = { 'node.id': String(NODE_ID), 'log.dirs': '/data', ...settings }
    this.config = new BrokerConfig({
      set: Object.entries(all).map(([name, value]) => `${name}=${value}`),
    })
    this.quotas = new ClientQuotas(quotaWindows(this.config))
    const host = {
      ...simulatedHost(this.disk, seeded(2)),
      clock: this.clock,
      log: this.#logger({}),
    }
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
      services: leaderServices(host.clock, NODE_ID, {
        broker: (id) => this.image.brokers.get(id),
      }),
      onUpdated: () => undefined,
      logs: this.logs,
      settingsOf: (topic) =>
        topicSettings(this.config, configOf(this.image, ResourceType.TOPIC, topic)),
      onPlaced: () => undefined,
      topics: () => this.image.topics,
    })
    this.moves = new DirectoryMoves({
      log: host.log,
      logs: this.logs,
      find: (topic, index) => {
        const partition = this.replicas.find(topic, index)
        return typeof partition === 'string' ? undefined : partition
      },
      quota: quotaOf(host.clock, () => this.bytesPerSecond),
      concurrency: 1,
      report: (_topicId, _partition, directoryId, accepted) => {
        this.places.push(directoryId)
        accepted?.()
      },
    })
    const coordinated = (topic: string) => ({
      host,
      codecs,
      config: this.config,
      partitionCount: () => this.image.topics.byName.get(topic)?.partitions.length ?? 0,
      partition: (index: number) => {
        const partition = this.replicas.find(topic, index)
        return typeof partition === 'string' ? undefined : partition
      },
    })
    this.groups = new GroupCoordinator(coordinated(OFFSETS_TOPIC))
    const markers = new LocalMarkerWriter({
      clock: this.clock,
      log: host.log,
      replicas: this.replicas,
      groups: this.groups,
      timeoutMs: () => this.config.get('request.timeout.ms'),
    })
    const producerIds = new ProducerIds(() => Promise.resolve({ firstId: 7000, size: 10 }))
    this.transactions = new TransactionCoordinator({
      ...coordinated(TRANSACTIONS_TOPIC),
      producerIds,
      transactionVersion: () => this.transactionVersion,
      markers,
      isGone: ({ topic, partition }) => partitionOf(this.image, topic, partition) === undefined,
    })
    this.addBroker({ id: NODE_ID })
    let sessionId = 1
    const isController = (): boolean => this.isController
    const common: Omit<NodeServices, 'kind'> = {
      log: host.log,
      faults: new RatedLog(host.log, host.clock),
      clock: host.clock,
      authorizer,
      config: this.config,
      controller: {
        submit: (command) => {
          this.commands.push(command)
          return Promise.resolve().then(() => this.controller(command) as never)
        },
        describeQuorum: () => this.quorum,
        get isController() {
          return isController()
        },
      },
      scramCredential: (mechanism, user) => scramRecordOf(this.image, scramNumber(mechanism), user),
      scramUsers: () => scramUsers(this.image),
      tokens: new DelegationTokens(this.config, host, () => this.image),
      cluster: () =>
        clusterView(this.image, CLUSTER_ID, NODE_ID, ({ leader }) => this.inDoubt.has(leader)),
      features: () => this.features,
      settled: () => this.replicas.settled(),
    }
    const services: BrokerServices = {
      ...common,
      kind: 'broker',
      replicas: this.replicas,
      fetchMemory: this.fetchMemory,
      replicaFetchMemory: this.fetchMemory,
      followers: { fetched: (id, presence) => void this.followedBy.set(id, presence) },
      leaderQuota: quotaOf(this.clock, () => this.config.get('leader.replication.throttled.rate')),
      followerPatience: new FollowerPatience(this.clock),
      fetchSessions: new FetchSessionCache(
        10,
        () => host.clock.monotonic(),
        () => sessionId++,
      ),
      producerIds,
      groups: this.groups,
      transactionGate: new TransactionGate({
        clock: this.clock,
        log: host.log,
        verifier: {
          verify: (question) => this.verify(question),
          onceEnded: (id, ended) => this.transactions.onceEnded(id, ended),
        },
        isEnabled: () => this.config.get('transaction.partition.verification.enable'),
        retryBackoffMs: () => this.config.get('add.partitions.to.txn.retry.backoff.ms'),
        retryMaxMs: () => this.config.get('add.partitions.to.txn.retry.backoff.max.ms'),
      }),
      markers,
      hasSession: () => this.hasSession,
      doubtItself: () => void this.inDoubt.add(NODE_ID),
      heardOf: (brokerIds) => this.hear(brokerIds),
      transactions: this.transactions,
      logs: this.logs,
      moves: this.moves,
      quotas: () => quotasOf(this.image),
      spaceOf: (path) => this.disk.space(path),
      createTopicsAutomatically: (names, client) => this.automatic(names, client),
    }
    const controllerServices: ControllerServices = {
      ...common,
      kind: 'controller',
      raft: this.#raftServer(),
      heartbeats: { heard: (id, epoch) => void this.heartbeats.push([id, epoch]) },
    }
    const stages = { ...NO_STAGES, quotas: this.quotas }
    this.#pipelines = {
      broker: new Pipeline(handlersOn('broker'), services, stages),
      controller: new Pipeline(handlersOn('controller'), controllerServices, stages),
    }
    this.connection = {
      id: 1,
      host: '127.0.0.1',
      listener: {
        name: 'PLAINTEXT',
        apis: this.#pipelines.broker.apis,
        answerForwarded: (frame, connection) =>
          this.#pipelines.controller.answerForwarded(frame, connection),
      },
      presence: new Presence(() => undefined),
      authentication: NOT_ASKED,
      sasl: null,
      end: () => undefined,
      software: { name: 'unknown', version: 'unknown' },
    }
  }

  #raftServer(): RaftServer {
    return new RaftServer({
      quorum: () => ({
        epoch: 1,
        leaderId: NODE_ID,
        endpointOf: () => ({ host: `host${NODE_ID}`, port: 9093 }),
        request: (request, answer, asker) => {
          this.raftRequests.push(request)
          asker?.afterSent(() => void this.raftSent++)
          answer(this.raft(request))
        },
        changeVoters: (change) => {
          this.voterChanges.push(change)
          return Promise.resolve({ errorCode: 'NONE', errorMessage: null })
        },
        readSnapshot: (_, asker) => {
          asker?.afterSent(() => void this.raftSent++)
          return Promise.resolve({ errorCode: 'SNAPSHOT_NOT_FOUND' })
        },
      }),
      self: { id: NODE_ID, directoryId: Buffer.alloc(16, 0x80).toString('base64url') },
      clusterId: CLUSTER_ID,
      listenerName: 'CONTROLLER',
      learn: () => undefined,
    })
  }

  #logger(of: object): Logger {
    const line = (level: string) => (fields: object, message: string) =>
      void this.logged.push({ level, message, fields: { ...of, ...fields } })
    return {
      debug: line('debug'),
      info: line('info'),
      warn: line('warn'),
      error: line('error'),
      child: (fields) => this.#logger({ ...of, ...fields }),
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

  /** @param value null: there is none any more */
  setQuota(
    entity: Readonly<Record<string, string | null>>,
    key: string,
    value: number | null,
  ): void {
    const names: QuotaEntity = Object.entries(entity).map(([entityType, entityName]) => ({
      entityType,
      entityName,
    }))
    const record = {
      type: 'ClientQuotaRecord',
      version: 0,
      value: { entity: names, key, value: value ?? 0, remove: false },
    } as const
    const before = this.image
    const at = quotaKey(names, key)
    const others = this.image.others as Table<MetadataRecord>
    const change = new Map([[at, value === null ? undefined : record]])
    this.image = { ...this.image, others: others.with(change) }
    this.quotas.follow({ before, changedQuotas: [at] }, this.image)
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

  /**
   * Has `__consumer_offsets` with so many partitions, as this broker would make it; resolves when their groups are loaded.
   */
  async addGroups({
    partitions = 1,
    configs = {},
  }: { partitions?: number; configs?: Readonly<Record<string, string>> } = {}): Promise<void> {
    await this.addTopic(OFFSETS_TOPIC, {
      partitions: Array.from({ length: partitions }, () => ({})),
      configs: { 'cleanup.policy': 'compact', 'compression.type': 'producer', ...configs },
    })
    this.groups.follow()
    await this.groupsLoaded()
  }

  /** Resolves when no group is being loaded any more. */
  async groupsLoaded(): Promise<void> {
    for (;;) {
      const { errorCode } = await this.ask(ListGroups, 4, { statesFilter: [] })
      if (errorCode !== 'COORDINATOR_LOAD_IN_PROGRESS') return
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** The same for `__transaction_state` and its transactional ids. */
  async addTransactions(partitions: readonly Partial<PartitionImage>[] = [{}]): Promise<void> {
    const configs = { 'cleanup.policy': 'compact', 'compression.type': 'uncompressed' }
    await this.addTopic(TRANSACTIONS_TOPIC, { partitions, configs })
    this.transactions.follow()
    await this.transactionsLoaded()
  }

  /** Resolves when no transactional id is being loaded any more. */
  async transactionsLoaded(): Promise<void> {
    const all = { stateFilters: [], producerIdFilters: [] }
    for (;;) {
      const { errorCode } = await this.ask(ListTransactions, 0, all)
      if (errorCode !== 'COORDINATOR_LOAD_IN_PROGRESS') return
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /**
   * Asks as a client does: what is written and read goes through the codecs.
   * @param kind of the listener; unless given, a broker's where it serves the API, else a controller's
   */
  async ask<Q extends Shape, R extends Shape>(
    api: Api<Q, R>,
    version: number,
    body: Encoded<Q>,
    clientId = 'test',
    kind?: ListenerKind,
  ): Promise<Decoded<R>> {
    const answer = await this.answer(api, version, body, clientId, kind)
    if (answer === SILENCE || answer === CLOSED) throw new Error(`${api.name}: ${answer}`)
    return answer
  }

  /**
   * `ask` where there may be no answer.
   * @throws what a handler threw, which costs the connection
   */
  async answer<Q extends Shape, R extends Shape>(
    api: Api<Q, R>,
    version: number,
    body: Encoded<Q>,
    clientId = 'test',
    kind?: ListenerKind,
  ): Promise<Decoded<R> | typeof CLOSED | typeof SILENCE> {
    const correlationId = ++this.#correlationId
    const frame = requestFrame(api, version, { correlationId, clientId }, body)
    const outcome = await this.start(frame, kind)
    if (outcome === null) return SILENCE
    if (!(outcome instanceof Reply)) return closedFor(outcome)
    const writer = new Writer()
    const fault = outcome.writeTo(writer)
    if (fault !== null) return closedFor(fault)
    // A copy: what the answer refers to, and the request's own bytes, are used again once it was sent.
    const bytes = Buffer.concat(writer.chunks())
    outcome.sent()
    if (this.#pipelineOf(frame, kind).isPooled(api.key)) frame.fill(0xee)
    const reader = new Reader(bytes, 4)
    const header = codecOf(ResponseHeader, responseHeaderVersion(api, version)).read(reader)
    expect(header).toEqual({ correlationId })
    return codecOf(api.response, version).read(reader) as Decoded<R>
  }

  /** Whether a broker starts the request of a frame before the one before it was answered. */
  isPipelined(frame: Buffer): boolean {
    return this.#pipelines.broker.isPipelined(frame)
  }

  /** Starts the request of a frame; resolves with what it came to. */
  start(frame: Buffer, kind?: ListenerKind): Promise<Outcome> {
    const pipeline = this.#pipelineOf(frame, kind)
    const mute = (ms: number): void => void this.muted.push(ms)
    return new Promise((settle) => pipeline.start(frame, this.connection, { settle, mute }))
  }

  #pipelineOf(frame: Buffer, kind?: ListenerKind): Pipeline {
    const key = frame.readInt16BE(0)
    const { broker } = this.#pipelines
    const isBrokers = broker.apis.some(({ apiKey }) => apiKey === key)
    return this.#pipelines[kind ?? (isBrokers ? 'broker' : 'controller')]
  }
}

export function requestFrame<Q extends Shape, R extends Shape>(
  api: Api<Q, R>,
  version: number,
  header: { readonly correlationId: number; readonly clientId: string },
  body: Encoded<Q>,
): Buffer {
  const writer = new Writer()
  codecOf(RequestHeader, requestHeaderVersion(api, version)).write(writer, {
    requestApiKey: api.key,
    requestApiVersion: version,
    ...header,
  })
  codecOf(api.request, version).write(writer, body)
  return Buffer.concat(writer.chunks())
}

function closedFor({ cause }: { cause?: unknown }): typeof CLOSED {
  if (cause !== undefined) throw cause
  return CLOSED
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
