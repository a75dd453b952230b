import type { ErrorName } from '../../protocol/errors.ts'
import type { ListenerKind } from '../../protocol/schema.ts'
import type { BrokerConfig } from '../config/broker-config.ts'
import type { GroupCoordinator } from '../coordinators/group/coordinator.ts'
import type { TransactionCoordinator } from '../coordinators/transaction/coordinator.ts'
import type { Clock, DiskSpace, Logger } from '../host/host.ts'
import type { RatedLog } from '../host/rated-log.ts'
import type { ProducerIds } from '../coordinators/producer-ids.ts'
import type { LogManager } from '../log/manager.ts'
import type { ClusterView } from '../metadata/cluster-view.ts'
import type { ControllerChannel } from '../metadata/controller/channel.ts'
import type { ControllerCommand, ReplyTo } from '../metadata/controller/commands.ts'
import type { QuotaRecord } from '../metadata/quotas.ts'
import type { scramUsers } from '../metadata/scram.ts'
import type { RaftServer } from '../quorum/wire/server.ts'
import type { DirectoryMoves } from '../replication/directories/moves.ts'
import type { FetchMemory } from '../log/read/memory.ts'
import type { FollowerPatience } from '../replication/fetch/patience.ts'
import type { Presence } from '../replication/fetch/presence.ts'
import type { FetchSessionCache } from '../replication/fetch/session.ts'
import type { ReplicationQuota } from '../replication/quota/replication-quota.ts'
import type { ReplicaManager } from '../replication/replica-manager.ts'
import type { TransactionGate } from '../replication/transaction-gate.ts'
import type { MarkerWriter } from '../replication/transactions.ts'
import type { Principal } from '../security/authentication.ts'
import type { Authorizer } from '../security/authorizer.ts'
import type { FindCredential } from '../security/sasl/scram.ts'
import type { DelegationTokens } from '../security/tokens/delegation-tokens.ts'

/** What every node has for those who serve its listeners, whatever its roles. */
export interface NodeServices {
  /** Whom the listeners are for. */
  readonly kind: ListenerKind
  readonly log: Logger
  /** For what clients do wrong. */
  readonly faults: RatedLog
  readonly clock: Clock
  /** Null: everybody may do everything. */
  readonly authorizer: Authorizer | null
  readonly config: BrokerConfig
  readonly controller: ControllerAccess
  /** What the cluster knows of a user of SCRAM. */
  readonly scramCredential: FindCredential
  /** The users of SCRAM, with their mechanisms by Kafka's numbers. */
  scramUsers(): ReturnType<typeof scramUsers>
  readonly tokens: DelegationTokens
  /** The cluster as this node knows it now. */
  cluster(): ClusterView
  features(): FeatureLevels
  /** Resolves when what the cluster has decided so far is done here: new partitions of a broker serve. */
  settled(): Promise<void>
}

/** What the handlers on a broker's listeners need. The broker puts one such object together, and every request has it. */
export interface BrokerServices extends NodeServices {
  readonly replicas: ReplicaManager
  readonly fetchSessions: FetchSessionCache
  readonly fetchMemory: FetchMemory
  /** Of followers: they don't wait for slow consumers, since others wait for them. */
  readonly replicaFetchMemory: FetchMemory
  readonly followers: FollowerConnections
  /** [KIP-73] Of what followers fetch of throttled partitions. */
  readonly leaderQuota: ReplicationQuota
  readonly followerPatience: FollowerPatience
  readonly producerIds: ProducerIds
  readonly groups: GroupCoordinator
  /** Of transactions, into partitions that this broker leads. */
  readonly markers: MarkerWriter
  /** For records of transactions. */
  readonly transactionGate: TransactionGate
  readonly transactions: TransactionCoordinator
  readonly moves: Pick<DirectoryMoves, 'alter'>
  readonly logs: Pick<LogManager, 'directories' | 'get'>
  /** Whether the controller has heard of this broker for as long as a session lasts; else it may have others lead by now. */
  hasSession(): boolean
  /** Clients are told for a moment that what this broker leads, as far as it knows, has no leader. */
  doubtItself(): void
  /**
   * Resolves when each of these brokers is known to live still or to have ended, or can't be told from one that does: to be asked
   * before a client is told that they lead, for it may know better. Never rejects.
   */
  heardOf(brokerIds: readonly number[]): Promise<void>
  /** What clients may use, as this broker knows it. */
  quotas(): Iterable<QuotaRecord>
  /** The size of the volume that a directory is on. */
  spaceOf(path: string): DiskSpace
  /**
   * Makes topics that a client named; those that could not be made, with the error to tell.
   * @param client in whose name; null for this broker's own
   */
  createTopicsAutomatically(
    names: readonly string[],
    client: AskingClient | null,
  ): Promise<ReadonlyMap<string, ErrorName>>
}

/** What the handlers on a controller's listeners need. */
export interface ControllerServices extends NodeServices {
  /** This node's part in the quorum, as its other nodes ask it. */
  readonly raft: RaftServer
  readonly heartbeats: HeartbeatConnections
}

/** Who is told of the connections that followers fetch by: their end is a sign. */
export interface FollowerConnections {
  /** @param presence of the follower, on a connection that is there */
  fetched(brokerId: number, presence: Presence): void
}

/** Who is told of the connections that brokers' heartbeats come by: their end is a sign. */
export interface HeartbeatConnections {
  /** @param presence of the broker, on a connection that is there */
  heard(brokerId: number, brokerEpoch: number, presence: Presence): void
}

/** KIP-584. `supported`: what this broker could do; `finalized`: what the cluster has agreed on, as of `epoch`. */
export interface FeatureLevels {
  readonly supported: readonly { name: string; minVersion: number; maxVersion: number }[]
  readonly finalized: readonly { name: string; minVersionLevel: number; maxVersionLevel: number }[]
  readonly epoch: number
}

/** What the controller must know of a client to judge it. */
export interface AskingClient {
  readonly clientId: string
  readonly principal: Principal
  readonly connection: { readonly host: string }
}

/** What the handlers ask of the controller. */
export interface ControllerAccess extends ControllerChannel {
  /** @param client in whose name, where the controller is another node and judges that; this node's own unless given */
  submit<Command extends ControllerCommand>(
    command: Command,
    client?: AskingClient,
  ): Promise<ReplyTo<Command>>
  /** Whether this node is the active controller now. */
  readonly isController: boolean
  describeQuorum(): QuorumState
}

/** The quorum as this node sees it. */
export interface QuorumState {
  /** -1 when unknown. */
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly highWatermark: number
  readonly currentVoters: readonly QuorumReplica[]
  readonly observers: readonly QuorumReplica[]
  /** The voters with their controller listeners. */
  readonly voters: readonly {
    readonly id: number
    readonly endpoints: readonly {
      readonly name: string
      readonly host: string
      readonly port: number
    }[]
  }[]
}

export interface QuorumReplica {
  readonly id: number
  readonly directoryId: string
  readonly logEndOffset: number
  /** Milliseconds since 1970, -1 when unknown; so is the other. */
  readonly lastFetchTimestamp: number
  readonly lastCaughtUpTimestamp: number
}
