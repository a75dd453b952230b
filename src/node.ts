import type { Codecs } from '../protocol/records/codecs.ts'
import { Broker } from './broker/broker.ts'
import type { Address } from './broker/listeners.ts'
import { openFilesOf } from './broker/open-file-shares.ts'
import { warnOfSettings } from './broker/settings.ts'
import { StartError, startFailure } from './broker/start-error.ts'
import type { BrokerConfig } from './config/broker-config.ts'
import { joiningProblem } from './config/joining.ts'
import type { Host } from './host/host.ts'
import type { LogDirectory } from './log/directory/directory.ts'
import { LogManager, type LogManagerOptions } from './log/manager.ts'
import { checkFinalizedFeatures } from './metadata/features.ts'
import { formatIfNeeded } from './metadata/format.ts'
import type { Identity } from './metadata/format.ts'
import { randomId } from './metadata/ids.ts'
import { MetadataNode } from './metadata/node.ts'
import { RequestMemory } from './server/request-memory.ts'

const KEPT =
  'The cluster has finalized features that Ottla does not offer: their state is kept, and clients are not told of them'

/** A node of the cluster: directories, a part in the quorum of the metadata, and its roles. */
export class Node {
  readonly clusterId: string
  /** Resolves only if the node can't go on, with the reason: its last log directory failed, or the metadata log. */
  readonly failed: Promise<Error>
  readonly #logs: LogManager
  readonly #metadata: MetadataNode
  readonly #broker: Broker
  #hasFailed = false
  #closing: Promise<void> | null = null

  /**
   * Takes the directories, formats them on the first start, takes part in the quorum, and starts the roles; resolves when
   * the broker serves.
   * @throws StartError, and errors of the directories, each with a `code` and a message that says what to mend
   */
  static async start(host: Host, codecs: Codecs, config: BrokerConfig): Promise<Node> {
    const refusal = joiningProblem(config, config.listeners, host.network.hostName)
    if (refusal !== null) throw new StartError(refusal)
    const openFiles = openFilesOf(host)
    const memory = new RequestMemory(config.get('queued.max.request.bytes'))
    const failures = new Failures()
    const share = { maxOpenFiles: openFiles.logFiles, requestMemory: memory }
    const logs = openDirectories(host, codecs, config, share, failures)
    const { metadataDirectory: directory } = logs
    const incarnationId = randomId(host.random)
    const fail = (reason: Error): void => failures.fail(reason)
    const parts = { host, codecs, config, logs, incarnationId }
    let node: Node
    try {
      const identity = identify(host, codecs, config, logs)
      const metadata = new MetadataNode({ ...parts, directory, identity, onFailed: fail })
      await metadata.open()
      await metadata.whenCaughtUp()
      const kept = checkFinalizedFeatures(metadata.image)
      if (kept.length > 0) host.log.warn({ features: kept }, KEPT)
      warnOfSettings(config, host.log)
      const { clusterId } = identity
      const broker = new Broker({ ...parts, clusterId, metadata, openFiles, memory, fail })
      failures.takeOffline = (failed) => broker.takeOffline(failed)
      node = new Node(clusterId, logs, metadata, broker, failures)
    } catch (error) {
      logs.abandon()
      throw startFailure(error, directory)
    }
    try {
      await Promise.race([
        node.#broker.start(),
        failures.failed.then((error) => Promise.reject(error)),
      ])
    } catch (error) {
      const failure = startFailure(error, directory)
      await node.close()
      throw failure
    }
    const { clusterId, addresses } = node
    host.log.info({ clusterId, nodeId: config.get('node.id'), addresses }, 'The broker is ready')
    return node
  }

  private constructor(
    clusterId: string,
    logs: LogManager,
    metadata: MetadataNode,
    broker: Broker,
    { failed }: Failures,
  ) {
    this.clusterId = clusterId
    this.#logs = logs
    this.#metadata = metadata
    this.#broker = broker
    this.failed = failed
    void failed.then(() => (this.#hasFailed = true))
  }

  /** Of each listener of the broker, with the real ports; the first one first. */
  get addresses(): readonly Address[] {
    return this.#broker.addresses
  }

  /** Hands over what it leads, finishes the requests in flight, flushes, and leaves nothing running. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    await this.#broker.close(!this.#hasFailed)
    await this.#metadata.close()
    await this.#logs.close(this.#broker.epoch)
  }
}

/** Who has to know of what fails. */
class Failures {
  readonly failed: Promise<Error>
  fail: (reason: Error) => void = () => undefined
  takeOffline: (directory: LogDirectory) => void = () => undefined

  constructor() {
    this.failed = new Promise((resolve) => (this.fail = resolve))
  }
}

function openDirectories(
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

function identify(host: Host, codecs: Codecs, config: BrokerConfig, logs: LogManager): Identity {
  return formatIfNeeded({
    host,
    codecs,
    directories: logs.directories,
    metadataDirectory: logs.metadataDirectory,
    nodeId: config.get('node.id'),
    ...(config.clusterId === null ? {} : { clusterId: config.clusterId }),
  })
}
