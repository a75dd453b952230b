import type { Codecs } from '../../protocol/records/codecs.ts'
import { createTopicsAutomatically } from './automatic-topics.ts'
import { addressLimits } from '../config/checks.ts'
import { joiningProblem } from '../config/joining.ts'
import type { BrokerConfig } from '../config/broker-config.ts'
import type { Endpoint } from '../config/listeners.ts'
import { GroupCoordinator } from '../coordinators/group/coordinator.ts'
import { OFFSETS_TOPIC } from '../coordinators/group/kind.ts'
import { ProducerIds } from '../coordinators/producer-ids.ts'
import type { ProducerIdBlock } from '../coordinators/producer-ids.ts'
import { handlersOn } from '../handlers/index.ts'
import type { Services } from '../handlers/services.ts'
import { hostAndPort } from '../host/address.ts'
import type { Host } from '../host/host.ts'
import { RatedLog } from '../host/rated-log.ts'
import type { LogDirectory } from '../log/directory/directory.ts'
import { LogCleaner, type CleanerSettings } from '../log/cleaner/log-cleaner.ts'
import type { LogManager } from '../log/manager.ts'
import { clusterView } from '../metadata/cluster-view.ts'
import { randomId } from '../metadata/ids.ts'
import { ResourceType, configOf } from '../metadata/image.ts'
import type { EndPoint, MetadataDelta } from '../metadata/image.ts'
import { SUPPORTED_FEATURES, finalizedFeatures } from '../metadata/features.ts'
import type { MetadataNode } from '../metadata/node.ts'
import { AssignmentReporter } from '../replication/directories/assignment-reporter.ts'
import { FetchMemory } from '../replication/fetch/memory.ts'
import { ShardError } from '../machine/runtime.ts'
import { DirectoryMoves } from '../replication/directories/moves.ts'
import { FailureReporter } from '../replication/directories/failure-reporter.ts'
import { FetchSessionCache } from '../replication/fetch/session.ts'
import { ReplicaManager } from '../replication/replica-manager.ts'
import { topicSettings } from '../replication/topic-settings.ts'
import { Pipeline } from '../server/pipeline.ts'
import { RequestMemory } from '../server/request-memory.ts'
import { Server } from '../server/server.ts'
import { LEAST_OPEN_FILES, shareOpenFiles, type OpenFileShares } from './open-file-shares.ts'
import { openStorage, startFailure } from './storage.ts'
import type { Storage } from './storage.ts'

/** Requests in flight get this long to be answered when the broker stops. */
const STOP_GRACE_MS = 10_000
/** Where so many bytes were read for consumers and not sent yet, fetches wait for their turn. */
const MAX_UNSENT_BYTES = 128 << 20
/** Producers that have been idle for too long are looked for so often (Kafka's producer.id.expiration.check.interval.ms). */
const FIRST_SESSION_ID = 1
const MAX_SESSION_ID = 0x7fff_fffe

/** Hosts that stand for every address of the machine. */
const ALL_INTERFACES = ['', '0.0.0.0', '::']

/** A broker can't start, for a reason that its operator can mend. The message says what to do. */
export class StartError extends Error {
  override readonly name = 'StartError'
  readonly code = 'ERR_START'
}

/** Where clients reach the broker. */
export interface Address {
  readonly listener: string
  readonly host: string
  readonly port: number
}

/** One node, broker and controller in one: the place where the parts meet. */
export class Broker {
  readonly clusterId: string
  /** Resolves only if the node can't go on, with the reason: its last log directory failed, or the metadata log. */
  readonly failed: Promise<Error>
  readonly #host: Host
  readonly #config: BrokerConfig
  readonly #nodeId: number
  readonly #logs: LogManager
  readonly #cleaner: LogCleaner
  readonly #moves: DirectoryMoves
  readonly #metadata: MetadataNode
  readonly #assignments: AssignmentReporter
  readonly #failures: FailureReporter
  readonly #replicas: ReplicaManager
  readonly #groups: GroupCoordinator
  readonly #pipeline: Pipeline
  readonly #server: Server
  readonly #faults: RatedLog
  #addresses: readonly Address[] = []
  #brokerEpoch = -1
  #closing: Promise<void> | null = null

  /**
   * Opens the directories, replays the metadata, recovers the logs, and listens.
   * @throws StartError, LogDirectoryError
   */
  static async start(host: Host, codecs: Codecs, config: BrokerConfig): Promise<Broker> {
    let fail: (reason: Error) => void = () => {}
    const failed = new Promise<Error>((resolve) => (fail = resolve))
    let takeOffline: (directory: LogDirectory) => void = () => {}
    const refusal = joiningProblem(config, config.listeners, host.network.hostName)
    if (refusal !== null) throw new StartError(refusal)
    const openFiles = openFilesOf(host)
    const memory = new RequestMemory(config.get('queued.max.request.bytes'))
    const share = { maxOpenFiles: openFiles.logFiles, requestMemory: memory }
    const storage = await openStorage(host, codecs, config, share, {
      node: (reason) => fail(reason),
      directory: (directory) => takeOffline(directory),
    })
    const broker = new Broker(
      host,
      codecs,
      config,
      storage,
      { failed, fail },
      { openFiles, memory },
    )
    takeOffline = (directory) => broker.#takeOffline(directory)
    try {
      await broker.#open()
    } catch (error) {
      const failure = startFailure(error, storage.logs.metadataDirectory)
      await broker.close()
      throw failure
    }
    return broker
  }

  private constructor(
    host: Host,
    codecs: Codecs,
    config: BrokerConfig,
    storage: Storage,
    { failed, fail }: { failed: Promise<Error>; fail: (reason: Error) => void },
    { openFiles, memory }: { openFiles: OpenFileShares; memory: RequestMemory },
  ) {
    this.#host = host
    this.#config = config
    this.#faults = new RatedLog(host.log, host.clock)
    this.#nodeId = config.get('node.id')
    this.#logs = storage.logs
    this.#cleaner = new LogCleaner({
      host,
      logs: () => storage.logs.logs(),
      settings: () => cleanerSettings(config),
    })
    this.#metadata = storage.metadata
    this.clusterId = storage.identity.clusterId
    this.failed = failed
    this.#assignments = new AssignmentReporter({
      clock: host.clock,
      log: host.log,
      ask: (directories) =>
        this.#metadata.submit({ type: 'assignReplicasToDirs', ...this.#identity(), directories }),
    })
    this.#failures = new FailureReporter({
      clock: host.clock,
      log: host.log,
      timeoutMs: () => config.get('log.dir.failure.timeout.ms'),
      ask: (offlineLogDirs) =>
        this.#metadata.submit({
          type: 'reportOfflineDirectories',
          ...this.#identity(),
          offlineLogDirs,
        }),
      giveUp: fail,
    })
    this.#replicas = new ReplicaManager({
      host,
      brokerId: this.#nodeId,
      logs: storage.logs,
      settingsOf: (topic) =>
        topicSettings(config, configOf(this.#metadata.image, ResourceType.TOPIC, topic)),
      onPlaced: (topicId, partition, directoryId) =>
        this.#assignments.report(topicId, partition, directoryId),
    })
    this.#moves = new DirectoryMoves({
      clock: host.clock,
      log: host.log,
      logs: storage.logs,
      find: (topic, index) => {
        const partition = this.#replicas.find(topic, index)
        return typeof partition === 'string' ? undefined : partition
      },
      bytesPerSecond: () => config.get('replica.alter.log.dirs.io.max.bytes.per.second'),
      concurrency:
        config.get('num.replica.alter.log.dirs.threads') ?? storage.logs.directories.length,
      report: (...place) => this.#assignments.report(...place),
    })
    this.#replicas.onRemoved((topic, topicId) => this.#moves.forget(topic, topicId))
    this.#groups = new GroupCoordinator({
      host,
      codecs,
      config,
      partitionCount: () =>
        this.#metadata.image.topics.byName.get(OFFSETS_TOPIC)?.partitions.length ?? 0,
      partition: (index) => {
        const partition = this.#replicas.find(OFFSETS_TOPIC, index)
        return typeof partition === 'string' ? undefined : partition
      },
    })
    this.#pipeline = new Pipeline(handlersOn('broker'), this.#services())
    this.#server = new Server(host, serverSettings(config, openFiles), memory)
  }

  /** Of each listener, with the real ports; the first one first. */
  get addresses(): readonly Address[] {
    return this.#addresses
  }

  /** Finishes the requests in flight, flushes, and leaves nothing running. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #open(): Promise<void> {
    const { image } = this.#metadata
    this.#warnOfSettings()
    this.#applyDynamicConfig()
    this.#metadata.onChange((delta) => this.#follow(delta))
    await this.#replicas.load(image.topics.byName.values())
    this.#logs.runPeriodically({
      checkpointMs: this.#config.get('log.flush.offset.checkpoint.interval.ms'),
      producerCheckMs: this.#config.get('producer.id.expiration.check.interval.ms'),
      retentionCheckMs: this.#config.get('log.retention.check.interval.ms'),
      initialDelayMs: this.#config.get('log.initial.task.delay.ms'),
    })
    this.#moves.resume(this.#replicas.partitions())
    if (this.#config.get('log.cleaner.enable')) this.#cleaner.start()
    this.#addresses = await this.#listen()
    await this.#register()
    await this.#replicas.settled()
    this.#groups.follow()
    this.#server.open()
    const { clusterId, addresses } = this
    this.#host.log.info({ clusterId, nodeId: this.#nodeId, addresses }, 'The broker is ready')
  }

  /** An operator should not believe in a setting that does nothing. */
  #warnOfSettings(): void {
    const { unknown, notActedUpon } = this.#config
    if (unknown.length > 0) {
      this.#host.log.warn({ settings: unknown }, 'Settings that Kafka does not have are ignored')
    }
    if (notActedUpon.length > 0) {
      this.#host.log.warn(
        { settings: notActedUpon },
        'Settings that Ottla does not act upon yet are ignored',
      )
    }
  }

  async #close(): Promise<void> {
    // Members that wait for a rebalance are told to come back, so that their requests don't hold the stop up.
    this.#groups.close()
    this.#failures.close()
    const served = this.#server.close(STOP_GRACE_MS)
    this.#replicas.endWaiting()
    await served
    this.#faults.close()
    await this.#replicas.settled()
    await this.#moves.close()
    await this.#assignments.settled()
    this.#assignments.close()
    await this.#metadata.close()
    await this.#replicas.settled()
    await this.#cleaner.stop()
    await this.#logs.close(this.#brokerEpoch)
  }

  /** Takes the ports; clients that connect from now on wait until the broker is ready for them. */
  async #listen(): Promise<Address[]> {
    const addresses: Address[] = []
    for (const { listener, host, port } of this.#config.listeners.broker) {
      try {
        const address = { name: listener, host: host === '0.0.0.0' ? '' : host, port }
        const taken = await this.#server.listen(address, this.#pipeline)
        addresses.push({
          listener,
          host: this.#reachable(listener, host),
          port: taken,
        })
      } catch (error) {
        throw new StartError(whyNotListening(error, listener, host, port), { cause: error })
      }
    }
    return addresses
  }

  /** Tells the controller where clients reach this broker; from then on it may lead. */
  async #register(): Promise<void> {
    const reply = await this.#metadata.submit({
      type: 'registerBroker',
      brokerId: this.#nodeId,
      clusterId: this.clusterId,
      incarnationId: randomId(this.#host.random),
      endPoints: this.#config.listeners.advertised.map((endpoint) => this.#advertise(endpoint)),
      features: SUPPORTED_FEATURES,
      rack: this.#config.get('broker.rack'),
      logDirs: this.#logs.directories.flatMap(({ id, failure }) =>
        id !== null && failure === null ? [id] : [],
      ),
    })
    if (reply.errorCode !== 'NONE') {
      throw new StartError(
        `The controller refused this broker: ${reply.errorMessage ?? reply.errorCode}`,
      )
    }
    this.#brokerEpoch = reply.brokerEpoch
    this.#assignments.start()
    this.#failures.start()
  }

  /** How the controller knows this life of the broker. */
  #identity(): { brokerId: number; brokerEpoch: number } {
    return { brokerId: this.#nodeId, brokerEpoch: this.#brokerEpoch }
  }

  /** A directory failed. Its partitions can't be used until a restart; the others go on. */
  #takeOffline({ id, path }: LogDirectory): void {
    this.#replicas.takeOffline(path)
    this.#moves.onDirectoryFailed(path)
    this.#groups.follow()
    if (id !== null) this.#failures.report(id, path)
  }

  /** Where a listener is on all interfaces, clients use what is advertised. */
  #reachable(listener: string, host: string): string {
    if (!ALL_INTERFACES.includes(host)) return host
    const advertised = this.#config.listeners.advertised.find(
      (endpoint) => endpoint.listener === listener,
    )
    const known = advertised !== undefined && !ALL_INTERFACES.includes(advertised.host)
    return known ? advertised.host : this.#host.network.hostName
  }

  #advertise({ listener, host, port }: Endpoint): EndPoint {
    const taken = this.#addresses.find((address) => address.listener === listener)
    return {
      name: listener,
      host: ALL_INTERFACES.includes(host) ? this.#host.network.hostName : host,
      port: port === 0 ? (taken?.port ?? 0) : port,
      securityProtocol: 0,
    }
  }

  #follow(delta: MetadataDelta): void {
    for (const { resourceType, resourceName } of delta.changedConfigs) {
      if (resourceType === ResourceType.TOPIC) this.#replicas.configure(resourceName)
      if (resourceType === ResourceType.BROKER) this.#applyDynamicConfig()
    }
    const { createdTopics, changedTopics, deletedTopics } = delta
    if (createdTopics.length + changedTopics.length + deletedTopics.length === 0) return
    const changes = { changed: [...createdTopics, ...changedTopics], deleted: deletedTopics }
    const made = this.#replicas.apply(changes)
    // What is led no longer is given up at once; what is led from now on may have to be made.
    this.#groups.follow()
    made
      .then(() => {
        this.#groups.follow()
        return this.#groups.forgetTopics(deletedTopics.map(({ name }) => name))
      })
      .catch((error: unknown) => {
        this.#host.log.error({ err: error }, 'A change of topics was not followed in full')
      })
  }

  #applyDynamicConfig(): void {
    const { image } = this.#metadata
    const ignored = this.#config.updateDynamic({
      cluster: configOf(image, ResourceType.BROKER, ''),
      broker: configOf(image, ResourceType.BROKER, String(this.#nodeId)),
    })
    this.#replicas.configureAll()
    this.#moves.onSettingsChanged()
    for (const reason of ignored) this.#host.log.warn({}, `A dynamic setting is ignored: ${reason}`)
  }

  #services(): Services {
    const { clock, disk, log, random } = this.#host
    return {
      log,
      faults: this.#faults,
      clock,
      authorizer: null,
      config: this.#config,
      replicas: this.#replicas,
      fetchMemory: new FetchMemory(MAX_UNSENT_BYTES, clock),
      fetchSessions: new FetchSessionCache(
        this.#config.get('max.incremental.fetch.session.cache.slots'),
        () => clock.monotonic(),
        () => random.below(MAX_SESSION_ID) + FIRST_SESSION_ID,
      ),
      producerIds: new ProducerIds(() => this.#allocateProducerIds()),
      groups: this.#groups,
      controller: this.#metadata,
      logs: this.#logs,
      moves: this.#moves,
      spaceOf: (path) => disk.space(path),
      cluster: () => clusterView(this.#metadata.image, this.clusterId, this.#nodeId),
      features: () => ({
        supported: SUPPORTED_FEATURES.map(({ name, minSupportedVersion, maxSupportedVersion }) => ({
          name,
          minVersion: minSupportedVersion,
          maxVersion: maxSupportedVersion,
        })),
        finalized: finalizedFeatures(this.#metadata.image, this.#metadata.kraftVersion),
        epoch: this.#metadata.image.offset,
      }),
      createTopicsAutomatically: (names) =>
        createTopicsAutomatically(names, {
          clock: this.#host.clock,
          config: this.#config,
          controller: this.#metadata,
          settled: () => this.#replicas.settled(),
        }),
    }
  }

  async #allocateProducerIds(): Promise<ProducerIdBlock | null> {
    const asked = this.#metadata.submit({
      type: 'allocateProducerIds',
      ...this.#identity(),
    })
    const reply = await asked.catch((error: unknown) => {
      if (error instanceof ShardError) return null
      throw error
    })
    if (reply === null || reply.errorCode !== 'NONE') return null
    return { firstId: reply.producerIdStart, size: reply.producerIdLen }
  }
}

/** @throws StartError where the limit of open files is too low for any broker */
function openFilesOf(host: Host): OpenFileShares {
  const limit = host.disk.openFileLimit()
  const shares = shareOpenFiles(limit)
  if (shares !== null) return shares
  const message = `A broker needs ${LEAST_OPEN_FILES} open files at least, and this process may have ${limit}: raise the limit (ulimit -n, LimitNOFILE of a systemd unit, --ulimit nofile of a container)`
  throw new StartError(message)
}

function serverSettings(
  config: BrokerConfig,
  openFiles: OpenFileShares,
): ConstructorParameters<typeof Server>[1] {
  const perAddress = config.get('max.connections.per.ip')
  const overrides = addressLimits(config.get('max.connections.per.ip.overrides'))
  return {
    maxRequestBytes: config.get('socket.request.max.bytes'),
    maxConnections: config.get('max.connections'),
    maxSockets: openFiles.connections,
    maxConnectionsOf: (address) => overrides?.get(address) ?? perAddress,
    maxIdleMs: config.get('connections.max.idle.ms'),
  }
}

function cleanerSettings(config: BrokerConfig): CleanerSettings {
  return {
    threads: config.get('log.cleaner.threads'),
    dedupeBufferBytes: config.get('log.cleaner.dedupe.buffer.size'),
    loadFactor: config.get('log.cleaner.io.buffer.load.factor'),
    ioBufferBytes: config.get('log.cleaner.io.buffer.size'),
    maxBytesPerSecond: config.get('log.cleaner.io.max.bytes.per.second'),
    backoffMs: config.get('log.cleaner.backoff.ms'),
  }
}

function whyNotListening(error: unknown, listener: string, host: string, port: number): string {
  const place = `${listener}://${hostAndPort(host, port)}`
  switch ((error as { code?: string }).code) {
    case 'EADDRINUSE':
      return `Port ${port} is in use by another process, so ${place} can't be listened on. Stop that process, or choose another port in listeners`
    case 'EACCES':
      return `This user may not listen on ${place}. Choose a port above 1023 in listeners`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is no address of this machine, so ${place} can't be listened on. Correct listeners; what clients are told to connect to is advertised.listeners`
    default:
      return `${place} can't be listened on: ${error instanceof Error ? error.message : String(error)}`
  }
}
