import type { Codecs } from '../../protocol/records/codecs.ts'
import type { BrokerConfig } from '../config/broker-config.ts'
import type { Host } from '../host/host.ts'
import type { LogConfig } from '../log/base/config.ts'
import type { LogDirectory } from '../log/directory/directory.ts'
import { isSystemError, LogDirectoryError, messageOf } from '../log/base/errors.ts'
import type { CountedMemory } from '../log/append/validator.ts'
import { LogManager } from '../log/manager.ts'
import { checkFinalizedFeatures } from '../metadata/features.ts'
import { formatIfNeeded } from '../metadata/format.ts'
import type { Identity } from '../metadata/format.ts'
import { ResourceType, configOf, directoryOf, partitionOf } from '../metadata/image.ts'
import { openMetadataNode } from '../metadata/node.ts'
import type { MetadataNode } from '../metadata/node.ts'
import { topicSettings } from '../replication/topic-settings.ts'

/** What a node has on disk, opened: its logs, and the cluster's metadata as it was when the node stopped. */
export interface Storage {
  readonly identity: Identity
  readonly logs: LogManager
  readonly metadata: MetadataNode
}

const KEPT =
  'The cluster has finalized features that Ottla does not offer: their state is kept, and clients are not told of them'

/** What the node's storage may take of what the process has. */
export interface StorageShare {
  /** How many files of partitions may be open together. */
  readonly maxOpenFiles: number
  /** Where what is held of requests beside themselves counts. */
  readonly requestMemory: CountedMemory
}

/** Who has to know of failing disks. */
export interface StorageFailures {
  /** The node can't go on: its last directory failed, or the one with the metadata log. */
  node(reason: Error): void
  /** The partitions in this directory are offline. */
  directory(directory: LogDirectory): void
}

/**
 * Takes the log directories, formats them on the first start, replays the metadata log, and recovers the partitions that
 * the metadata says are here.
 * @throws LogDirectoryError, FormatError, FeatureError
 */
export async function openStorage(
  host: Host,
  codecs: Codecs,
  config: BrokerConfig,
  share: StorageShare,
  failed: StorageFailures,
): Promise<Storage> {
  const paths = config.logDirectories.map((path) => host.disk.absolutePath(path))
  const metadataPath = host.disk.absolutePath(config.get('metadata.log.dir') ?? paths[0]!)
  const logs = LogManager.open({
    host,
    codecs,
    directories: paths,
    metadataDirectory: metadataPath,
    ...share,
    onDirectoryFailed: (directory, error) => {
      failed.directory(directory)
      const isLast = logs.directories.every(({ failure }) => failure !== null)
      if (isLast || directory.path === metadataPath) failed.node(error)
    },
  })
  try {
    const directory = logs.metadataDirectory
    const identity = formatIfNeeded({
      host,
      codecs,
      directories: logs.directories,
      metadataDirectory: directory,
      nodeId: config.get('node.id'),
      ...(config.clusterId === null ? {} : { clusterId: config.clusterId }),
    })
    const metadata = await openMetadataNode({
      host,
      codecs,
      logs,
      directory,
      identity,
      config,
      onFailed: (error) => failed.node(error),
    })
    const kept = checkFinalizedFeatures(metadata.image)
    if (kept.length > 0) host.log.warn({ features: kept }, KEPT)
    loadPartitions(logs, metadata, config)
    return { identity, logs, metadata }
  } catch (error) {
    const failure = startFailure(error, logs.metadataDirectory)
    logs.abandon()
    throw failure
  }
}

/**
 * What to tell the operator of a start that failed: where it was the disk, which directory is on it and what to do.
 * @param directory the one with the metadata; of others that fail a start only takes note
 */
export function startFailure(error: unknown, { failure, path }: LogDirectory): unknown {
  const cause = failure?.cause ?? (isSystemError(error) ? error : null)
  if (cause === null || error instanceof LogDirectoryError) return error
  const isFull = /^(ENOSPC|EDQUOT)$/.test((cause as { code?: string }).code ?? '')
  const message = `The log directory ${path}, which has the cluster's metadata, failed: ${messageOf(cause)}. ${isFull ? 'Make room on its disk' : 'Mend it'}, or set log.dirs to another one`
  return new LogDirectoryError('LOG_DIRECTORY_UNUSABLE', message, { cause })
}

function loadPartitions(logs: LogManager, { image }: MetadataNode, config: BrokerConfig): void {
  const nodeId = config.get('node.id')
  const configs = new Map<string, LogConfig>()
  logs.loadPartitions({
    // Asked for each partition, the same for all of a topic.
    configOf: (topic) => {
      const known = configs.get(topic)
      if (known !== undefined) return known
      const settings = topicSettings(config, configOf(image, ResourceType.TOPIC, topic)).log
      configs.set(topic, settings)
      return settings
    },
    isWanted: (topic, partition, topicId) =>
      image.topics.byName.get(topic)?.id === topicId &&
      (partitionOf(image, topic, partition)?.replicas.includes(nodeId) ?? false),
    directoryOf: (topic, partition) => {
      const found = partitionOf(image, topic, partition)
      return found === undefined ? null : directoryOf(found, nodeId)
    },
  })
}
