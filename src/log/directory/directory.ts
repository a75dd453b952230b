import type { Disk, DiskLock } from '../../host/host.ts'
import { formatOffsetCheckpoint, parseOffsetCheckpoint } from '../state/checkpoints.ts'
import { CleanerOffsets } from '../cleaner/offsets.ts'
import type { LogContext, LogHome, QueuedWriter } from '../context.ts'
import { LogDirectoryError, messageOf, StorageError } from '../base/errors.ts'
import type { Log } from '../log.ts'
import {
  formatMetaProperties,
  parseMetaProperties,
  type MetaProperties,
} from './meta-properties.ts'
import { readIfThere } from '../base/files.ts'
import { Flusher } from '../base/flusher.ts'
import { METADATA_TOPIC, partitionDirectoryName } from '../base/paths.ts'
import { TurnWriter } from '../append/turn-writer.ts'

const METADATA_LOG = partitionDirectoryName(METADATA_TOPIC, 0)
const META_PROPERTIES = 'meta.properties'
const LOCK = '.lock'
const CLEAN_SHUTDOWN = '.kafka_cleanshutdown'

/** So many logs are closed at the same time: each waits for the disk. */
const CLOSED_AT_ONCE = 16
const SAVED_AT_ONCE = 4

const CHECKPOINTS = {
  recoveryPoint: 'recovery-point-offset-checkpoint',
  logStart: 'log-start-offset-checkpoint',
  highWatermark: 'replication-offset-checkpoint',
} as const
export type CheckpointName = keyof typeof CHECKPOINTS

/** In the order in which they are written. */
const CHECKPOINT_NAMES = ['recoveryPoint', 'highWatermark', 'logStart'] as const

/** What is kept of a log, if there is anything to keep. */
const CHECKPOINTED: Record<CheckpointName, (log: Log) => number | null> = {
  recoveryPoint: (log) => log.recoveryPoint,
  highWatermark: (log) => log.highWatermark,
  logStart: (log) => (log.logStartOffset > log.firstSegmentOffset ? log.logStartOffset : null),
}

export type DirectoryFailed = (directory: LogDirectory, error: Error) => void

/** A log directory: locked, with the checkpoints that say where its partitions begin, end and are durable. */
export class LogDirectory implements LogHome {
  readonly path: string
  readonly cleanerOffsets: CleanerOffsets
  readonly #context: LogContext
  /** Null when it couldn't be taken. */
  readonly #lock: DiskLock | null
  readonly #onFailed: DirectoryFailed
  readonly #writer: TurnWriter
  readonly #logs = new Map<string, Log>()
  readonly #saved = new Map<CheckpointName, string>()
  #loaded: Record<CheckpointName, ReadonlyMap<string, number>> = {
    recoveryPoint: new Map(),
    logStart: new Map(),
    highWatermark: new Map(),
  }
  /** [KIP-1066] It gets no partitions that may be elsewhere. */
  isCordoned = false
  readonly #names: Flusher
  #metaProperties: MetaProperties | null = null
  #wasClean = false
  #lastEpoch: number | null = null
  /** What was durable of each partition: the file that said it is damaged, or gone. */
  #isRecoveryPointLost = false
  /** What the files say by now, or will when what is being written is there. */
  #stored: Record<CheckpointName, ReadonlyMap<string, number>> = { ...this.#loaded }
  #failure: Error | null = null
  #isReleased = false

  /**
   * Takes a directory, which is made when it is missing.
   * @throws LogDirectoryError when another process holds it, it can't be written, or its `meta.properties` is damaged
   */
  static open(context: LogContext, path: string, onFailed: DirectoryFailed): LogDirectory {
    const { disk } = context.host
    let lock: DiskLock | null
    try {
      makeDurably(disk, path)
      lock = disk.lock(`${path}/${LOCK}`)
    } catch (cause) {
      const message = `The log directory ${path} can't be used: ${messageOf(cause)}. Make it writable, or set log.dirs to another one`
      throw new LogDirectoryError('LOG_DIRECTORY_UNUSABLE', message, { cause })
    }
    if (lock === null) {
      const message = `Another process uses the log directory ${path} (it holds ${LOCK}). Stop it, or set log.dirs to another directory`
      throw new LogDirectoryError('LOG_DIRECTORY_LOCKED', message)
    }
    if (!lock.advisory) {
      context.host.log.warn(
        { path },
        'Nothing keeps another process from using this directory: the package fs-native-extensions is not there',
      )
    }
    try {
      const directory = new LogDirectory(context, path, lock, onFailed)
      directory.#read()
      return directory
    } catch (cause) {
      lock.release()
      if (cause instanceof LogDirectoryError) throw cause
      const message = `The log directory ${path} can't be read: ${messageOf(cause)}. Mend it, or set log.dirs to another one`
      throw new LogDirectoryError('LOG_DIRECTORY_UNUSABLE', message, { cause })
    }
  }

  /** A directory that could not be taken at start: its partitions are offline, the others go on. */
  static offline(context: LogContext, path: string, failure: Error): LogDirectory {
    const directory = new LogDirectory(context, path, null, () => undefined)
    directory.#failure = failure
    return directory
  }

  private constructor(
    context: LogContext,
    path: string,
    lock: DiskLock | null,
    onFailed: DirectoryFailed,
  ) {
    this.path = path
    this.#context = context
    this.#lock = lock
    this.#onFailed = onFailed
    this.#writer = new TurnWriter(context.host.clock)
    this.#names = new Flusher(() => context.host.disk.syncDirectoryAsync(path))
    this.cleanerOffsets = this.#openCleanerOffsets()
  }

  /** Whether no other process can use it; false where this machine has no locks. */
  get isLocked(): boolean {
    return this.#lock?.advisory === true
  }

  #read(): void {
    this.#metaProperties = this.#readMetaProperties()
    const { disk } = this.#context.host
    this.#wasClean = disk.exists(this.#file(CLEAN_SHUTDOWN))
    if (this.#wasClean) this.#lastEpoch = epochOf(disk.readFile(this.#file(CLEAN_SHUTDOWN)))
    this.#loaded = {
      recoveryPoint: this.#readCheckpoint('recoveryPoint'),
      logStart: this.#readCheckpoint('logStart'),
      highWatermark: this.#readCheckpoint('highWatermark'),
    }
    this.#stored = { ...this.#loaded }
    this.#isRecoveryPointLost ||= this.#lacksRecoveryPoints()
    this.cleanerOffsets.load()
  }

  #openCleanerOffsets(): CleanerOffsets {
    const { disk, log } = this.#context.host
    return new CleanerOffsets({
      disk,
      log,
      directory: this.path,
      has: (name) => this.#logs.has(name),
      isClosed: () => this.#failure !== null || this.#isReleased,
      onFailed: (error) => this.fail('write its checkpoints', error),
    })
  }

  /**
   * Resolves when the names in it are durable that it has now; rejects with what the disk throws. Thousands of partitions that
   * are made together share few syncs.
   */
  syncNames(): Promise<void> {
    return this.#names.flush()
  }

  /** The node stopped in order when it was last here: nothing has to be checked. */
  get wasClean(): boolean {
    return this.#wasClean
  }

  /** [KIP-966] Of the broker that has stopped in order here last; null where that isn't known. */
  get lastBrokerEpoch(): number | null {
    return this.#lastEpoch
  }

  get failure(): Error | null {
    return this.#failure
  }

  /** Null before the directory was formatted. */
  get metaProperties(): MetaProperties | null {
    return this.#metaProperties
  }

  /** What the cluster knows this directory by; null before it was formatted, and where it couldn't be read. */
  get id(): string | null {
    return this.#metaProperties?.directoryId ?? null
  }

  get logs(): ReadonlyMap<string, Log> {
    return this.#logs
  }

  /**
   * From here on, until the next clean shutdown, a crash is a crash. To be called before the first log is opened, and not
   * by a start that finds that the directory isn't its own.
   */
  use(): void {
    if (!this.#wasClean) return
    const { disk } = this.#context.host
    disk.remove(this.#file(CLEAN_SHUTDOWN))
    disk.syncDirectory(this.path)
  }

  /** Says whose directory this is; durable when it returns. For start-up. */
  writeMetaProperties(properties: MetaProperties): void {
    this.#context.host.disk.replaceFile(
      this.#file(META_PROPERTIES),
      formatMetaProperties(properties),
    )
    this.#metaProperties = properties
  }

  /** What the checkpoints said of a partition when the directory was opened. */
  checkpointsOf(name: string): {
    recoveryPoint: number
    isRecoveryPointLost: boolean
    logStart: number
    highWatermark: number
  } {
    return {
      isRecoveryPointLost: this.#isRecoveryPointLost,
      recoveryPoint: this.#loaded.recoveryPoint.get(name) ?? 0,
      logStart: this.#loaded.logStart.get(name) ?? 0,
      highWatermark: this.#loaded.highWatermark.get(name) ?? 0,
    }
  }

  /** How many partitions it has, copies on their way here included, and the metadata log not. */
  get partitionCount(): number {
    return this.#logs.size - (this.#logs.has(METADATA_LOG) ? 1 : 0)
  }

  add(log: Log): void {
    this.#logs.set(log.name, log)
  }

  remove(log: Log): void {
    this.#logs.delete(log.name)
    this.cleanerOffsets.remove(log.name)
  }

  enqueue(writer: QueuedWriter, sizeBytes: number): void {
    this.#writer.enqueue(writer, sizeBytes)
  }

  prefersThreads(sizeBytes: number): boolean {
    return this.#writer.prefersThreads(sizeBytes)
  }

  fail(what: string, cause: unknown): Error {
    if (this.#failure !== null) return this.#failure
    const { log, clock } = this.#context.host
    const message = `The log directory ${this.path} is offline: it failed to ${what}: ${messageOf(cause)}`
    const failure = new StorageError(message, { cause })
    this.#failure = failure
    log.error({ directory: this.path, error: cause }, message)
    clock.endOfTurn(() => {
      for (const each of this.#logs.values()) each.onDirectoryFailed()
      this.#onFailed(this, failure)
    })
    return failure
  }

  /** Writes one of the checkpoints, or all, where they have changed. */
  async checkpoint(only?: CheckpointName): Promise<void> {
    if (this.#failure !== null) return
    if (only === undefined || only === 'recoveryPoint') {
      await this.#withEach(SAVED_AT_ONCE, (log) => log.prepareCheckpoint())
    }
    // Where there are others and no recovery points, these are taken to be lost.
    const isFirst = !this.#saved.has('recoveryPoint')
    const isDue = (name: CheckpointName): boolean =>
      only === undefined || name === only || (isFirst && name === 'recoveryPoint')
    await this.#save(...CHECKPOINT_NAMES.filter(isDue))
  }

  async #save(...names: readonly CheckpointName[]): Promise<void> {
    if (this.#failure !== null) return
    try {
      for (const name of names) await this.#write(name)
    } catch (error) {
      this.fail('write its checkpoints', error)
    }
  }

  async #write(name: CheckpointName): Promise<void> {
    const offsets = this.#offsetsFor(name)
    const content = formatOffsetCheckpoint(offsets)
    if (content === this.#saved.get(name)) return
    this.#stored[name] = offsets
    // Until it is there the file may say this or that; and then, what was asked for last.
    this.#saved.delete(name)
    await this.#context.host.disk.replaceFileAsync(this.#file(CHECKPOINTS[name]), content)
    if (this.#stored[name] === offsets) this.#saved.set(name, content)
  }

  #offsetsFor(name: CheckpointName): Map<string, number> {
    const offsets = new Map<string, number>()
    for (const log of this.#logs.values()) {
      const offset = CHECKPOINTED[name](log)
      if (offset !== null && log.topicId !== null) offsets.set(log.name, offset)
    }
    return offsets
  }

  async lowerCheckpoints(logName: string): Promise<void> {
    if (this.#saysTooMuchOf(logName)) await this.#save(...CHECKPOINT_NAMES)
  }

  /** For start-up, when all logs are there: the same for those that were found to have lost what a checkpoint knows of. */
  lowerLoadedCheckpoints(): void {
    if (![...this.#logs.keys()].some((name) => this.#saysTooMuchOf(name))) return
    for (const name of CHECKPOINT_NAMES) {
      const offsets = this.#offsetsFor(name)
      this.#stored[name] = offsets
      this.#context.host.disk.replaceFile(
        this.#file(CHECKPOINTS[name]),
        formatOffsetCheckpoint(offsets),
      )
    }
  }

  #saysTooMuchOf(logName: string): boolean {
    const log = this.#logs.get(logName)
    const { recoveryPoint, logStart } = this.#stored
    return (
      (recoveryPoint.get(logName) ?? 0) > (log?.recoveryPoint ?? 0) ||
      (logStart.get(logName) ?? 0) > (log?.logStartOffset ?? 0)
    )
  }

  /** Closes all logs so that the next start has nothing to check, and lets the directory go. */
  async close(brokerEpoch: number): Promise<void> {
    try {
      await this.#withEach(CLOSED_AT_ONCE, (log) => log.close())
      await this.#save(...CHECKPOINT_NAMES)
      if (this.#failure === null) {
        const content = JSON.stringify({ version: 0, brokerEpoch })
        await this.#context.host.disk.replaceFileAsync(this.#file(CLEAN_SHUTDOWN), content)
      }
    } catch (error) {
      this.fail('close its logs', error)
    } finally {
      this.release()
    }
  }

  async #withEach(atOnce: number, use: (log: Log) => Promise<void>): Promise<void> {
    const logs = [...this.#logs.values()].values()
    const useSome = async (): Promise<void> => {
      for (const log of logs) await use(log)
    }
    await Promise.all(Array.from({ length: atOnce }, useSome))
  }

  /** Closes all files as they are, as a crash would. */
  release(): void {
    for (const log of this.#logs.values()) log.abandon()
    this.#isReleased = true
    this.#lock?.release()
  }

  #file(name: string): string {
    return `${this.path}/${name}`
  }

  #readMetaProperties(): MetaProperties | null {
    const content = readIfThere(this.#context.host.disk, this.#file(META_PROPERTIES))
    if (content === null) return null
    const properties = parseMetaProperties(content.toString())
    if (properties !== null) return properties
    const message = `${this.#file(META_PROPERTIES)} is damaged or of an unknown version: restore it, or move the directory away`
    throw new LogDirectoryError('META_PROPERTIES_INVALID', message)
  }

  /** The file is gone: it is written before the one of the high watermarks. */
  #lacksRecoveryPoints(): boolean {
    const { disk } = this.#context.host
    return (
      !disk.exists(this.#file(CHECKPOINTS.recoveryPoint)) &&
      disk.exists(this.#file(CHECKPOINTS.highWatermark))
    )
  }

  #readCheckpoint(name: CheckpointName): ReadonlyMap<string, number> {
    const path = this.#file(CHECKPOINTS[name])
    const content = readIfThere(this.#context.host.disk, path)
    if (content === null) return new Map()
    const offsets = parseOffsetCheckpoint(content.toString())
    if (offsets !== null) return offsets
    this.#context.host.log.warn({ path }, 'The checkpoint is damaged and is ignored')
    if (name === 'recoveryPoint') this.#isRecoveryPointLost = true
    return new Map()
  }
}

/** Makes a directory, and those above it that are missing, so that a crash leaves them. */
function makeDurably(disk: Disk, path: string): void {
  const missing: string[] = []
  for (let at = path; at !== '' && !disk.exists(at); at = at.slice(0, at.lastIndexOf('/')))
    missing.push(at)
  disk.makeDirectory(path)
  for (const made of missing) disk.syncDirectory(made.slice(0, made.lastIndexOf('/')) || '/')
}

/** What the file of a stop in order says; any that is there tells of one, whatever is in it. */
function epochOf(content: Buffer): number | null {
  try {
    const { brokerEpoch } = JSON.parse(content.toString()) as { brokerEpoch?: unknown }
    return Number.isSafeInteger(brokerEpoch) && (brokerEpoch as number) >= 0
      ? (brokerEpoch as number)
      : null
  } catch {
    return null
  }
}
