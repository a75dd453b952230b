import type { Codecs } from '../protocol/records/codecs.ts'
import { Broker } from './broker/broker.ts'
import type { BrokerParts } from './broker/broker.ts'
import { firstMetadata } from './broker/first-metadata.ts'
import { openFilesOf } from './broker/open-file-shares.ts'
import { warnOfSettings } from './broker/settings.ts'
import type { BrokerConfig } from './config/broker-config.ts'
import { quorumMembership } from './config/joining.ts'
import { findCluster } from './controller/forming.ts'
import { QuorumMember } from './controller/quorum-member.ts'
import type { Host } from './host/host.ts'
import type { LogManager } from './log/manager.ts'
import { randomId } from './metadata/ids.ts'
import { Failures, identify, lacksCluster, openDirectories } from './node-directories.ts'
import type { Address } from './server/listeners.ts'
import { NodeSecurity } from './security/listener-security.ts'
import { RequestMemory } from './server/request-memory.ts'
import { startFailure } from './server/start-error.ts'

/** A node of the cluster: directories, a part in the quorum, and its roles. */
export class Node {
  readonly clusterId: string
  /** Resolves only if the node can't go on, with the reason: its last log directory failed, or the metadata log. */
  readonly failed: Promise<Error>
  readonly #logs: LogManager
  readonly #member: QuorumMember
  readonly #security: NodeSecurity
  readonly #isBroker: boolean
  #broker: Broker | null = null
  #hasFailed = false
  #handingOver: Promise<void> | null = null
  #closing: Promise<void> | null = null

  /**
   * Takes the directories, formats them on the first start, takes part in the quorum, and starts the roles; resolves when
   * the broker serves. A node that is only a controller need not have met the others by then.
   * @param signal gives up a start that is not done yet: what was taken is given back
   * @throws StartError, and errors of the directories, each with a `code` and a message that says what to mend
   */
  static async start(
    host: Host,
    codecs: Codecs,
    config: BrokerConfig,
    signal?: AbortSignal,
  ): Promise<Node> {
    const security = await NodeSecurity.open(host, config)
    try {
      return await Node.#startSecured(host, codecs, config, security, signal)
    } catch (error) {
      security.close()
      throw error
    }
  }

  static async #startSecured(
    host: Host,
    codecs: Codecs,
    config: BrokerConfig,
    security: NodeSecurity,
    signal: AbortSignal | undefined,
  ): Promise<Node> {
    const membership = quorumMembership(config, config.listeners, host.network.hostName)
    const openFiles = openFilesOf(host, config.listeners)
    const memory = new RequestMemory(config.get('queued.max.request.bytes'))
    const failures = new Failures()
    const share = { maxOpenFiles: openFiles.logFiles, requestMemory: memory }
    const logs = openDirectories(host, codecs, config, share, failures)
    const { metadataDirectory: directory } = logs
    const fail = (reason: Error): void => failures.fail(reason)
    const incarnationId = randomId(host.random)
    const own = { incarnationId, openFiles, memory, security, fail }
    const parts = { host, codecs, config, logs, ...own }
    let node: Node
    try {
      const { controllerConnections: maxSockets } = openFiles
      const clusterId = lacksCluster(config, logs, membership)
        ? await findCluster({ host, config, membership, maxSockets, memory, security, signal })
        : config.clusterId
      const identity = identify(host, codecs, config, logs, membership, clusterId)
      warnOfSettings(config, host.log)
      const member = new QuorumMember({ ...parts, identity, membership, maxSockets })
      const isBroker = config.get('process.roles').includes('broker')
      node = new Node(identity.clusterId, isBroker, logs, member, security, failures)
    } catch (error) {
      logs.abandon()
      throw startFailure(error, directory)
    }
    try {
      await Promise.race([
        node.#startRoles(parts, failures, signal),
        failures.failed.then((error) => Promise.reject(error)),
        ...(signal === undefined ? [] : [aborted(signal)]),
      ])
    } catch (error) {
      const failure = startFailure(error, directory)
      await node.close()
      throw failure
    }
    const { clusterId, addresses } = node
    const role = node.#broker === null ? 'controller' : 'broker'
    host.log.info({ clusterId, nodeId: config.get('node.id'), addresses }, `The ${role} is ready`)
    return node
  }

  private constructor(
    clusterId: string,
    isBroker: boolean,
    logs: LogManager,
    member: QuorumMember,
    security: NodeSecurity,
    { failed }: Failures,
  ) {
    this.clusterId = clusterId
    this.#isBroker = isBroker
    this.#logs = logs
    this.#member = member
    this.#security = security
    this.failed = failed
    void failed.then(() => (this.#hasFailed = true))
  }

  /** Of each listener of the broker, else of the controller, with the real ports; the first one first. */
  get addresses(): readonly Address[] {
    return this.#broker?.addresses ?? this.#member.addresses
  }

  /**
   * Hands over what it leads, and finishes the requests in flight. Its part in the quorum goes on: where all nodes stop at
   * once, each needs more than half of the controllers for this, and none may leave before all have done it.
   */
  handOver(): Promise<void> {
    return (this.#handingOver ??= this.#broker?.close(!this.#hasFailed) ?? Promise.resolve())
  }

  /** Hands over what it leads, finishes the requests in flight, flushes, and leaves nothing running. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #startRoles(
    parts: Omit<BrokerParts, 'clusterId' | 'metadata' | 'authorizer' | 'quotas'>,
    failures: Failures,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { authorizer, metadata, quotas } = this.#member
    await this.#member.start()
    if (!this.#isBroker || this.#closing !== null) return
    const { host, config } = parts
    await firstMetadata(this.#member.whenCaughtUp(), host, config, signal)
    const broker = new Broker({ ...parts, clusterId: this.clusterId, metadata, authorizer, quotas })
    failures.takeOffline = (failed) => broker.takeOffline(failed)
    this.#broker = broker
    await broker.start()
  }

  async #close(): Promise<void> {
    await this.handOver()
    await this.#member.close()
    this.#security.close()
    // What was not looked at must be recovered at the next start all the same.
    if (this.#isBroker && this.#broker?.hasLogs !== true) this.#logs.abandon()
    else await this.#logs.close(this.#broker?.epoch ?? -1)
  }
}

/** Rejects when nobody wants any more what goes on. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const reason = (): void => reject(signal.reason as Error)
    if (signal.aborted) reason()
    else signal.addEventListener('abort', reason, { once: true })
  })
}
