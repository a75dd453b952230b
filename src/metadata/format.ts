import assert from 'node:assert/strict'
import type { Codecs } from '../../protocol/records/codecs.ts'
import type { BrokerConfig } from '../config/broker-config.ts'
import type { Host } from '../host/host.ts'
import type { LogDirectory } from '../log/directory/directory.ts'
import type { MetaProperties } from '../log/directory/meta-properties.ts'
import { LogManager } from '../log/manager.ts'
import type { VoterEndpoint } from '../quorum/types.ts'
import { writeBootstrap, type Bootstrap } from './bootstrap.ts'
import { INITIAL_FEATURES } from './features.ts'
import { randomId } from './ids.ts'

/** A log directory is another node's or another cluster's, or is formatted already. */
class FormatError extends Error {
  override readonly name = 'FormatError'
  readonly code: 'ERR_LOG_DIRECTORY_MISMATCH' | 'ERR_ALREADY_FORMATTED'

  constructor(message: string, code: FormatError['code'] = 'ERR_LOG_DIRECTORY_MISMATCH') {
    super(message)
    this.code = code
  }
}

export interface FormatIfNeededOptions {
  readonly host: Pick<Host, 'clock' | 'disk' | 'log' | 'random'>
  readonly codecs: Codecs
  /** All of `log.dirs`, taken; some may be offline. */
  readonly directories: readonly LogDirectory[]
  /** The one of them with the metadata log (`metadata.log.dir`). */
  readonly metadataDirectory: LogDirectory
  readonly nodeId: number
  /** Random on the first start of a node that is a quorum alone where it isn't given. */
  readonly clusterId?: string | undefined
  /** Where this node's controller listener is; none for a node that needs none. */
  readonly controllerEndpoints?: readonly VoterEndpoint[]
  /** The quorum that a new node is to be in: it alone unless others are named; null for a node that is no controller. */
  readonly quorum?: 'alone' | 'static' | 'dynamic' | null
}

/** Whose directories these are. */
export interface Identity {
  readonly clusterId: string
  readonly nodeId: number
  /** Of the metadata directory. */
  readonly directoryId: string
  /** Of `log.dirs`, in their order; those that are offline are left out. */
  readonly directoryIds: readonly string[]
  /** This start made the cluster. */
  readonly formatted: boolean
}

/**
 * Reads whose the directories are, and on the first start makes them this node's: a dynamic quorum of one (KIP-853), as
 * `kafka-storage format --standalone` does it, or what a voter of a static quorum or a broker begins with, which is nothing. `meta.properties` comes last, so an interrupted first start begins anew.
 * @throws FormatError when a directory belongs to somebody else, or the one with the metadata is empty while another has
 *   been used; on the first start also when one can't be used
 */
export function formatIfNeeded(options: FormatIfNeededOptions): Identity {
  const { host, codecs, metadataDirectory, nodeId } = options
  const online = options.directories.filter(({ failure }) => failure === null)
  // The one with the metadata comes first: where it is formatted, the first start has come so far.
  const directories = [...new Set([metadataDirectory, ...online])]
  checkOwners(directories, options)
  const known = directories.find(({ metaProperties }) => metaProperties !== null)
  const clusterId = known?.metaProperties?.clusterId ?? (options.clusterId || randomId(host.random))
  const formatted = metadataDirectory.metaProperties === null
  if (formatted) {
    checkUsable(options.directories)
    checkNew(directories, metadataDirectory)
    checkAgreed(options)
  }
  const ids = new Map<LogDirectory, string>()
  for (const directory of directories) {
    ids.set(directory, directory.metaProperties?.directoryId ?? randomId(host.random))
  }
  const directoryId = ids.get(metadataDirectory)!
  const bootstrap = formatted ? bootstrapOf(options, directoryId) : null
  if (bootstrap !== null) {
    writeBootstrap(host, codecs, metadataDirectory.path, bootstrap)
    host.disk.syncDirectory(metadataDirectory.path)
  }
  for (const directory of directories) {
    const properties = { clusterId, nodeId, directoryId: ids.get(directory)! }
    if (directory.metaProperties === null && !formatted) {
      const what =
        'A log directory was empty and is used as a new one; what was in another one of this name is not here'
      host.log.warn({ path: directory.path, directoryId: properties.directoryId }, what)
    }
    if (directory.metaProperties?.directoryId == null) write(directory, properties, options)
  }
  const directoryIds = online.flatMap(({ failure, id }) => (failure === null ? [id!] : []))
  return { clusterId, nodeId, directoryId, directoryIds, formatted }
}

export interface FormatOptions {
  readonly host: Pick<Host, 'clock' | 'disk' | 'log' | 'random' | 'workers'>
  readonly codecs: Codecs
  readonly config: BrokerConfig
  readonly clusterId: string
  /** What the metadata log begins with; null for a node that is no controller: its log comes from the controllers. */
  readonly bootstrap: Bootstrap | null
  /** Of the directory with the metadata, where the first voters are agreed on; random unless given. */
  readonly directoryId?: string | undefined
  /** Leaves directories that are formatted already as they are, where they are this node's. */
  readonly ignoreFormatted: boolean
}

export interface FormattedDirectory {
  readonly path: string
  readonly directoryId: string
  readonly hasMetadata: boolean
}

/**
 * Makes the empty ones of a node's directories part of a cluster, as `kafka-storage format` does. The one with the metadata
 * comes first: what an interruption leaves is finished by `ignoreFormatted`, or by the node's start.
 * @returns those that were empty
 * @throws FormatError when a directory belongs to somebody else, or is formatted already, and errors of the directories;
 *   then nothing was written, but for what the disk refuses later
 */
export function formatNode(options: FormatOptions): FormattedDirectory[] {
  const { host, codecs, config } = options
  const directories = config.logDirectories.map((path) => host.disk.absolutePath(path))
  const metadataDirectory = config.get('metadata.log.dir')
  const logs = LogManager.open({
    host,
    codecs,
    directories,
    ...(metadataDirectory !== null && {
      metadataDirectory: host.disk.absolutePath(metadataDirectory),
    }),
    onDirectoryFailed: () => undefined,
  })
  try {
    checkUsable(logs.directories)
    return formatEmpty(logs, options)
  } finally {
    logs.abandon()
  }
}

function formatEmpty(logs: LogManager, options: FormatOptions): FormattedDirectory[] {
  const { host, codecs, config, clusterId, bootstrap } = options
  const nodeId = config.get('node.id')
  const { metadataDirectory } = logs
  const directories = [...new Set([metadataDirectory, ...logs.directories])]
  checkOwners(directories, { nodeId, clusterId })
  const used = directories.find(({ metaProperties }) => metaProperties !== null)
  if (used !== undefined && !options.ignoreFormatted) {
    throw new FormatError(
      `${used.path} is formatted already, for node ${nodeId} of the cluster ${clusterId}: leave it as it is and format the others with --ignore-formatted, or move it away`,
      'ERR_ALREADY_FORMATTED',
    )
  }
  const empty = directories.filter(({ metaProperties }) => metaProperties === null)
  return empty.map((directory) => {
    const hasMetadata = directory === metadataDirectory
    const agreed = hasMetadata ? options.directoryId : undefined
    const directoryId = agreed ?? randomId(host.random)
    if (hasMetadata && bootstrap !== null) {
      writeBootstrap(host, codecs, directory.path, bootstrap)
      host.disk.syncDirectory(directory.path)
    }
    directory.writeMetaProperties({ clusterId, nodeId, directoryId })
    return { path: directory.path, directoryId, hasMetadata }
  })
}

function write(
  directory: LogDirectory,
  properties: MetaProperties,
  { metadataDirectory }: FormatIfNeededOptions,
): void {
  try {
    directory.writeMetaProperties(properties)
  } catch (error) {
    if (directory === metadataDirectory) throw error
    directory.fail('write its meta.properties', error)
  }
}

/**
 * What a new node's metadata log begins with. That of a broker comes from the controllers; the first leader of a static
 * quorum begins with this version's levels.
 */
function bootstrapOf(
  { quorum = 'alone', nodeId: id, controllerEndpoints: endpoints = [] }: FormatIfNeededOptions,
  directoryId: string,
): Bootstrap | null {
  if (quorum === null) return null
  const features = INITIAL_FEATURES
  // Its voters stand in the settings; and that nobody has formatted it says that it may be a new disk for an old voter.
  if (quorum === 'static') return null
  return { kraftVersion: 1, voters: [{ id, directoryId, endpoints }], features }
}

/** Each of several nodes would make a cluster of its own. */
function checkAgreed({
  quorum = 'alone',
  clusterId,
  metadataDirectory: { path },
}: FormatIfNeededOptions): void {
  if (quorum === 'dynamic') {
    throw new FormatError(
      `The log directory ${path} is empty, and controller.quorum.bootstrap.servers names other nodes: format it for their cluster with ottla storage format. A controller that joins them, or that has lost its disk, is formatted with --no-initial-controllers and made a voter with ottla quorum add; one that has lost its disk is taken out before, with ottla quorum remove`,
    )
  }
  assert(quorum === 'alone' || clusterId, 'several nodes have one cluster')
}

/** A broken disk is to be lived with; a wrong name in log.dirs is better told at once, as Kafka's format does. */
function checkUsable(directories: readonly LogDirectory[]): void {
  for (const { failure } of directories) if (failure !== null) throw failure
}

/** An empty disk where the metadata was must not begin a new cluster, to which all partitions found would be strangers. */
function checkNew(directories: readonly LogDirectory[], metadata: LogDirectory): void {
  const used = directories.find(({ metaProperties }) => metaProperties !== null)
  if (used === undefined) return
  throw new FormatError(
    `The log directory ${metadata.path}, which has the cluster's metadata, is empty, but ${used.path} belongs to the cluster ${used.metaProperties!.clusterId}. Is its disk mounted? Bring it back. To begin anew, without the records there are, move the other log directories away`,
  )
}

function checkOwners(
  directories: readonly LogDirectory[],
  { nodeId, clusterId }: { readonly nodeId: number; readonly clusterId?: string | undefined },
): void {
  for (const { path, metaProperties } of directories) {
    if (metaProperties === null) continue
    if (metaProperties.nodeId !== nodeId) {
      throw new FormatError(
        `${path} belongs to node ${metaProperties.nodeId}, and this is node ${nodeId}: set node.id=${metaProperties.nodeId}, or give this node another directory in log.dirs`,
      )
    }
    const expected = clusterId || directories[0]!.metaProperties?.clusterId
    if (expected !== undefined && expected !== metaProperties.clusterId) {
      throw new FormatError(
        `${path} belongs to the cluster ${metaProperties.clusterId}, not to ${expected}: use that cluster id, or give this node another directory in log.dirs`,
      )
    }
  }
}
