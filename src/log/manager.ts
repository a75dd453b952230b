import type { Clock, Host } from '../host/host.ts'
import { BufferPool } from '../host/buffer-pool.ts'
import { ColdIndexes } from './segment/cold-indexes.ts'
import type { LogConfig } from './base/config.ts'
import type { LogContext } from './context.ts'
import { LogDirectories } from './directory/directories.ts'
import type { DirectoryFailed, LogDirectory } from './directory/directory.ts'
import { Trash } from './directory/trash.ts'
import { discoverPartitions, type WantedPartitions } from './directory/discovery.ts'
import type { Log } from './log.ts'
import { OpenFiles } from './base/open-files.ts'
import { PartitionLogs } from './directory/partition-logs.ts'
import { METADATA_TOPIC, partitionDirectoryName } from './base/paths.ts'
import type { LogCodecs } from './base/codecs.ts'
import { RecordValidator, type CountedMemory } from './append/validator.ts'
import { FirstReads } from './read/reader.ts'
import { TailCache } from './read/tail-cache.ts'

const MEBIBYTE = 1024 * 1024

const UNCOUNTED: CountedMemory = { add: () => undefined, remove: () => undefined }

export interface LogManagerOptions {
  readonly host: Pick<Host, 'clock' | 'disk' | 'log' | 'random' | 'workers'>
  readonly codecs: LogCodecs
  /** `log.dirs`, absolute. */
  readonly directories: readonly string[]
  /** `metadata.log.dir`, absolute; the first of `directories` where it isn't given. */
  readonly metadataDirectory?: string
  /** A directory has gone offline; its logs answer KAFKA_STORAGE_ERROR from now on. */
  readonly onDirectoryFailed: DirectoryFailed
  /** Where the copies count that threads have of records while they look at them. */
  readonly requestMemory?: CountedMemory
  readonly maxOpenFiles?: number
  readonly tailCacheBytes?: number
  readonly readBufferBytes?: number
  readonly coldIndexBytes?: number
  readonly rereadBytes?: number
}

/** Milliseconds, as in the settings. */
export interface LogIntervals {
  /** `log.flush.offset.checkpoint.interval.ms` */
  readonly recoveryPointMs: number
  /** `replica.high.watermark.checkpoint.interval.ms` */
  readonly highWatermarkMs: number
  /** `log.flush.start.offset.checkpoint.interval.ms` */
  readonly logStartMs: number
  /** `producer.id.expiration.check.interval.ms` */
  readonly producerCheckMs: number
  /** `log.retention.check.interval.ms` */
  readonly retentionCheckMs: number
  /** `log.initial.task.delay.ms`: when old segments are looked for first. */
  readonly initialDelayMs: number
}

const CHECKED_IN_A_TURN = 500

/** So many directories are remembered for partitions that are yet to be made. */
const MOST_PREFERRED = 10_000

/** All logs of a node, in one or more directories. */
export class LogManager {
  readonly #context: LogContext
  readonly #directories: LogDirectories
  readonly #trash: Trash
  readonly #logs: PartitionLogs
  /** Where a partition that isn't here yet should be made, by its directory name. */
  readonly #preferred = new Map<string, LogDirectory>()
  #isClosed = false

  /**
   * Takes the directories; loads nothing yet. As in Kafka one that the disk refuses is offline from the start.
   * @throws LogDirectoryError when none can be used, or one not for another reason
   */
  static open(options: LogManagerOptions): LogManager {
    const { host, directories } = options
    const context: LogContext = {
      host,
      codecs: options.codecs,
      files: new OpenFiles(host.disk, options.maxOpenFiles ?? 2048),
      buffers: new BufferPool(options.readBufferBytes ?? 16 * MEBIBYTE),
      firstReads: new FirstReads(),
      tailCache: new TailCache(options.tailCacheBytes ?? 32 * MEBIBYTE),
      validator: new RecordValidator(options.host, options.requestMemory ?? UNCOUNTED),
      coldIndexes: new ColdIndexes(options.coldIndexBytes ?? 16 * MEBIBYTE),
      rereadBytes: options.rereadBytes ?? MEBIBYTE,
    }
    const metadataPath = options.metadataDirectory ?? directories[0]!
    const taken = LogDirectories.open(context, directories, metadataPath, options.onDirectoryFailed)
    return new LogManager(context, taken)
  }

  private constructor(context: LogContext, directories: LogDirectories) {
    this.#context = context
    this.#directories = directories
    this.#trash = new Trash(context.host)
    this.#logs = new PartitionLogs(context, directories, this.#trash)
  }

  /** Those of `log.dirs`, in their order, online or not. */
  get directories(): readonly LogDirectory[] {
    return this.#directories.all
  }

  /** The one with the cluster's metadata; it may be none of `directories`. */
  get metadataDirectory(): LogDirectory {
    return this.#directories.metadata
  }

  /**
   * [KIP-966] The epoch of the broker's last life, where that has ended in order in every directory; null where any is
   * offline or says something else.
   */
  get lastBrokerEpoch(): number | null {
    const epochs = new Set(this.directories.map((directory) => directory.lastBrokerEpoch))
    const [epoch = null] = epochs
    return this.isWhole && epochs.size === 1 ? epoch : null
  }

  /** Whether every directory is online. A partition that isn't found may be in one that isn't. */
  get isWhole(): boolean {
    return this.#directories.areWhole
  }

  /**
   * [KIP-1066] Has these directories get no new partitions, unless they were named for one before, and all others as ever.
   * @param paths as `log.dirs` has them
   * @returns whether that is news
   */
  cordon(paths: readonly string[]): boolean {
    const { disk } = this.#context.host
    return this.#directories.cordon(paths.map((path) => disk.absolutePath(path)))
  }

  get(topic: string, partition: number): Log | undefined {
    return this.#logs.current.get(partitionDirectoryName(topic, partition))
  }

  /** The copy that is to take the partition's place in another directory, if there is one, and it is online. */
  future(topic: string, partition: number): Log | undefined {
    return this.#logs.future(partitionDirectoryName(topic, partition))
  }

  /** All but the metadata log, and copies on their way to other directories. */
  logs(): Iterable<Log> {
    return this.#logs.current.values()
  }

  /**
   * Opens the partitions found in the directories, one with each step; see `discoverPartitions`.
   * @throws LogDirectoryError when a partition is in two directories and nobody can say which one has the records
   */
  loadPartitions(wanted: WantedPartitions): IterableIterator<void> {
    return discoverPartitions(this.#context, this.#directories, this.#trash, this.#logs, wanted)
  }

  /**
   * The log of the cluster's metadata, in the given directory (`metadata.log.dir`). It has no topic id on disk, is not
   * among `logs()`, and is always checked from its start.
   * @param logStartOffset where its oldest snapshot ends
   */
  openMetadataLog(directory: LogDirectory, config: LogConfig, logStartOffset = 0): Log {
    const { disk } = this.#context.host
    const path = `${directory.path}/${partitionDirectoryName(METADATA_TOPIC, 0)}`
    if (!disk.exists(path)) {
      disk.makeDirectory(path)
      disk.syncDirectory(directory.path)
    }
    const what = { topic: METADATA_TOPIC, partition: 0, topicId: null, config }
    return this.#logs.open(directory, path, what, {
      logStart: logStartOffset,
      recoveryPoint: 0,
      highWatermark: 0,
      wasClean: false,
    })
  }

  /**
   * Makes a partition, in the directory that was preferred or is assigned, where it is online, else in the one with the
   * fewest; durable when it resolves. One that is there already is returned as it is.
   * @throws StorageError when no directory is online
   */
  createLog(
    topic: string,
    partition: number,
    topicId: string,
    config: LogConfig,
    directoryId: string | null = null,
  ): Promise<Log> {
    const what = { topic, partition, topicId, config }
    const name = partitionDirectoryName(topic, partition)
    const preferred = this.#preferred.get(name)
    this.#preferred.delete(name)
    const assigned = directoryId === null ? undefined : this.#directories.withId(directoryId)
    const home = (preferred?.failure === null ? preferred : undefined) ?? assigned
    if (home !== undefined) return this.#logs.make(what, home)
    return this.#logs.make(what, null).catch((error: unknown) => {
      // As in Kafka another directory takes what this one could not, which is offline now.
      if (this.#isClosed || this.#directories.online.length === 0) throw error
      return this.createLog(topic, partition, topicId, config)
    })
  }

  /** Remembers where a partition should be made that isn't here yet. */
  preferDirectory(topic: string, partition: number, directory: LogDirectory): void {
    if (this.#preferred.size >= MOST_PREFERRED) return
    this.#preferred.set(partitionDirectoryName(topic, partition), directory)
  }

  /** Makes the copy that is to take a partition's place in another directory. Rejects with StorageError. */
  createFuture(source: Log, directory: LogDirectory): Promise<Log> {
    return this.#logs.makeFuture(source, directory)
  }

  /**
   * Has a complete copy take the place of its partition, whose own directory goes. Nothing may be appended to either until
   * it resolves, with the log to go on with. Rejects with StorageError; the partition is what it was then.
   */
  promoteFuture(future: Log): Promise<Log> {
    return this.#logs.promote(future)
  }

  /** Gives a copy up. */
  deleteFuture(topic: string, partition: number): void {
    this.#logs.deleteFuture(partitionDirectoryName(topic, partition))
  }

  /** Closes a partition, and its copy, and renames their directories, which are removed `file.delete.delay.ms` later. */
  deleteLog(topic: string, partition: number): void {
    this.#logs.delete(partitionDirectoryName(topic, partition))
  }

  /** Until `close`: writes checkpoints, forgets producers that have been idle for too long, deletes old segments. */
  runPeriodically(intervals: LogIntervals): void {
    this.#every(intervals.recoveryPointMs, () => this.#directories.checkpoint('recoveryPoint'))
    this.#every(intervals.highWatermarkMs, () => this.#directories.checkpoint('highWatermark'))
    this.#every(intervals.logStartMs, () => this.#directories.checkpoint('logStart'))
    this.#every(intervals.producerCheckMs, () => {
      this.removeExpiredProducers()
      return Promise.resolve()
    })
    this.#context.host.clock.after(intervals.initialDelayMs, () => {
      if (this.#isClosed) return
      const check = (): Promise<void> => this.deleteOldSegments()
      void check().then(() => this.#every(intervals.retentionCheckMs, check))
    })
  }

  /** Once only where the interval is none, as Kafka's scheduler has it. */
  #every(intervalMs: number, work: () => Promise<void>): void {
    this.#context.host.clock.after(Math.max(0, intervalMs), () => {
      if (this.#isClosed) return
      void work().then(() => {
        if (intervalMs > 0) this.#every(intervalMs, work)
      })
    })
  }

  /** Writes the checkpoints of all directories: what recovery, followers and DeleteRecords rely on after a crash. */
  async checkpoint(): Promise<void> {
    await this.#directories.checkpoint()
  }

  /** Deletes what the topics no longer want to keep. Compacted logs are the cleaner's. */
  async deleteOldSegments(): Promise<void> {
    let checked = 0
    for (const log of [...this.#logs.current.values()]) {
      if (log.config.compacted) continue
      await log.deleteOldSegments()
      // Most logs need no disk for the answer: many thousands of them must not hold up the event loop.
      if (++checked % CHECKED_IN_A_TURN === 0) await endOfTurn(this.#context.host.clock)
    }
  }

  /** Forgets producers that have been idle for too long. */
  removeExpiredProducers(): void {
    for (const log of this.#logs.current.values()) log.removeExpiredProducers()
  }

  /** Closes everything in order, so that the next start has nothing to check. */
  async close(brokerEpoch = -1): Promise<void> {
    this.#isClosed = true
    await this.#logs.settled()
    this.#trash.stop()
    await this.#directories.close(brokerEpoch)
  }

  /** Lets everything go as it is, as a crash would. */
  abandon(): void {
    this.#isClosed = true
    this.#trash.stop()
    this.#directories.release()
  }
}

function endOfTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.endOfTurn(resolve))
}
