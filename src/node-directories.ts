import type { Codecs } from '../protocol/records/codecs.ts'
import type { BrokerConfig } from './config/broker-config.ts'
import type { QuorumMembership } from './config/joining.ts'
import type { Host } from './host/host.ts'
import type { LogDirectory } from './log/directory/directory.ts'
import { LogManager, type LogManagerOptions } from './log/manager.ts'
import { formatIfNeeded } from './metadata/format.ts'
import type { Identity } from './metadata/format.ts'
import type { VoterEndpoint } from './quorum/types.ts'

/** Who has to know of what fails. */
export class Failures {
  readonly failed: Promise<Error>
  fail: (reason: Error) => void = () => undefined
  takeOffline: (directory: LogDirectory) => void = () => undefined

  constructor() {
    this.failed = new Promise((resolve) => (this.fail = resolve))
  }
}

/** Opens the directories of `log.dirs`, or goes on without those that fail. */
export function openDirectories(
  host: Host,
  codecs: Codecs,
  config: BrokerConfig,
  share: Pick<LogManagerOptions, 'maxOpenFiles' | 'requestMemory'>,
  failures: Failures,
): LogManager {
  const directories = config.logDirectories.map((path) => host.disk.absolutePath(path))
  const metadataPath = config.get('metadata.log.dir')
  const metadataDirectory = host.disk.absolutePath(metadataPath ?? directories[0]!)
  const logs: LogManager = LogManager.open({
    host,
    codecs,
    directories,
    metadataDirectory,
    ...share,
    onDirectoryFailed: (directory, error) => {
      failures.takeOffline(directory)
      const isLast = logs.directories.every(({ failure }) => failure !== null)
      if (isLast || directory.path === metadataDirectory) failures.fail(error)
    },
  })
  return logs
}

/**
 * Whether nothing says which cluster a node is of, and others know: the voters of a static quorum agree on one, and a broker learns
 * it. What is wrong with the directories is told when they are formatted.
 */
export function lacksCluster(
  config: BrokerConfig,
  { directories, metadataDirectory }: LogManager,
  { kind }: QuorumMembership,
): boolean {
  if (config.clusterId !== null || kind === 'alone') return false
  if (kind === 'dynamic' && config.get('process.roles').includes('controller')) return false
  return [metadataDirectory, ...directories].every(
    ({ failure, metaProperties }) => failure === null && metaProperties === null,
  )
}

/**
 * Whose the directories are; on the first start they are made this node's.
 * @param clusterId the one that it is of; null where that is known here, or this start makes it
 */
export function identify(
  host: Host,
  codecs: Codecs,
  config: BrokerConfig,
  logs: LogManager,
  { kind }: QuorumMembership,
  clusterId: string | null,
): Identity {
  return formatIfNeeded({
    host,
    codecs,
    directories: logs.directories,
    metadataDirectory: logs.metadataDirectory,
    nodeId: config.get('node.id'),
    controllerEndpoints: controllerEndpoints(config, host.network.hostName),
    quorum: config.get('process.roles').includes('controller') ? kind : null,
    ...(clusterId === null ? {} : { clusterId }),
  })
}

/** Where the only voter of a new cluster is, so that others may join it later; a port that the system chooses isn't known yet. */
function controllerEndpoints({ listeners }: BrokerConfig, hostName: string): VoterEndpoint[] {
  return listeners.advertisedController
    .filter(({ port }) => port !== 0)
    .map(({ listener: name, host, port }) => ({ name, host: host === '' ? hostName : host, port }))
}
