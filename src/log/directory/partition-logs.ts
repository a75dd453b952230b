import { formatPartitionMetadata } from '../state/checkpoints.ts'
import type { LogConfig } from '../base/config.ts'
import type { LogContext } from '../context.ts'
import type { LogDirectories } from './directories.ts'
import type { LogDirectory } from './directory.ts'
import type { Trash } from './trash.ts'
import { loadLog } from '../recovery/load.ts'
import { Log } from '../log.ts'
import { futureDirectoryName, partitionDirectoryName, PARTITION_METADATA } from '../base/paths.ts'

/** A partition whose log is opened or made. */
export interface PartitionToOpen {
  readonly topic: string
  readonly partition: number
  /** Null in the metadata log. */
  readonly topicId: string | null
  readonly config: LogConfig
}

/** What is known of a log before it is opened. */
export interface KnownOfLog {
  readonly logStart: number
  readonly recoveryPoint: number
  /** The checkpoint that knew it is damaged. */
  readonly isRecoveryPointLost?: boolean
  readonly highWatermark: number
  /** Nothing has to be checked. */
  readonly wasClean: boolean
}

const NEW_LOG: KnownOfLog = { logStart: 0, recoveryPoint: 0, highWatermark: 0, wasClean: true }

/**
 * The partitions of a node: their logs, and the copies of logs on their way to other directories (future logs, in
 * `topic-0.<id>-future`).
 */
export class PartitionLogs {
  readonly #context: LogContext
  readonly #directories: LogDirectories
  readonly #trash: Trash
  readonly #current = new Map<string, Log>()
  readonly #future = new Map<string, Log>()
  readonly #homes = new Map<Log, LogDirectory>()
  readonly #beingMade = new Map<string, { home: LogDirectory; made: Promise<Log> }>()

  constructor(context: LogContext, directories: LogDirectories, trash: Trash) {
    this.#context = context
    this.#directories = directories
    this.#trash = trash
  }

  /** By the partition's directory name (`topic-0`). */
  get current(): ReadonlyMap<string, Log> {
    return this.#current
  }

  /** Those whose directory is online, by the partition's directory name. */
  future(name: string): Log | undefined {
    const log = this.#future.get(name)
    return log === undefined || log.isOffline ? undefined : log
  }

  homeOf(log: Log): LogDirectory {
    return this.#homes.get(log)!
  }

  /** Opens what a directory has. */
  open(home: LogDirectory, path: string, what: PartitionToOpen, known: KnownOfLog): Log {
    const loaded = loadLog(this.#context, {
      ...what,
      path,
      logStartOffset: known.logStart,
      recoveryPoint: known.recoveryPoint,
      isRecoveryPointLost: known.isRecoveryPointLost === true,
      highWatermark: known.highWatermark,
      wasClean: known.wasClean,
    })
    const log = new Log(this.#context, home, loaded)
    this.#homes.set(log, home)
    home.add(log)
    return log
  }

  /** Has an open log serve its partition, or be the copy that will. */
  register(log: Log): void {
    const logs = log.isFuture ? this.#future : this.#current
    logs.set(log.name, log)
  }

  /** Makes a partition's log; durable when it resolves. One that is there already is returned as it is. */
  make(what: PartitionToOpen, home: LogDirectory | null): Promise<Log> {
    const name = partitionDirectoryName(what.topic, what.partition)
    const existing = this.#current.get(name)
    if (existing !== undefined) return Promise.resolve(existing)
    const begun = this.#beingMade.get(name)
    if (begun !== undefined) return begun.made
    if (home !== null) return this.#begin(home, name, what)
    const homes = Array.from(this.#beingMade.values(), (each) => each.home)
    return this.#begin(this.#directories.leastUsed(homes), name, what)
  }

  /** When all that are being made now are, or have failed. */
  async settled(): Promise<void> {
    await Promise.allSettled(Array.from(this.#beingMade.values(), ({ made }) => made))
  }

  #begin(home: LogDirectory, name: string, what: PartitionToOpen): Promise<Log> {
    const made = this.#make(home, `${home.path}/${name}`, what).finally(() => {
      this.#beingMade.delete(name)
    })
    this.#beingMade.set(name, { home, made })
    return made
  }

  /** Makes the copy that is to take a log's place in another directory; durable when it resolves. */
  makeFuture(source: Log, home: LogDirectory): Promise<Log> {
    const { topic, partition, topicId, config } = source
    const id = this.#context.host.random.bytes(16)
    const path = `${home.path}/${futureDirectoryName(source.name, id)}`
    return this.#make(home, path, { topic, partition, topicId, config })
  }

  async #make(home: LogDirectory, path: string, what: PartitionToOpen): Promise<Log> {
    const { disk } = this.#context.host
    if (home.failure !== null) throw home.failure
    try {
      // What the checkpoints say of a topic of this name that was deleted is not this one's.
      await home.lowerCheckpoints(partitionDirectoryName(what.topic, what.partition))
      if (home.failure !== null) throw home.failure
      disk.makeDirectory(path)
      const content = formatPartitionMetadata(what.topicId!)
      await disk.replaceFileAsync(`${path}/${PARTITION_METADATA}`, content)
      await home.syncNames()
      const log = this.open(home, path, what, NEW_LOG)
      this.register(log)
      return log
    } catch (error) {
      throw home.fail(`make ${path}`, error)
    }
  }

  /**
   * Has a copy take the place of its log, which may be missing. Nothing may be appended to either until it resolves. What
   * was read from the log before may be read to its end; then its directory is renamed, and removed later.
   * @throws StorageError when the copy's directory failed; the log goes on then
   */
  async promote(future: Log): Promise<Log> {
    const home = this.homeOf(future)
    const { topic, partition, topicId, config, name } = future
    const path = `${home.path}/${name}`
    try {
      // Its files get other names: it is opened anew, and finds everything as after an orderly stop.
      await future.close()
      if (home.failure !== null) throw home.failure
      this.#context.host.disk.rename(future.path, path)
      await home.syncNames()
    } catch (error) {
      this.#forget(future)
      throw home.fail(`put ${future.path} in its place`, error)
    }
    return this.#replace(future, () => {
      const { logStartOffset: logStart, highWatermark, logEndOffset: recoveryPoint } = future
      const what = { topic, partition, topicId, config }
      return this.open(home, path, what, { logStart, highWatermark, recoveryPoint, wasClean: true })
    })
  }

  /** `promote` for the start, where nobody reads. */
  promoteNow(future: Log, known: KnownOfLog): Log {
    const home = this.homeOf(future)
    const { topic, partition, topicId, config, name } = future
    const path = `${home.path}/${name}`
    this.#context.host.disk.rename(future.path, path)
    this.#context.host.disk.syncDirectory(home.path)
    return this.#replace(future, () =>
      this.open(home, path, { topic, partition, topicId, config }, known),
    )
  }

  #replace(future: Log, open: () => Log): Log {
    const home = this.homeOf(future)
    const source = this.#current.get(future.name)
    this.#forget(future)
    future.abandon()
    let log: Log
    try {
      log = open()
    } catch (error) {
      throw home.fail(`open ${home.path}/${future.name}`, error)
    }
    this.#current.set(log.name, log)
    if (source === undefined) return log
    const sourceHome = this.homeOf(source)
    const cleanedTo = sourceHome.cleanerOffsets.get(log.name)
    if (cleanedTo !== undefined) home.cleanerOffsets.set(log.name, cleanedTo)
    log.setHighWatermark(source.highWatermark)
    log.advanceLogStart(source.logStartOffset)
    this.#forget(source)
    void source.whenUnread().then(() => this.#discard(source, sourceHome))
    return log
  }

  /** Closes a partition, and a copy of it. Their directories are renamed, and removed `file.delete.delay.ms` later. */
  delete(name: string): void {
    this.deleteFuture(name)
    const log = this.#current.get(name)
    if (log === undefined) return
    this.#current.delete(name)
    this.#remove(log)
  }

  /** Gives a copy up. */
  deleteFuture(name: string): void {
    const future = this.#future.get(name)
    if (future === undefined) return
    this.#future.delete(name)
    this.#remove(future)
  }

  #remove(log: Log): void {
    const home = this.homeOf(log)
    this.#forget(log)
    this.#discard(log, home)
  }

  #forget(log: Log): void {
    this.homeOf(log).remove(log)
    this.#homes.delete(log)
    if (this.#future.get(log.name) === log) this.#future.delete(log.name)
  }

  #discard(log: Log, home: LogDirectory): void {
    log.abandon()
    if (home.failure !== null) return
    try {
      const path = this.#trash.setAside(log.path, 'delete')
      this.#trash.removeLater(home, path, log.config.fileDeleteDelayMs)
    } catch (error) {
      home.fail(`remove ${log.path}`, error)
    }
  }
}
