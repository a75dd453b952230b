import type { LogConfig } from '../base/config.ts'
import type { LogContext } from '../context.ts'
import type { LogDirectories } from './directories.ts'
import type { LogDirectory } from './directory.ts'
import type { Trash } from './trash.ts'
import { LogDirectoryError } from '../base/errors.ts'
import { readTopicId } from '../recovery/load.ts'
import type { Log } from '../log.ts'
import type { PartitionLogs } from './partition-logs.ts'
import {
  directorySuffix,
  METADATA_TOPIC,
  PARTITION_METADATA,
  OTHER_DIRECTORIES,
  parsePartitionDirectoryName,
  partitionOfFuture,
} from '../base/paths.ts'

/** What the cluster's metadata says of the partitions found. */
export interface WantedPartitions {
  configOf(topic: string): LogConfig
  /** Whether this broker has a replica of this partition, and the topic this id. */
  isWanted(topic: string, partition: number, topicId: string): boolean
  /** The id of the directory that this broker's replica should be in; null when nobody knows. */
  directoryOf(topic: string, partition: number): string | null
}

/** A partition's directory, not opened yet. */
interface Found {
  readonly home: LogDirectory
  readonly path: string
  /** `topic-0` */
  readonly name: string
  readonly topic: string
  readonly partition: number
  readonly topicId: string
  readonly isFuture: boolean
}

/**
 * Opens the partitions found in the directories, one with each step: there may be thousands, each with records to check, and
 * whoever takes the steps lets others have their turns in between. What isn't wanted, or doesn't say whose it is, becomes
 * `-stray`. A copy on its way from another directory stays one, or takes its place where that is gone and the cluster knows
 * already that it has.
 * @throws LogDirectoryError when a partition is in two directories and nobody can say which one has the records, or a
 *   directory has what is no partition
 */
export function* discoverPartitions(
  context: LogContext,
  directories: LogDirectories,
  trash: Trash,
  logs: PartitionLogs,
  wanted: WantedPartitions,
): IterableIterator<void> {
  const discovery = new Discovery(context, trash, logs, wanted)
  const found: Found[] = []
  for (const home of directories.online) {
    yield* discovery.guard(home, 'list its partitions', discovery.list(home, found))
  }
  const chosen = discovery.withoutTwins(found)
  for (const home of directories.online) {
    const own = chosen.filter((each) => each.home === home)
    yield* discovery.guard(home, 'load its partitions', discovery.load(home, own))
  }
  for (const home of directories.online) {
    const futures = chosen.filter((each) => each.home === home && each.isFuture)
    yield* discovery.guard(home, 'put a partition in its place', discovery.settleAll(futures))
  }
}

class Discovery {
  readonly #context: LogContext
  readonly #trash: Trash
  readonly #logs: PartitionLogs
  readonly #wanted: WantedPartitions

  constructor(context: LogContext, trash: Trash, logs: PartitionLogs, wanted: WantedPartitions) {
    this.#context = context
    this.#trash = trash
    this.#logs = logs
    this.#wanted = wanted
  }

  /** What the disk refuses takes the directory offline, and no other; of one that is offline no more is done. */
  *guard(home: LogDirectory, what: string, steps: Iterable<void>): IterableIterator<void> {
    if (home.failure !== null) return
    try {
      for (const step of steps) {
        yield step
        if (home.failure !== null) return
      }
    } catch (error) {
      this.#refused(home, what, error)
    }
  }

  #refused(home: LogDirectory, what: string, error: unknown): void {
    if (error instanceof LogDirectoryError) throw error
    home.fail(what, error)
  }

  /** @param found gets what is there */
  *list(home: LogDirectory, found: Found[]): IterableIterator<void> {
    const { disk, log } = this.#context.host
    home.use()
    for (const entry of disk.list(home.path)) {
      yield
      const path = `${home.path}/${entry}`
      const suffix = directorySuffix(entry)
      // As in Kafka, which looks at directories only: a file, or a link to nothing, is somebody's and no partition.
      if (!disk.exists(path) || !disk.stat(path).isDirectory || OTHER_DIRECTORIES.has(entry))
        continue
      if (suffix === null && parsePartitionDirectoryName(entry) === null) {
        const message = `${path} is no partition's directory: a log directory has nothing else, and this one may not be what log.dirs should name. Move it away, or set log.dirs to another directory`
        throw new LogDirectoryError('LOG_DIRECTORY_FOREIGN', message)
      }
      if (suffix === 'delete') this.#trash.removeLater(home, path, 0)
      if (suffix !== null && suffix !== 'future') continue
      const isFuture = suffix === 'future'
      const name = isFuture ? partitionOfFuture(entry) : entry
      const place = parsePartitionDirectoryName(name)
      if (place === null || place.topic === METADATA_TOPIC) continue
      const topicId = readTopicId(this.#context, path)
      if (topicId !== null && this.#wanted.isWanted(place.topic, place.partition, topicId)) {
        found.push({ home, path, name, ...place, topicId, isFuture })
        continue
      }
      // The name of a copy has all that a stray one's has to say.
      const stray = this.#trash.setAside(`${home.path}/${name}`, 'stray', path)
      if (topicId !== null)
        log.warn({ path, stray }, 'A partition that does not belong here was set aside')
      else log.error({ path, stray }, illegible(path, stray))
    }
  }

  /** A crash in the middle of a move may leave both; the cluster knows by then which one is right. */
  withoutTwins(found: readonly Found[]): Found[] {
    const kept = new Map<string, Found>()
    for (const each of found) {
      const key = `${each.isFuture ? 'future' : 'current'} ${each.name}`
      const twin = kept.get(key)
      if (twin !== undefined && this.#isAssigned(twin)) this.#setAside(each, twin)
      else if (twin !== undefined && this.#isAssigned(each)) this.#setAside(twin, each)
      else if (twin !== undefined && each.isFuture) this.#setAside(each, twin)
      else if (twin !== undefined) {
        const message = `The partition ${each.name} is in both ${twin.path} and ${each.path}. Keep the one that is right, move the other out of log.dirs, and start again`
        throw new LogDirectoryError('PARTITION_DUPLICATED', message)
      }
      if (twin === undefined || this.#isAssigned(each)) kept.set(key, each)
    }
    return [...kept.values()]
  }

  #isAssigned({ home, topic, partition }: Found): boolean {
    return home.id !== null && this.#wanted.directoryOf(topic, partition) === home.id
  }

  #setAside({ home, path, name }: Found, kept: Found): void {
    if (home.failure !== null) return
    try {
      const stray = this.#trash.setAside(`${home.path}/${name}`, 'stray', path)
      const what =
        'A partition is in two directories: the one that the cluster does not know was set aside'
      this.#context.host.log.warn({ path, stray, kept: kept.path }, what)
    } catch (error) {
      this.#refused(home, `set ${path} aside`, error)
    }
  }

  *load(home: LogDirectory, found: readonly Found[]): IterableIterator<void> {
    for (const each of found) yield this.#open(each)
    home.lowerLoadedCheckpoints()
  }

  #open({ home, path, name, topic, partition, topicId }: Found): void {
    const config = this.#wanted.configOf(topic)
    const known = { ...home.checkpointsOf(name), wasClean: home.wasClean }
    this.#logs.register(this.#logs.open(home, path, { topic, partition, topicId, config }, known))
  }

  /**
   * [KAFKA-16082] The node stopped after the cluster had learnt of a move, and the old place is gone since: the copy takes
   * it. Where the old place is there, the move goes on to its end by itself.
   */
  *settleAll(futures: readonly Found[]): IterableIterator<void> {
    for (const { name } of futures) yield this.#settle(name)
  }

  #settle(name: string): void {
    const future = this.#logs.future(name)
    if (future === undefined || this.#logs.current.has(name) || !this.#isPlaceOf(future)) return
    const from = future.path
    const { path } = this.#logs.promoteNow(future, {
      logStart: future.logStartOffset,
      recoveryPoint: future.recoveryPoint,
      highWatermark: future.highWatermark,
      wasClean: this.#logs.homeOf(future).wasClean,
    })
    const what = 'A copy of a partition takes its place: the cluster knows it to be here'
    this.#context.host.log.warn({ from, path }, what)
  }

  #isPlaceOf(log: Log): boolean {
    const assigned = this.#wanted.directoryOf(log.topic, log.partition)
    return log.directoryId !== null && log.directoryId === assigned
  }
}

function illegible(path: string, stray: string): string {
  return `${path} does not say whose it is: its ${PARTITION_METADATA} is missing or damaged. It was set aside as ${stray}. If it has records of the topic that is there now, write "version: 0" and "topic_id: ..." (ottla topics describe shows the id) into that file, give the directory its name back, and start again`
}
