import type { LogContext } from '../context.ts'
import { LogDirectory, type CheckpointName, type DirectoryFailed } from './directory.ts'
import { LogDirectoryError, StorageError } from '../base/errors.ts'

/** The log directories of a node, in the order of `log.dirs`. Some of them may be offline, from the start or later. */
export class LogDirectories {
  readonly all: readonly LogDirectory[]
  /** The one with the cluster's metadata; it may be none of `all`. */
  readonly metadata: LogDirectory

  /**
   * Takes the directories. As in Kafka one that the disk refuses is left out, with a line that says so.
   * @param paths `log.dirs`, absolute
   * @param metadataPath `metadata.log.dir`, absolute
   * @throws LogDirectoryError when one is named twice, is another process's or its `meta.properties` is damaged, when none can be used, or
   *   not the one with the metadata
   */
  static open(
    context: LogContext,
    paths: readonly string[],
    metadataPath: string,
    onFailed: DirectoryFailed,
  ): LogDirectories {
    const twice = paths.find((path, index) => paths.indexOf(path) !== index)
    if (twice !== undefined) {
      const message = `log.dirs names ${twice} twice. Name each directory once`
      throw new LogDirectoryError('LOG_DIRECTORY_DUPLICATED', message)
    }
    const taken = new Map<string, LogDirectory>()
    const refused: LogDirectoryError[] = []
    try {
      for (const path of new Set([...paths, metadataPath])) {
        const directory = openOne(context, path, onFailed)
        taken.set(path, directory)
        if (directory.failure instanceof LogDirectoryError) refused.push(directory.failure)
      }
      const all = paths.map((path) => taken.get(path)!)
      if (all.every(({ failure }) => failure !== null)) throw noneIsLeft(refused)
      const metadata = taken.get(metadataPath)!
      if (metadata.failure !== null) throw metadata.failure
      for (const { message } of refused) {
        context.host.log.error({}, `${message}. Until then its partitions are offline`)
      }
      return new LogDirectories(all, metadata)
    } catch (error) {
      for (const directory of taken.values()) directory.release()
      throw error
    }
  }

  private constructor(all: readonly LogDirectory[], metadata: LogDirectory) {
    this.all = all
    this.metadata = metadata
  }

  /** `all`, and the one with the metadata. */
  get withMetadata(): ReadonlySet<LogDirectory> {
    return new Set([...this.all, this.metadata])
  }

  /** Whether every directory is online. A partition that isn't found may be in one that isn't. */
  get areWhole(): boolean {
    return this.all.every(({ failure }) => failure === null)
  }

  get online(): LogDirectory[] {
    return this.all.filter(({ failure }) => failure === null)
  }

  /** The directory with this id, if it is online. */
  withId(id: string): LogDirectory | undefined {
    return this.online.find((directory) => directory.id === id)
  }

  /**
   * [KIP-1066] Has these get no new partitions by choice, and all others as ever.
   * @param paths absolute; what is none of `all` means nothing
   * @returns whether that is news
   */
  cordon(paths: readonly string[]): boolean {
    const changed = this.all.filter(({ path, isCordoned }) => paths.includes(path) !== isCordoned)
    for (const directory of changed) directory.isCordoned = !directory.isCordoned
    return changed.length > 0
  }

  /**
   * The one with the fewest partitions. Where all are cordoned that means nothing: the replica has to be somewhere.
   * @param beingMade where partitions are on their way to
   * @throws StorageError when no directory is online
   */
  leastUsed(beingMade: Iterable<LogDirectory>): LogDirectory {
    const sizes = new Map(this.online.map((directory) => [directory, directory.partitionCount]))
    for (const home of beingMade) sizes.set(home, (sizes.get(home) ?? 0) + 1)
    const open = this.online.filter(({ isCordoned }) => !isCordoned)
    const [first, ...others] = open.length > 0 ? open : this.online
    if (first === undefined) throw new StorageError('No log directory is online')
    return others.reduce(
      (least, directory) => (sizes.get(directory)! < sizes.get(least)! ? directory : least),
      first,
    )
  }

  /** Writes one of the checkpoints, or all, where they have changed. */
  async checkpoint(name?: CheckpointName): Promise<void> {
    await Promise.all(Array.from(this.withMetadata, (directory) => directory.checkpoint(name)))
  }

  /** Closes all logs so that the next start has nothing to check, and lets the directories go. */
  async close(brokerEpoch: number): Promise<void> {
    await Promise.all(Array.from(this.withMetadata, (directory) => directory.close(brokerEpoch)))
  }

  /** Lets the directories go as they are, as a crash would. */
  release(): void {
    for (const directory of this.withMetadata) directory.release()
  }
}

function openOne(context: LogContext, path: string, onFailed: DirectoryFailed): LogDirectory {
  try {
    return LogDirectory.open(context, path, onFailed)
  } catch (error) {
    const isUnusable = error instanceof LogDirectoryError && error.code === 'LOG_DIRECTORY_UNUSABLE'
    if (!isUnusable) throw error
    return LogDirectory.offline(context, path, error)
  }
}

function noneIsLeft(refused: readonly LogDirectoryError[]): LogDirectoryError {
  if (refused.length === 1) return refused[0]!
  const reasons = refused.map(({ message }) => message).join('; ')
  const message = `No log directory can be used: ${reasons}`
  return new LogDirectoryError('LOG_DIRECTORY_UNUSABLE', message, { cause: refused[0]!.cause })
}
