import type { Codecs } from '../../protocol/records/codecs.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { BrokerConfig } from '../config/broker-config.ts'
import type { QuorumMembership } from '../config/joining.ts'
import { formatAddress } from '../host/address.ts'
import type { Host } from '../host/host.ts'
import type { LogManager } from '../log/manager.ts'
import { hasFormedItself } from '../metadata/bootstrap.ts'
import { applyDynamicConfig, followDynamicConfig } from '../metadata/dynamic-config.ts'
import { checkFinalizedFeatures, SUPPORTED_FEATURES } from '../metadata/features.ts'
import type { Identity } from '../metadata/format.ts'
import { MetadataNode } from '../metadata/node.ts'
import { towards } from '../peer/security.ts'
import { ClientQuotas } from '../quota/client-quotas.ts'
import { quotaWindows } from '../quota/settings.ts'
import type { ReplicaKey, Voter } from '../quorum/types.ts'
import { WirePeers } from '../quorum/wire/peers.ts'
import { RaftServer } from '../quorum/wire/server.ts'
import type { NodeSecurity } from '../security/listener-security.ts'
import { configuredAuthorizer } from '../security/standard-authorizer.ts'
import type { StandardAuthorizer } from '../security/standard-authorizer.ts'
import type { Address } from '../server/listeners.ts'
import type { RequestMemory } from '../server/request-memory.ts'
import { StartError } from '../server/start-error.ts'
import { ControllerRole } from './controller-role.ts'
import { DeadBrokers } from './dead-brokers.ts'
import { othersStopped } from './others-stopping.ts'
import { OwnVote } from './own-vote.ts'
import { SelfRegistration } from './registration.ts'

const KEPT =
  'The cluster has finalized features that Ottla does not offer: their state is kept, and clients are not told of them'

/** What a member of the quorum has of its node. */
export interface MemberParts {
  readonly host: Host
  readonly codecs: Codecs
  readonly config: BrokerConfig
  readonly logs: LogManager
  readonly identity: Identity
  readonly membership: QuorumMembership
  /** Of this life of the process. */
  readonly incarnationId: string
  /** How many connections the process's limit of open files has room for. */
  readonly maxSockets: number
  readonly memory: RequestMemory
  readonly security: NodeSecurity
  /** The node can't go on. */
  readonly fail: (reason: Error) => void
}

/** A node's part in the quorum of the metadata: one of its controllers, or an observer. */
export class QuorumMember {
  readonly metadata: MetadataNode
  /** Of all roles of the node; null: everybody may do everything. */
  readonly authorizer: StandardAuthorizer | null
  /** What clients may use of this node, in whatever role they ask it. */
  readonly quotas: ClientQuotas
  readonly #parts: MemberParts
  readonly #peers: WirePeers
  /** Null in a node that is no controller. */
  readonly #role: ControllerRole | null
  readonly #deadBrokers: DeadBrokers
  #caughtUp: Promise<void> = Promise.resolve()
  #registration: SelfRegistration | null = null
  #ownVote: OwnVote | null = null
  #isClosed = false

  constructor(parts: MemberParts) {
    const { host, config, logs, identity, membership, security, fail } = parts
    const { clusterId, nodeId: id, directoryId } = identity
    const self: ReplicaKey = { id, directoryId }
    const listenerName = config.get('controller.listener.names')[0] ?? 'CONTROLLER'
    this.#parts = parts
    this.#peers = new WirePeers({
      host: towards(host, security.controllers),
      self,
      clusterId,
      listenerName,
      endpoints: () => this.#role?.endpoints ?? [],
      servers: membership.servers,
      requestTimeoutMs: config.get('controller.quorum.request.timeout.ms'),
      looksForDeadLeader: config.get('ottla.controller.quorum.dead.leader.evidence.enable'),
      lookAtBrokerOf: (controllerId) => this.#deadBrokers.lookAtBrokerOf(controllerId),
    })
    this.metadata = new MetadataNode({
      ...parts,
      directory: logs.metadataDirectory,
      quorum: { voters: votersOf(membership, self, listenerName), peers: this.#peers },
      onFailed: fail,
    })
    this.authorizer = configuredAuthorizer(config, host)
    if (this.authorizer !== null) this.#follow(this.authorizer)
    this.quotas = new ClientQuotas(quotaWindows(config))
    this.#follow(this.quotas)
    const raft = new RaftServer({
      quorum: () => this.metadata.quorum!,
      self,
      clusterId,
      listenerName,
      learn: (leader, epoch) => this.#peers.learn(leader, epoch),
    })
    this.#deadBrokers = new DeadBrokers({
      host,
      clusterId,
      nodeId: id,
      metadata: this.metadata,
      lookAtBroker: () => this.#peers.lookAtBroker,
      isEnabled: config.get('ottla.broker.dead.process.evidence.enable'),
    })
    const isController = config.get('process.roles').includes('controller')
    this.#role = isController
      ? new ControllerRole({
          ...parts,
          clusterId,
          authorizer: this.authorizer,
          quotas: this.quotas,
          metadata: this.metadata,
          raft,
          heartbeats: this.#deadBrokers,
        })
      : null
  }

  /** Of the controller's listeners, with the real ports. */
  get addresses(): readonly Address[] {
    return this.#role?.addresses ?? []
  }

  /**
   * Takes the controller's ports, and its part in the quorum; neither where it is closed meanwhile.
   * @throws StartError, and errors of the metadata log
   */
  async start(): Promise<void> {
    await this.#role?.listen()
    if (this.#isClosed) return
    await this.metadata.open()
    if (this.#isClosed) return
    this.#role?.serve()
    this.#caughtUp = this.#catchUp()
    // Who waits for it has the error, too.
    this.#caughtUp.catch((error: Error) => this.#parts.fail(error))
  }

  /**
   * Resolves when the image has all that the quorum had committed when this node came to it. To be called after `start`.
   * @throws FeatureError where the cluster has finalized what this node can't follow
   */
  whenCaughtUp(): Promise<void> {
    return this.#caughtUp
  }

  /** Before anybody else is told of the image. */
  #follow(one: StandardAuthorizer | ClientQuotas): void {
    void this.metadata.whenCaughtUp().then(() => one.load(this.metadata.image))
    this.metadata.onChange((delta, image) => one.follow(delta, image))
  }

  async #catchUp(): Promise<void> {
    await this.metadata.whenCaughtUp()
    const kept = checkFinalizedFeatures(this.metadata.image)
    if (kept.length > 0) this.#parts.host.log.warn({ features: kept }, KEPT)
    this.#checkOwnId()
    this.#followConfig()
    this.#register()
  }

  /**
   * A broker must not have the id of a voter on another disk: before the quorum counts disks, it would count what the broker has in
   * that one's place. Kafka's serves.
   */
  #checkOwnId(): void {
    if (this.#role !== null) return
    const { nodeId: id, directoryId } = this.#parts.identity
    const { kraftVersion, image, quorum } = this.metadata
    const voter = quorum!.describe().voters.find((each) => each.id === id)
    const registration = image.controllers.get(id)
    const isVoter =
      kraftVersion === 0
        ? registration !== undefined
        : voter !== undefined && voter.directoryId !== directoryId
    if (!isVoter) return
    const [endpoint] = [...(voter?.endpoints ?? []), ...(registration?.endPoints ?? [])]
    const where = endpoint === undefined ? '' : ` at ${formatAddress(endpoint)}`
    throw new StartError(
      `The controller${where} has the id of this broker, ${id}: give this one another node.id, and directories of its own. Where that controller is gone for good, take it out with ottla quorum remove ${id}`,
    )
  }

  /** Where there is a broker, that does it when its logs are there to be configured. */
  #followConfig(): void {
    const { config, host } = this.#parts
    if (config.get('process.roles').includes('broker')) return
    applyDynamicConfig(config, this.metadata.image, host.log)
    this.metadata.onChange((delta, image) => {
      followDynamicConfig(config, delta, image, host.log)
    })
  }

  /** The only node of a cluster may have no controller listener: nobody asks where that is. */
  #register(): void {
    const { host, identity, incarnationId, security } = this.#parts
    const role = this.#role
    if (role === null || role.addresses.length === 0 || this.#isClosed) return
    const registration = {
      controllerId: identity.nodeId,
      incarnationId,
      endPoints: role.advertised,
      features: SUPPORTED_FEATURES,
    }
    const { metadata } = this
    this.#ownVote = this.#makeOwnVote(role)
    const way = towards(host, security.controllers)
    this.#registration = new SelfRegistration({ host: way, metadata, registration })
    this.#deadBrokers.start()
  }

  #makeOwnVote({ endpoints }: ControllerRole): OwnVote {
    const { host, config, identity, logs, membership, security } = this.#parts
    const { clusterId, nodeId: id, directoryId } = identity
    return new OwnVote({
      host: towards(host, security.controllers),
      clusterId,
      metadata: this.metadata,
      quorum: this.metadata.quorum!,
      self: { id, directoryId, endpoints },
      raises: membership.kind === 'static' && hasFormedItself(host, logs.metadataDirectory.path),
      joins: config.get('controller.quorum.auto.join.enable'),
      intervalMs: config.get('controller.quorum.fetch.timeout.ms'),
    })
  }

  /** Hands the lead over, answers who has asked, and leaves nothing running but the log. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#deadBrokers.close()
    this.#registration?.close()
    this.#ownVote?.close()
    const { host, identity } = this.#parts
    if (this.#role !== null) await othersStopped(host.clock, this.metadata, identity.nodeId)
    await this.metadata.close()
    await this.#peers.settled()
    await this.#role?.close()
    this.#peers.close()
    this.authorizer?.close()
  }
}

/** Those that count where the log names none. */
function votersOf(
  { kind, voters }: QuorumMembership,
  self: ReplicaKey,
  listenerName: string,
): readonly Voter[] {
  if (kind === 'dynamic') return []
  if (kind === 'alone') return [{ ...self, endpoints: [] }]
  return voters.map(({ id, host, port }) => ({
    id,
    directoryId: ZERO_UUID,
    endpoints: [{ name: listenerName, host, port }],
  }))
}
