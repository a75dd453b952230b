import type { Codecs } from '../../protocol/records/codecs.ts'
import { encodeMetadataRecord } from '../../protocol/state/metadata-records.ts'
import type { BrokerConfig } from '../config/broker-config.ts'
import { alterIncrementally, alterWhole } from '../config/alter.ts'
import type { Host, Timer } from '../host/host.ts'
import type { LogDirectory } from '../log/directory/directory.ts'
import type { LogManager } from '../log/manager.ts'
import { DEFAULT_LOG_CONFIG } from '../log/base/config.ts'
import { Runtime, ShardError } from '../machine/runtime.ts'
import type { ShardLog } from '../machine/runtime.ts'
import type { QuorumDescription } from '../quorum/description.ts'
import { MAX_BATCH_BYTES, recordsBytes } from '../quorum/packing.ts'
import type { CommittedBatch } from '../quorum/committed-reader.ts'
import type { Quorum } from '../quorum/quorum.ts'
import { openQuorum } from '../quorum/quorum.ts'
import { NO_PEERS } from '../quorum/peers.ts'
import { listSnapshots } from '../quorum/snapshot.ts'
import type { ControllerCommand, ReplyTo } from './controller/commands.ts'
import type { ControllerSettings } from './controller/view.ts'
import type { Command, Reply } from './controller/controller.ts'
import { Controller } from './controller/controller.ts'
import type { MetadataFact } from './facts.ts'
import { beginFact, endFact } from './facts.ts'
import type { Identity } from './format.ts'
import { isBootstrap, readBootstrap } from './format.ts'
import type { MetadataDelta, MetadataImage } from './image.ts'
import { Replay } from './replay.ts'
import { encodedImage } from './snapshot-records.ts'

const METADATA_LOG = '__cluster_metadata-0'
/**
 * After a start that had to replay more than this, a snapshot is written soon: each start gives all partitions a new epoch,
 * and without it the next ones would take longer and longer.
 */
const SNAPSHOT_AFTER_REPLAY_BYTES = 1 << 20
const SNAPSHOT_AFTER_REPLAY_MS = 5_000
/** How long a reply waits for its commit before its client is told that nobody knows. */
const COMMIT_TIMEOUT_MS = 30_000

export interface MetadataNodeOptions {
  readonly host: Host
  readonly codecs: Codecs
  readonly logs: LogManager
  /** The one of its directories that has the metadata log. */
  readonly directory: LogDirectory
  /** What `formatIfNeeded` gave. */
  readonly identity: Identity
  readonly config: BrokerConfig
  /** The metadata log failed: nothing can be changed any more, and the process should end. */
  readonly onFailed: (error: Error) => void
}

export type ChangeListener = (delta: MetadataDelta, image: MetadataImage) => void

type ControllerRuntime = Runtime<Command, MetadataFact, Reply, never, ControllerSettings>

/** What a command needs more room for than a batch has. */
class TooLargeError extends Error {
  override readonly name = 'TooLargeError'
  readonly code = 'ERR_TOO_LARGE'
}

/** Resolves when this node leads the quorum and its image has everything committed. */
export async function openMetadataNode(options: MetadataNodeOptions): Promise<MetadataNode> {
  const node = new MetadataNode(options)
  await node.open()
  return node
}

/** A node's part in the metadata: its replica of the log, the image, and the controller while it leads. */
export class MetadataNode {
  readonly #options: MetadataNodeOptions
  readonly #replay = new Replay()
  readonly #listeners = new Set<ChangeListener>()
  #quorum: Quorum | null = null
  #runtime: ControllerRuntime | null = null
  #snapshotTimer: Timer | null = null
  #snapshotting: Promise<void> | null = null
  #bytesSinceSnapshot = 0
  #lastTimestampMs = 0
  #isOpen = false
  #isClosed = false
  #hasFailed = false

  constructor(options: MetadataNodeOptions) {
    this.#options = options
  }

  /** Everything committed, as of the last batch. */
  get image(): MetadataImage {
    return this.#replay.image
  }

  /** Whether commands are taken here. */
  get isController(): boolean {
    return this.#runtime !== null
  }

  async open(): Promise<void> {
    const { host, codecs, directory, identity, config, logs } = this.#options
    const path = `${directory.path}/${METADATA_LOG}`
    const oldest = host.disk.exists(path) ? (listSnapshots(host, path)[0]?.offset ?? 0) : 0
    const logConfig = {
      ...DEFAULT_LOG_CONFIG,
      segmentBytes: config.get('metadata.log.segment.bytes'),
      segmentMs: config.get('metadata.log.segment.ms'),
      maxMessageBytes: 2 * MAX_BATCH_BYTES,
    }
    const { nodeId: id, directoryId } = identity
    this.#quorum = await openQuorum({
      host,
      codecs,
      directory: path,
      openLog: () => logs.openMetadataLog(directory, logConfig, oldest),
      self: { id, directoryId },
      initialVoters: [{ id, directoryId, endpoints: [] }],
      peers: NO_PEERS,
      timeouts: {
        electionTimeoutMs: config.get('controller.quorum.election.timeout.ms'),
        fetchTimeoutMs: config.get('controller.quorum.fetch.timeout.ms'),
        electionBackoffMaxMs: config.get('controller.quorum.election.backoff.max.ms'),
        requestTimeoutMs: config.get('controller.quorum.request.timeout.ms'),
        retryBackoffMs: config.get('controller.quorum.retry.backoff.ms'),
      },
      retention: {
        maxBytes: config.get('metadata.max.retention.bytes'),
        maxMs: config.get('metadata.max.retention.ms'),
      },
      listener: {
        loadSnapshot: (snapshotId, snapshot) => {
          // [KIP-1170] What the cluster begins with is written to the log, and counts from there.
          if (!isBootstrap(snapshotId)) this.#replay.loadSnapshot(snapshotId, snapshot)
        },
        committed: (batch) => this.#committed(batch),
        leading: () => undefined,
        resigned: () => this.#leaveOffice(),
        failed: (error) => this.#failed(error),
      },
    })
    this.#replay.build()
    this.#isOpen = true
    await this.#takeOffice()
    const isLong = this.#bytesSinceSnapshot > SNAPSHOT_AFTER_REPLAY_BYTES
    this.#armSnapshotTimer(isLong ? SNAPSHOT_AFTER_REPLAY_MS : this.#snapshotIntervalMs())
  }

  /** Calls back after each committed batch that changes something, before its replies. Returns the way to stop it. */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /**
   * Asks the controller. The reply comes when what it says is committed and in `image`.
   * Rejects with ShardError: ERR_SHARD_LOST when this node doesn't lead or the log failed, ERR_COMMIT_TIMEOUT.
   */
  submit<C extends ControllerCommand>(command: C): Promise<ReplyTo<C>> {
    const runtime = this.#runtime
    if (runtime === null) {
      return Promise.reject(new ShardError('ERR_SHARD_LOST', 'This node is not the controller'))
    }
    return runtime.submit(command) as Promise<ReplyTo<C>>
  }

  /** The quorum's finalized kraft.version. */
  get kraftVersion(): number {
    return this.#quorum!.kraftVersion
  }

  describeQuorum(): QuorumDescription {
    return this.#quorum!.describe()
  }

  /** Finishes what is being written. The log itself is the LogManager's to close. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#snapshotTimer?.cancel()
    await this.#snapshotting
    await this.#quorum?.close()
    this.#leaveOffice()
  }

  #committed(batch: CommittedBatch): void {
    this.#replay.apply(batch)
    this.#lastTimestampMs = batch.timestampMs
    this.#bytesSinceSnapshot += batch.sizeBytes
    // Before anybody listens, one image for the whole log is enough.
    if (!this.#isOpen) return
    const delta = this.#replay.build()
    if (delta !== null) for (const listener of this.#listeners) listener(delta, this.image)
    const limit = this.#options.config.get('metadata.log.max.record.bytes.between.snapshots')
    if (this.#bytesSinceSnapshot >= limit) this.#snapshot()
  }

  /** The controller starts from the image: nothing is in the log that the image hasn't. */
  async #takeOffice(): Promise<void> {
    const quorum = this.#quorum!
    if (!quorum.isLeader || this.#isClosed) return
    const runtime: ControllerRuntime = new Runtime({
      clock: this.#options.host.clock,
      machine: new Controller(this.image, quorum.nextOffset),
      log: shardLog(quorum),
      settings: () => this.#settings(),
      commitTimeoutMs: COMMIT_TIMEOUT_MS,
      onLost: (error) => this.#failed(error.cause instanceof Error ? error.cause : error),
    })
    this.#runtime = runtime
    const openTransaction = this.#replay.isInTransaction
    const bootstrap = this.image.features.size === 0 ? this.#bootstrap() : []
    if (openTransaction || bootstrap.length > 0) {
      await runtime.submit({ type: 'activate', bootstrap, openTransaction })
    }
  }

  #bootstrap(): MetadataFact[] {
    const { host, directory, codecs } = this.#options
    const records = readBootstrap(host, directory.path, codecs)
    return [beginFact('Bootstrap records'), ...records, endFact]
  }

  #settings(): ControllerSettings {
    const { config, identity, host } = this.#options
    return {
      clusterId: identity.clusterId,
      nodeId: identity.nodeId,
      kraftVersion: this.kraftVersion,
      defaults: {
        numPartitions: config.get('num.partitions'),
        replicationFactor: config.get('default.replication.factor'),
      },
      deleteTopicEnable: config.get('delete.topic.enable'),
      rules: {
        incremental: (resource, alterations) => alterIncrementally(config, resource, alterations),
        whole: (resource, entries) => alterWhole(config, resource, entries),
      },
      random: host.random,
    }
  }

  #leaveOffice(): void {
    const runtime = this.#runtime
    this.#runtime = null
    runtime?.close()
  }

  #failed(error: Error): void {
    this.#leaveOffice()
    // The log's failure comes from itself and from whoever was appending.
    if (this.#isClosed || this.#hasFailed) return
    this.#hasFailed = true
    this.#options.onFailed(error)
  }

  #snapshotIntervalMs(): number {
    return this.#options.config.get('metadata.log.max.snapshot.interval.ms')
  }

  #armSnapshotTimer(delayMs: number): void {
    if (delayMs <= 0 || this.#isClosed) return
    this.#snapshotTimer = this.#options.host.clock.after(delayMs, () => {
      if (this.#bytesSinceSnapshot > 0) this.#snapshot()
      this.#armSnapshotTimer(this.#snapshotIntervalMs())
    })
  }

  /** Writes the image as it is now; it can't change while it is written. */
  #snapshot(): void {
    if (this.#snapshotting !== null || this.#isClosed || this.#replay.isInTransaction) return
    const { image } = this
    const { log } = this.#options.host
    this.#bytesSinceSnapshot = 0
    const id = { offset: image.offset + 1, epoch: image.epoch }
    this.#snapshotting = this.#quorum!.writeSnapshot(id, this.#lastTimestampMs, encodedImage(image))
      // The log still has everything: a later snapshot may succeed, and a failing disk shows at the next append.
      .catch((error: unknown) =>
        log.error({ err: error, ...id }, 'No metadata snapshot was written'),
      )
      .finally(() => {
        this.#snapshotting = null
      })
  }
}

function shardLog(quorum: Quorum): ShardLog<MetadataFact, readonly Buffer[]> {
  return {
    get nextOffset() {
      return quorum.nextOffset
    },
    prepare: (facts) => {
      const values = facts.map(encodeMetadataRecord)
      return recordsBytes(values) > MAX_BATCH_BYTES
        ? new TooLargeError(`A change of ${facts.length} records is too large`)
        : values
    },
    append: (prepared, done) => quorum.append(prepared, done),
  }
}
