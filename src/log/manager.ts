import type { Clock, Host } from '../host/host.ts'
import { BufferPool } from './buffer-pool.ts'
import { formatPartitionMetadata } from './checkpoints.ts'
import { ColdIndexes } from './cold-indexes.ts'
import type { LogConfig } from './config.ts'
import type { LogContext } from './context.ts'
import { LogDirectories } from './directories.ts'
import type { DirectoryFailed, LogDirectory } from './directory.ts'
import { Discarding } from './discarding.ts'
import { LogDirectoryError } from './errors.ts'
import { loadLog, readTopicId } from './load.ts'
import { Log } from './log.ts'
import { OpenFiles } from './open-files.ts'
import {
  directorySuffix,
  parsePartitionDirectoryName,
  partitionDirectoryName,
  PARTITION_METADATA,
} from './paths.ts'
import type { LogCodecs } from './codecs.ts'
import { TailCache } from './tail-cache.ts'

const MEBIBYTE = 1024 * 1024

export const METADATA_TOPIC = '__cluster_metadata'

export interface LogManagerOptions {
  readonly host: Pick<Host, 'clock' | 'disk' | 'log' | 'random' | 'workers'>
  readonly codecs: LogCodecs
  /** `log.dirs`, absolute. */
  readonly directories: readonly string[]
  /** `metadata.log.dir`, absolute; the first of `directories` where it isn't given. */
  readonly metadataDirectory?: string
  /** A directory has gone offline; its logs answer KAFKA_STORAGE_ERROR from now on. */
  readonly onDirectoryFailed: DirectoryFailed
  readonly maxOpenFiles?: number
  readonly tailCacheBytes?: number
  readonly readBufferBytes?: number
  readonly coldIndexBytes?: number
  readonly rereadBytes?: number
}

/** Milliseconds, as in the settings. */
export interface LogIntervals {
  /** `log.flush.offset.checkpoint.interval.ms` */
  readonly checkpointMs: number
  /** `producer.id.expiration.check.interval.ms` */
  readonly producerCheckMs: number
  /** `log.retention.check.interval.ms` */
  readonly retentionCheckMs: number
  /** `log.initial.task.delay.ms`: when old segments are looked for first. */
  readonly initialDelayMs: number
}

const CHECKED_IN_A_TURN = 500

interface NewLog {
  readonly topic: string
  readonly partition: number
  readonly topicId: string
  readonly config: LogConfig
}

const NEW_LOG = { logStart: 0, recoveryPoint: 0, highWatermark: 0, wasClean: true }

/** What the cluster's metadata says of the partitions found. */
export interface WantedPartitions {
  configOf(topic: string): LogConfig
  /** Whether this broker has a replica of this partition, and the topic this id. */
  isWanted(topic: string, partition: number, topicId: string): boolean
}

/** All logs of a node, in one or more directories. */
export class LogManager {
  readonly #context: LogContext
  readonly #directories: LogDirectories
  readonly #discarding: Discarding
  readonly #logs = new Map<string, Log>()
  readonly #homes = new Map<Log, LogDirectory>()
  #isClosed = false
  readonly #beingMade = new Map<string, { home: LogDirectory; made: Promise<Log> }>()

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
      tailCache: new TailCache(options.tailCacheBytes ?? 32 * MEBIBYTE),
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
    this.#discarding = new Discarding(context.host)
  }

  /** Those of `log.dirs`, in their order, online or not. */
  get directories(): readonly LogDirectory[] {
    return this.#directories.all
  }

  /** The one with the cluster's metadata; it may be none of `directories`. */
  get metadataDirectory(): LogDirectory {
    return this.#directories.metadata
  }

  /** Whether every directory is online. A partition that isn't found may be in one that isn't. */
  get isWhole(): boolean {
    return this.#directories.areWhole
  }

  get(topic: string, partition: number): Log | undefined {
    return this.#logs.get(partitionDirectoryName(topic, partition))
  }

  /** All but the metadata log. */
  logs(): Iterable<Log> {
    return this.#logs.values()
  }

  /**
   * Opens the partitions found in the directories. What isn't wanted, or doesn't say whose it is, becomes `-stray`.
   * @throws LogDirectoryError when a partition is in two directories: nobody could say which one has the records
   */
  loadPartitions(wanted: WantedPartitions): void {
    for (const directory of this.#directories.online) {
      try {
        this.#loadDirectory(directory, wanted)
      } catch (error) {
        if (error instanceof LogDirectoryError) throw error
        directory.fail('load its partitions', error)
      }
    }
  }

  #loadDirectory(directory: LogDirectory, wanted: WantedPartitions): void {
    const { disk, log } = this.#context.host
    directory.use()
    for (const name of disk.list(directory.path)) {
      const path = `${directory.path}/${name}`
      if (directorySuffix(name) === 'delete') this.#discarding.removeLater(directory, path, 0)
      if (directorySuffix(name) !== null) continue
      const place = parsePartitionDirectoryName(name)
      if (place === null || place.topic === METADATA_TOPIC) continue
      const topicId = readTopicId(this.#context, path)
      if (topicId === null || !wanted.isWanted(place.topic, place.partition, topicId)) {
        const stray = this.#discarding.setAside(path, 'stray')
        log.warn({ path, stray }, 'A partition that does not belong here was set aside')
        continue
      }
      const twin = this.get(place.topic, place.partition)
      if (twin !== undefined) {
        const message = `The partition ${name} is in both ${twin.path} and ${path}. Keep the one that is right, move the other out of log.dirs, and start again`
        throw new LogDirectoryError('PARTITION_DUPLICATED', message)
      }
      const config = wanted.configOf(place.topic)
      const known = { ...directory.checkpointsOf(name), wasClean: directory.wasClean }
      this.#register(directory, this.#load(directory, { ...place, topicId, config }, known))
    }
    directory.lowerLoadedCheckpoints()
  }

  #load(
    directory: LogDirectory,
    what: { topic: string; partition: number; topicId: string | null; config: LogConfig },
    known: { logStart: number; recoveryPoint: number; highWatermark: number; wasClean: boolean },
  ): Log {
    const loaded = loadLog(this.#context, {
      ...what,
      path: `${directory.path}/${partitionDirectoryName(what.topic, what.partition)}`,
      logStartOffset: known.logStart,
      recoveryPoint: known.recoveryPoint,
      highWatermark: known.highWatermark,
      wasClean: known.wasClean,
    })
    return new Log(this.#context, directory, loaded)
  }

  #register(directory: LogDirectory, log: Log): void {
    this.#logs.set(log.name, log)
    this.#homes.set(log, directory)
    directory.add(log)
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
    const log = this.#load(directory, what, {
      logStart: logStartOffset,
      recoveryPoint: 0,
      highWatermark: 0,
      wasClean: false,
    })
    this.#homes.set(log, directory)
    directory.add(log)
    return log
  }

  /**
   * Makes a partition, in the directory that is assigned, where it is online, else in the one with the fewest; durable when it resolves. One that is there
   * already is returned as it is.
   * @throws StorageError when no directory is online
   */
  createLog(
    topic: string,
    partition: number,
    topicId: string,
    config: LogConfig,
    directoryId: string | null = null,
  ): Promise<Log> {
    const name = partitionDirectoryName(topic, partition)
    const existing = this.#logs.get(name)
    if (existing !== undefined) return Promise.resolve(existing)
    const begun = this.#beingMade.get(name)
    if (begun !== undefined) return begun.made
    const what = { topic, partition, topicId, config }
    const assigned = directoryId === null ? undefined : this.#directories.withId(directoryId)
    if (assigned !== undefined) return this.#begin(assigned, name, what)
    const homes = Array.from(this.#beingMade.values(), ({ home }) => home)
    const home = this.#directories.leastUsed(homes)
    return this.#begin(home, name, what).catch((error: unknown) => {
      // As in Kafka another directory takes what this one could not, which is offline now.
      if (this.#isClosed || this.#directories.online.length === 0) throw error
      return this.createLog(topic, partition, topicId, config)
    })
  }

  #begin(home: LogDirectory, name: string, what: NewLog): Promise<Log> {
    const made = this.#make(home, name, what).finally(() => {
      this.#beingMade.delete(name)
    })
    this.#beingMade.set(name, { home, made })
    return made
  }

  async #make(directory: LogDirectory, name: string, what: NewLog): Promise<Log> {
    const { disk } = this.#context.host
    const path = `${directory.path}/${name}`
    if (directory.failure !== null) throw directory.failure
    try {
      // What the checkpoints say of a topic of this name that was deleted is not this one's.
      await directory.lowerCheckpoints(name)
      if (directory.failure !== null) throw directory.failure
      disk.makeDirectory(path)
      const content = formatPartitionMetadata(what.topicId)
      await disk.replaceFileAsync(`${path}/${PARTITION_METADATA}`, content)
      await disk.syncDirectoryAsync(directory.path)
      const log = this.#load(directory, what, NEW_LOG)
      this.#register(directory, log)
      return log
    } catch (error) {
      throw directory.fail(`make ${path}`, error)
    }
  }

  /** Closes a partition and renames its directory, which is removed `file.delete.delay.ms` later. */
  deleteLog(topic: string, partition: number): void {
    const log = this.get(topic, partition)
    if (log === undefined) return
    const directory = this.#homes.get(log)!
    log.abandon()
    this.#logs.delete(log.name)
    this.#homes.delete(log)
    directory.remove(log)
    if (directory.failure !== null) return
    try {
      const path = this.#discarding.setAside(log.path, 'delete')
      this.#discarding.removeLater(directory, path, log.config.fileDeleteDelayMs)
    } catch (error) {
      directory.fail(`remove ${log.path}`, error)
    }
  }

  /** Until `close`: writes checkpoints, forgets producers that have been idle for too long, deletes old segments. */
  runPeriodically(intervals: LogIntervals): void {
    this.#every(intervals.checkpointMs, () => this.checkpoint())
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

  #every(intervalMs: number, work: () => Promise<void>): void {
    this.#context.host.clock.after(intervalMs, () => {
      if (this.#isClosed) return
      void work().then(() => this.#every(intervalMs, work))
    })
  }

  /** Writes the checkpoints of all directories: what recovery, followers and DeleteRecords rely on after a crash. */
  async checkpoint(): Promise<void> {
    await this.#directories.checkpoint()
  }

  /** Deletes what the topics no longer want to keep. Compacted logs are the cleaner's. */
  async deleteOldSegments(): Promise<void> {
    let checked = 0
    for (const log of [...this.#logs.values()]) {
      if (log.config.compacted) continue
      await log.deleteOldSegments()
      // Most logs need no disk for the answer: many thousands of them must not hold up the event loop.
      if (++checked % CHECKED_IN_A_TURN === 0) await endOfTurn(this.#context.host.clock)
    }
  }

  /** Forgets producers that have been idle for too long. */
  removeExpiredProducers(): void {
    for (const log of this.#logs.values()) log.removeExpiredProducers()
  }

  /** Closes everything in order, so that the next start has nothing to check. */
  async close(brokerEpoch = -1): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled(Array.from(this.#beingMade.values(), ({ made }) => made))
    this.#discarding.stop()
    await this.#directories.close(brokerEpoch)
  }

  /** Lets everything go as it is, as a crash would. */
  abandon(): void {
    this.#isClosed = true
    this.#discarding.stop()
    this.#directories.release()
  }
}

function endOfTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.endOfTurn(resolve))
}
