import type { Codecs } from '../../protocol/records/codecs.ts'
import type { BrokerConfig } from '../config/broker-config.ts'
import { alterIncrementally, alterWhole } from '../config/alter.ts'
import type { Host } from '../host/host.ts'
import type { LogDirectory } from '../log/directory/directory.ts'
import type { LogManager } from '../log/manager.ts'
import { DEFAULT_LOG_CONFIG } from '../log/base/config.ts'
import type { QuorumDescription } from '../quorum/description.ts'
import { MAX_BATCH_BYTES } from '../quorum/packing.ts'
import type { QuorumListener } from '../quorum/options.ts'
import type { Quorum } from '../quorum/quorum.ts'
import { openQuorum } from '../quorum/open-quorum.ts'
import { NO_PEERS } from '../quorum/peers.ts'
import type { Peers } from '../quorum/peers.ts'
import { listSnapshots } from '../quorum/snapshot.ts'
import type { RaftTimeouts, Voter } from '../quorum/types.ts'
import { hasBootstrap, readBootstrap } from './bootstrap.ts'
import type { ControllerChannel } from './controller/channel.ts'
import type { ControllerCommand, ReplyTo } from './controller/commands.ts'
import { FAILED } from './controller/feature-commands.ts'
import { firstMinimum } from './controller/eligible-feature.ts'
import { ControllerOffice } from './controller/office.ts'
import type { TopicDefaults } from './controller/partition/rules.ts'
import { quorumLog } from './controller/quorum-log.ts'
import type { ControllerSettings, TokenSettings } from './controller/view.ts'
import type { MetadataFact } from './facts.ts'
import { beginFact, endFact } from './facts.ts'
import { KRAFT_VERSION } from './features.ts'
import type { Identity } from './format.ts'
import type { MetadataImage } from './image.ts'
import type { ChangeListener } from './loader.ts'
import { MetadataLoader } from './loader.ts'
import { SnapshotGenerator } from './snapshot-generator.ts'

const METADATA_LOG = '__cluster_metadata-0'

export interface MetadataNodeOptions {
  readonly host: Host
  readonly codecs: Codecs
  readonly logs: LogManager
  /** The one of its directories that has the metadata log. */
  readonly directory: LogDirectory
  /** What `formatIfNeeded` gave. */
  readonly identity: Identity
  readonly config: BrokerConfig
  /** Of this life of the process. */
  readonly incarnationId: string
  /** The voters where the log names none, and the ways to them. Without it this node is the only one. */
  readonly quorum?: { readonly voters: readonly Voter[]; readonly peers: Peers }
  /** The metadata log failed: nothing can be changed any more, and the process should end. */
  readonly onFailed: (error: Error) => void
}

/** Where the active controller is. */
export interface ActiveController {
  readonly id: number
  /** Of its controller listener. */
  readonly host: string
  readonly port: number
}

/** A node's part in the metadata: its replica of the log, the image, and the controller while it leads. */
export class MetadataNode implements ControllerChannel {
  readonly #options: MetadataNodeOptions
  readonly #loader: MetadataLoader
  readonly #snapshots: SnapshotGenerator
  readonly #office: ControllerOffice
  readonly #topicDefaults: TopicDefaults
  readonly #leaderListeners = new Set<() => void>()
  readonly #officeListeners = new Set<() => void>()
  #quorum: Quorum | null = null
  #opening: Promise<Quorum> | null = null
  #isClosed = false
  #hasFailed = false

  constructor(options: MetadataNodeOptions) {
    this.#options = options
    const { clock, log } = options.host
    const { config } = options
    this.#loader = new MetadataLoader(clock)
    this.#office = new ControllerOffice(clock, (error) => this.#failed(error))
    this.#topicDefaults = topicDefaultsOf(config)
    this.#snapshots = new SnapshotGenerator({
      clock,
      log,
      maxBytes: () => config.get('metadata.log.max.record.bytes.between.snapshots'),
      intervalMs: () => config.get('metadata.log.max.snapshot.interval.ms'),
      image: () => (this.#loader.isWhole ? this.image : null),
      write: (...snapshot) => this.#quorum!.writeSnapshot(...snapshot),
    })
  }

  /** Everything committed, as of the last batch. */
  get image(): MetadataImage {
    return this.#loader.image
  }

  /** This node's part in the quorum; null before `open`. */
  get quorum(): Quorum | null {
    return this.#quorum
  }

  /** Whether commands are taken here. */
  get isController(): boolean {
    return this.#office.isHeld
  }

  /**
   * The controller of the quorum's leader, as far as this node knows; this node itself where it leads. Null while nobody is
   * known to lead, or where it is isn't known: the only node of a cluster may have no controller listener.
   */
  get activeController(): ActiveController | null {
    const leader = this.#quorum?.leader ?? null
    if (leader === null || leader.address === null) return null
    const { host, port } = leader.address
    return { id: leader.id, host, port }
  }

  /** Calls back when `activeController` is another one, or elsewhere. Returns the way to stop it. */
  onActiveController(listener: () => void): () => void {
    this.#leaderListeners.add(listener)
    return () => void this.#leaderListeners.delete(listener)
  }

  /** Calls back when this node has taken the controller's office, or lost it. Returns the way to stop it. */
  onOffice(listener: () => void): () => void {
    this.#officeListeners.add(listener)
    return () => void this.#officeListeners.delete(listener)
  }

  /** Resolves when the node takes part in the quorum; the only voter leads then, and its image has everything committed. */
  async open(): Promise<void> {
    const { host, codecs, directory, identity, config, logs, quorum } = this.#options
    const path = `${directory.path}/${METADATA_LOG}`
    const oldest = host.disk.exists(path) ? (listSnapshots(host, path)[0]?.offset ?? 0) : 0
    const logConfig = {
      ...DEFAULT_LOG_CONFIG,
      segmentBytes: config.get('metadata.log.segment.bytes'),
      segmentMs: config.get('metadata.log.segment.ms'),
      maxMessageBytes: 2 * MAX_BATCH_BYTES,
      syncsBeforeRoll: true,
    }
    const self = { id: identity.nodeId, directoryId: identity.directoryId }
    this.#opening = openQuorum({
      host,
      codecs,
      directory: path,
      openLog: () => logs.openMetadataLog(directory, logConfig, oldest),
      self,
      isFormatted: hasBootstrap(host, directory.path),
      initialVoters: quorum?.voters ?? [{ ...self, endpoints: [] }],
      peers: quorum?.peers ?? NO_PEERS,
      timeouts: timeoutsOf(config),
      retention: {
        maxBytes: config.get('metadata.max.retention.bytes'),
        maxMs: config.get('metadata.max.retention.ms'),
      },
      listener: this.#listener(),
    })
    this.#quorum = await this.#opening
    if (this.#isClosed) return
    // An only voter led before anybody knew of its quorum.
    this.#takeOffice()
    await this.#office.whenActive()
  }

  /** Calls back after each committed batch that changes something, before its replies. Returns the way to stop it. */
  onChange(listener: ChangeListener): () => void {
    return this.#loader.onChange(listener)
  }

  /** Resolves when the image has all that the quorum knew to be committed when this node came to it. */
  whenCaughtUp(): Promise<void> {
    return this.#loader.whenCaughtUp()
  }

  submit<C extends ControllerCommand>(command: C): Promise<ReplyTo<C>> {
    if (command.type === 'changeVoters') {
      return this.#quorum!.changeVoters(command.change) as Promise<ReplyTo<C>>
    }
    const level = command.type === 'updateFeatures' ? kraftVersionIn(command) : null
    if (level === null || level <= this.kraftVersion) return this.#office.submit(command)
    return this.#raise(level, command as UpdateFeatures) as Promise<ReplyTo<C>>
  }

  /** The quorum's own level is raised before the others: where that fails, nothing has happened. */
  async #raise(level: number, command: UpdateFeatures): Promise<ReplyTo<UpdateFeatures>> {
    const checked = await this.#office.submit({ ...command, validateOnly: true })
    if (checked.errorCode !== 'NONE') return checked
    const outcome = await this.#quorum!.raiseKraftVersion(level, command.validateOnly)
    const { errorCode, errorMessage } = outcome
    if (errorCode === 'NOT_LEADER_OR_FOLLOWER') return { ...outcome, errorCode: 'NOT_CONTROLLER' }
    if (errorCode !== 'NONE') return { errorCode, errorMessage: FAILED + errorMessage }
    return command.validateOnly ? checked : this.#office.submit(command)
  }

  /** The quorum's finalized kraft.version. */
  get kraftVersion(): number {
    return this.#quorum!.kraftVersion
  }

  describeQuorum(): QuorumDescription {
    return this.#quorum!.describe()
  }

  /** Finishes what is being decided, written and opened. The log itself is the LogManager's to close. */
  async close(): Promise<void> {
    this.#isClosed = true
    // Who opens it is told why that fails.
    const quorum = await this.#opening?.catch(() => null)
    await this.#snapshots.close()
    await this.#office.handOver()
    await quorum?.close()
    this.#office.leave()
  }

  #listener(): QuorumListener {
    const loader = this.#loader
    const snapshots = this.#snapshots
    let isStarted = false
    return {
      loadSnapshot: async (id, snapshot) => {
        await loader.loadSnapshot(id, snapshot)
        snapshots.noteLoaded(snapshot.timestampMs)
      },
      committed: (batch) => {
        loader.committed(batch)
        if (batch.hasMore !== true) snapshots.noteCommitted(batch)
      },
      caughtUp: () => {
        if (isStarted) return
        isStarted = true
        loader.caughtUp()
        snapshots.start()
      },
      leading: () => this.#takeOffice(),
      resigned: () => this.#leaveOffice(),
      beforeVoters: () => this.#office.flush(),
      leaderChanged: () => {
        for (const each of this.#leaderListeners) each()
      },
      failed: (error) => this.#failed(error),
    }
  }

  #takeOffice(): void {
    const quorum = this.#quorum
    if (quorum === null || !quorum.isLeader || this.#isClosed || this.#office.isHeld) return
    this.#office.take({
      settings: () => this.#settings(quorum),
      image: this.image,
      openTransaction: this.#loader.isInTransaction,
      log: quorumLog(quorum),
      bootstrap: () => this.#bootstrap(),
    })
    for (const each of this.#officeListeners) each()
  }

  #leaveOffice(): void {
    this.#office.leave()
    for (const each of this.#officeListeners) each()
  }

  #bootstrap(): MetadataFact[] {
    const { host, directory, codecs } = this.#options
    const records = readBootstrap(host, directory.path, codecs)
    const minimum = firstMinimum(records, this.#topicDefaults)
    return [beginFact('Bootstrap records'), ...records, ...minimum, endFact]
  }

  #settings({ kraftVersion }: Quorum): ControllerSettings {
    const { config, identity, host, incarnationId } = this.#options
    return {
      clusterId: identity.clusterId,
      nodeId: identity.nodeId,
      incarnationId,
      sessionTimeoutMs: config.get('broker.session.timeout.ms'),
      fencesOnEvidence: config.get('ottla.broker.dead.process.evidence.enable'),
      maxIdleIntervalMs: config.get('metadata.max.idle.interval.ms'),
      tokens: tokenSettings(config),
      wallNow: host.clock.now(),
      kraftVersion,
      defaults: {
        numPartitions: config.get('num.partitions'),
        replicationFactor: config.get('default.replication.factor'),
      },
      topicDefaults: this.#topicDefaults,
      elections: {
        preferredIntervalMs: config.get('auto.leader.rebalance.enable')
          ? config.get('leader.imbalance.check.interval.seconds') * 1000
          : null,
        uncleanIntervalMs: config.get('unclean.leader.election.interval.ms'),
      },
      deleteTopicEnable: config.get('delete.topic.enable'),
      rules: {
        incremental: (resource, alterations) => alterIncrementally(config, resource, alterations),
        whole: (resource, entries) => alterWhole(config, resource, entries),
      },
      random: host.random,
    }
  }

  #failed(error: Error): void {
    this.#office.leave()
    // The log's failure comes from itself and from whoever was appending.
    if (this.#isClosed || this.#hasFailed) return
    this.#hasFailed = true
    this.#options.onFailed(error)
  }
}

type UpdateFeatures = Extract<ControllerCommand, { type: 'updateFeatures' }>

/** The level of kraft.version that is asked for; null where none is. Of a feature that is named twice the last one counts. */
function kraftVersionIn({ featureUpdates }: UpdateFeatures): number | null {
  const update = featureUpdates.findLast(({ feature }) => feature === KRAFT_VERSION)
  return update?.maxVersionLevel ?? null
}

/** What the cluster and its topics set comes above these, with the image. */
function topicDefaultsOf(config: BrokerConfig): TopicDefaults {
  const own = config.preview({ cluster: new Map(), broker: new Map() })
  return {
    minInsyncReplicas: own.get('min.insync.replicas'),
    isUncleanAllowed: own.get('unclean.leader.election.enable'),
  }
}

function timeoutsOf(config: BrokerConfig): RaftTimeouts {
  return {
    electionTimeoutMs: config.get('controller.quorum.election.timeout.ms'),
    fetchTimeoutMs: config.get('controller.quorum.fetch.timeout.ms'),
    electionBackoffMaxMs: config.get('controller.quorum.election.backoff.max.ms'),
    requestTimeoutMs: config.get('controller.quorum.request.timeout.ms'),
    retryBackoffMs: config.get('controller.quorum.retry.backoff.ms'),
  }
}

function tokenSettings(config: BrokerConfig): TokenSettings | null {
  if (!config.get('delegation.token.secret.key')) return null
  return {
    maxLifetimeMs: config.get('delegation.token.max.lifetime.ms'),
    expiryTimeMs: config.get('delegation.token.expiry.time.ms'),
    checkIntervalMs: config.get('delegation.token.expiry.check.interval.ms'),
  }
}
