import type { Codecs } from '../../protocol/records/codecs.ts'
import type { BrokerConfig } from '../config/broker-config.ts'
import type { GroupCoordinator } from '../coordinators/group/coordinator.ts'
import type { TransactionCoordinator } from '../coordinators/transaction/coordinator.ts'
import { handlersOn } from '../handlers/index.ts'
import type { BrokerServices } from '../handlers/services.ts'
import type { Host } from '../host/host.ts'
import { RatedLog } from '../host/rated-log.ts'
import type { LogDirectory } from '../log/directory/directory.ts'
import { LogCleaner } from '../log/cleaner/log-cleaner.ts'
import type { LogManager } from '../log/manager.ts'
import { atOnce } from '../machine/steps.ts'
import { differenceOf } from '../metadata/image-difference.ts'
import { ResourceType, configOf } from '../metadata/image.ts'
import type { MetadataImage } from '../metadata/image.ts'
import { SUPPORTED_FEATURES } from '../metadata/features.ts'
import type { MetadataNode } from '../metadata/node.ts'
import { towards } from '../peer/security.ts'
import type { ClientQuotas } from '../quota/client-quotas.ts'
import { AssignmentReporter } from '../replication/directories/assignment-reporter.ts'
import { DirectoryMoves } from '../replication/directories/moves.ts'
import type { Partition } from '../replication/partition/partition.ts'
import { ReplicaManager } from '../replication/replica-manager.ts'
import { topicSettings } from '../replication/topic-settings.ts'
import type { Authorizer } from '../security/authorizer.ts'
import type { NodeSecurity } from '../security/listener-security.ts'
import { Pipeline } from '../server/pipeline.ts'
import { RoleListeners } from '../server/listeners.ts'
import type { Address } from '../server/listeners.ts'
import type { RequestMemory } from '../server/request-memory.ts'
import { Server } from '../server/server.ts'
import type { ListenerAddress } from '../server/server.ts'
import { connectionRates, serverSettings } from '../server/settings.ts'
import { NO_STAGES } from '../server/stages.ts'
import { BrokerControllerChannel } from './controller-channel.ts'
import { brokerCoordinators } from './coordinators.ts'
import type { BrokerIdentity, Coordinators } from './coordinators.ts'
import { ImageFollower } from './follow.ts'
import { Forwarding } from './forwarding.ts'
import { BrokerLifecycle, stoppedAtStart } from './lifecycle.ts'
import { OtherBrokers } from './other-brokers.ts'
import { BrokerReplication, moveQuota } from './replication.ts'
import type { OpenFileShares } from './open-file-shares.ts'
import { loadPartitions } from './partitions.ts'
import { brokerServices } from './services.ts'
import { inShortTurns } from './short-turns.ts'
import { cleanerSettings, cordonedIds, lifecycleSettings, logIntervals } from './settings.ts'
import { untilKnown } from './until-known.ts'

/** Requests in flight get this long to be answered when the broker stops. */
const STOP_GRACE_MS = 10_000

/** What a broker has of its node. */
export interface BrokerParts {
  readonly host: Host
  readonly codecs: Codecs
  readonly config: BrokerConfig
  readonly clusterId: string
  /** Of this life of the process. */
  readonly incarnationId: string
  readonly logs: LogManager
  readonly metadata: MetadataNode
  readonly openFiles: OpenFileShares
  readonly memory: RequestMemory
  readonly security: NodeSecurity
  /** Null: everybody may do everything. */
  readonly authorizer: Authorizer | null
  readonly quotas: ClientQuotas
  /** The node can't go on. */
  readonly fail: (reason: Error) => void
}

/** The role of the broker: has partitions of the cluster, and serves clients. */
export class Broker {
  readonly #parts: BrokerParts
  readonly #nodeId: number
  readonly #cleaner: LogCleaner
  readonly #controller: BrokerControllerChannel
  readonly #others: OtherBrokers
  readonly #moves: DirectoryMoves
  readonly #assignments: AssignmentReporter
  readonly #replication: BrokerReplication
  readonly #replicas: ReplicaManager
  readonly #groups: GroupCoordinator
  readonly #transactions: TransactionCoordinator
  readonly #follower: ImageFollower
  readonly #lifecycle: BrokerLifecycle
  readonly #server: Server
  readonly #listeners: RoleListeners
  readonly #faults: RatedLog
  #hasLogs = false
  #unfollow: () => void = () => undefined
  #unfollowController: () => void = () => undefined

  constructor(parts: BrokerParts) {
    const { host, config, logs, metadata, security } = parts
    const { clock, log } = host
    this.#parts = parts
    this.#faults = new RatedLog(log, clock)
    this.#nodeId = config.get('node.id')
    this.#cleaner = new LogCleaner({
      host,
      logs: () => logs.logs(),
      settings: () => cleanerSettings(config),
    })
    const way = towards(host, security.controllers)
    this.#controller = new BrokerControllerChannel(way, config, metadata)
    this.#others = new OtherBrokers(towards(host, security.brokers!), config, metadata)
    this.#lifecycle = new BrokerLifecycle({
      clock,
      log,
      channel: this.#controller,
      settings: lifecycleSettings(config),
      metadataOffset: () => metadata.image.offset,
      cordoned: () => cordonedIds(metadata.image, logs),
      isUnfenced: () => metadata.image.brokers.get(this.#nodeId)?.fenced === false,
      registeredEpoch: () => metadata.image.brokers.get(this.#nodeId)?.epoch ?? -1,
      fail: parts.fail,
    })
    this.#assignments = new AssignmentReporter({
      clock,
      log,
      ask: (directories) =>
        this.#controller.submit({
          type: 'assignReplicasToDirs',
          ...this.#identity(),
          directories,
        }),
    })
    const identity = (): BrokerIdentity => this.#identity()
    const own = { controller: this.#controller, others: this.#others, identity }
    const checkLag = (): void => this.#replicas.checkLag()
    this.#replication = new BrokerReplication({ ...parts, ...own, checkLag })
    this.#replicas = new ReplicaManager({
      host,
      services: this.#replication.services,
      logs,
      settingsOf: (topic) =>
        topicSettings(config, configOf(metadata.image, ResourceType.TOPIC, topic)),
      onPlaced: (...place) => this.#assignments.report(...place),
      topics: () => metadata.image.topics,
      onUpdated: (partition) => this.#replication.fetchers.follow(partition),
    })
    this.#moves = new DirectoryMoves({
      log,
      logs,
      find: (topic, index) => this.#partition(topic, index),
      quota: moveQuota(clock, config),
      concurrency: config.get('num.replica.alter.log.dirs.threads') ?? logs.directories.length,
      report: (...place) => this.#assignments.report(...place),
    })
    this.#replicas.onRemoved((topic, topicId) => this.#moves.forget(topic, topicId))
    const coordinators = brokerCoordinators({ ...parts, ...own, replicas: this.#replicas })
    this.#groups = coordinators.groups
    this.#transactions = coordinators.transactions
    this.#follower = new ImageFollower({
      log,
      config,
      replication: this.#replication,
      replicas: this.#replicas,
      moves: this.#moves,
      groups: this.#groups,
      transactions: this.#transactions,
      cordon: (paths) => {
        if (logs.cordon(paths)) this.#lifecycle.reportCordoned()
      },
    })
    const pipeline = this.#pipeline(coordinators)
    this.#server = this.#newServer()
    this.#listeners = this.#listenersOf(pipeline)
  }

  #newServer(): Server {
    const { host, config, memory, openFiles, quotas } = this.#parts
    const settings = serverSettings(config, openFiles.connections)
    return new Server(host, settings, memory, connectionRates(config, host.clock, quotas))
  }

  #listenersOf(pipeline: Pipeline): RoleListeners {
    const { config, host, security } = this.#parts
    const { broker: endpoints, advertised } = config.listeners
    const { hostName } = host.network
    const listen = (address: ListenerAddress): Promise<number> =>
      this.#server.listen(address, pipeline, security.of(address.name))
    return new RoleListeners({ endpoints, advertised, hostName, listen })
  }

  /** Of each listener, with the real ports; the first one first. */
  get addresses(): readonly Address[] {
    return this.#listeners.addresses
  }

  /** Whether it has come so far that the partitions in its directories are open, and recovered where that was needed. */
  get hasLogs(): boolean {
    return this.#hasLogs
  }

  /** As the controller gave it to this life; -1 before. */
  get epoch(): number {
    return this.#lifecycle.epoch
  }

  /**
   * Starts as Kafka's broker does. The node has the metadata up to the quorum's high watermark; then the broker registers,
   * fenced: what its former life led is led by others from now on, while this one opens and recovers its logs. When it
   * knows all that was before its registration, it may tell what is its own and what is stray. Then it asks to serve, and
   * only when the controller has said that it does, it takes the ports that clients know.
   * @throws StartError, LogDirectoryError
   */
  async start(): Promise<void> {
    const { config, logs, metadata } = this.#parts
    await metadata.whenCaughtUp()
    await this.#listeners.takeFreePorts()
    await this.#register()
    this.#unfollowController = metadata.onActiveController(() => {
      if (metadata.activeController !== null) this.#lifecycle.controllerChanged()
    })
    await this.#lifecycle.caughtUp()
    this.#follower.applyDynamicConfig(metadata.image)
    const found = metadata.image
    await this.#load(found)
    this.#hasLogs = true
    this.#unfollow = metadata.onChange((delta, image) => this.#follower.follow(delta, image))
    const begun = this.#follower.begin(found)
    // What has changed while the logs were opened.
    if (metadata.image !== found) {
      this.#follower.follow(atOnce(differenceOf(found, metadata.image)), metadata.image)
    }
    await begun
    if (this.#lifecycle.state === 'closed') throw stoppedAtStart()
    this.#replication.start()
    logs.runPeriodically(logIntervals(config))
    this.#moves.resume(this.#replicas.partitions())
    if (config.get('log.cleaner.enable')) this.#cleaner.start()
    await this.#lifecycle.serve()
    await this.#replicas.settled()
    await this.#listeners.takeFixedPorts()
    this.#server.open()
  }

  /** Others have their turns in between: a controller in the same process has to be heard of. */
  async #load(image: MetadataImage): Promise<void> {
    const { host, config, logs } = this.#parts
    const isWanted = (): boolean => this.#lifecycle.state !== 'closed'
    const isDone = await inShortTurns(host.clock, loadPartitions(logs, image, config), isWanted)
    if (!isDone) throw stoppedAtStart()
  }

  /**
   * Finishes the requests in flight, and leaves nothing running but the logs.
   * @param isOrderly the controller is told before, so that others lead in this broker's place
   */
  async close(isOrderly: boolean): Promise<void> {
    const handsOver = isOrderly && this.#parts.config.get('controlled.shutdown.enable')
    // Where nobody could lead in its place, who is being served is answered first.
    if (handsOver && !this.#isAlone) await this.#lifecycle.shutDown()
    // Members that wait for a rebalance are told to come back, so that their requests don't hold the stop up.
    this.#groups.close()
    this.#transactions.close()
    const served = this.#server.close(STOP_GRACE_MS)
    this.#replicas.endWaiting()
    await served
    this.#replication.close()
    this.#others.close()
    this.#faults.close()
    this.#unfollow()
    if (handsOver) await this.#lifecycle.shutDown()
    this.#lifecycle.close()
    this.#unfollowController()
    await this.#replicas.settled()
    await this.#moves.close()
    await this.#assignments.settled()
    this.#assignments.close()
    this.#controller.close()
    await this.#cleaner.stop()
  }

  /** A directory failed. Its partitions can't be used until a restart; the others go on. */
  takeOffline({ id, path }: LogDirectory): void {
    this.#replicas.takeOffline(path)
    this.#moves.onDirectoryFailed(path)
    this.#follower.followCoordinated()
    if (id !== null) this.#lifecycle.reportOffline(id, path)
  }

  /** On the listeners for clients: what only the controller answers goes to it. */
  #pipeline(coordinators: Coordinators): Pipeline<BrokerServices> {
    const { config, host, metadata } = this.#parts
    const services = brokerServices({
      ...this.#parts,
      ...coordinators,
      controller: this.#controller,
      replicas: this.#replicas,
      followerPatience: this.#replication.patience,
      moves: this.#moves,
      leaderQuota: this.#replication.leaderQuota,
      faults: this.#faults,
      others: this.#others,
      hasSession: () => this.#lifecycle.hasSession,
    })
    const forwarder = new Forwarding({
      link: this.#controller.forwarding,
      faults: this.#faults,
      isController: () => metadata.isController,
      timeoutMs: config.get('request.timeout.ms'),
      known: async (topics) => {
        await untilKnown(topics, metadata, host.clock)
        await this.#replicas.settled()
      },
    })
    return new Pipeline(handlersOn('broker'), services, {
      ...NO_STAGES,
      forwarder,
      quotas: this.#parts.quotas,
    })
  }

  async #register(): Promise<void> {
    const { config, clusterId, incarnationId, logs } = this.#parts
    await this.#lifecycle.register({
      brokerId: this.#nodeId,
      clusterId,
      incarnationId,
      endPoints: this.#listeners.advertised,
      features: SUPPORTED_FEATURES,
      rack: config.get('broker.rack'),
      logDirs: logs.directories.flatMap(({ id, failure }) =>
        id !== null && failure === null ? [id] : [],
      ),
      previousBrokerEpoch: logs.lastBrokerEpoch,
      lacksLock: logs.directories.some(({ isLocked, failure }) => failure === null && !isLocked),
    })
    this.#assignments.start()
  }

  /** No other broker serves. */
  get #isAlone(): boolean {
    for (const { id, fenced } of this.#parts.metadata.image.brokers.values()) {
      if (id !== this.#nodeId && !fenced) return false
    }
    return true
  }

  #identity(): BrokerIdentity {
    return { brokerId: this.#nodeId, brokerEpoch: this.#lifecycle.epoch }
  }

  #partition(topic: string, index: number): Partition | undefined {
    const partition = this.#replicas.find(topic, index)
    return typeof partition === 'string' ? undefined : partition
  }
}
