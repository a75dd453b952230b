import type { ErrorName } from '../../../protocol/errors.ts'
import type { VoterChange } from '../../quorum/voter-changes.ts'
import type { Acl, AclFilter } from '../acls.ts'
import type { EndPoint, FeatureRange } from '../image.ts'
import type { QuotaEntity } from '../quotas.ts'
import type { TokenRecord } from '../tokens.ts'

export interface ErrorOutcome {
  readonly errorCode: ErrorName
  readonly errorMessage: string | null
}

export interface TopicToCreate {
  readonly name: string
  /** -1: the default, or as many as there are assignments. */
  readonly numPartitions: number
  readonly replicationFactor: number
  readonly assignments: readonly {
    readonly partitionIndex: number
    readonly brokerIds: readonly number[]
  }[]
  readonly configs: readonly { readonly name: string; readonly value: string | null }[]
}

export interface CreatedTopic extends ErrorOutcome {
  readonly name: string
  /** All zeros with an error. */
  readonly topicId: string
  /** -1 with an error; so is the replication factor. */
  readonly numPartitions: number
  readonly replicationFactor: number
}

/** Topics by name, or, where the name is null, by id. */
export interface TopicToDelete {
  readonly name: string | null
  readonly topicId: string
}
export interface DeletedTopic extends TopicToDelete, ErrorOutcome {}

export interface PartitionsToCreate {
  readonly name: string
  /** The total that is wanted. */
  readonly count: number
  readonly assignments: readonly { readonly brokerIds: readonly number[] }[] | null
}

/** The operations of IncrementalAlterConfigs. */
export const ConfigOperation = { SET: 0, DELETE: 1, APPEND: 2, SUBTRACT: 3 } as const

export interface ConfigChange {
  readonly name: string
  readonly configOperation: number
  readonly value: string | null
}

export interface ResourceToAlter<Entry> {
  /** As in `ResourceType`. */
  readonly resourceType: number
  readonly resourceName: string
  readonly configs: readonly Entry[]
}

export interface AlteredResource extends ErrorOutcome {
  readonly resourceType: number
  readonly resourceName: string
}

/** A credential as it is to be kept, worked out of what the client has sent. */
export interface ScramUpsertion {
  readonly name: string
  /** 1 SCRAM-SHA-256, 2 SCRAM-SHA-512. */
  readonly mechanism: number
  readonly iterations: number
  readonly salt: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}
export interface UserOutcome extends ErrorOutcome {
  readonly user: string
}

/** [KIP-599] What whoever gives a command may change; without it: anything. */
export interface MutationAllowance {
  /** The command is decided, for the first time or anew: what was taken before counts no more. */
  begin(): void
  /** False: so many partitions are not to be changed now. */
  take(partitions: number): boolean
}

/** What is to become of the quotas of an entity. */
export interface QuotaAlteration {
  readonly entity: QuotaEntity
  readonly ops: readonly {
    readonly key: string
    readonly value: number
    readonly remove: boolean
  }[]
}
export interface QuotaOutcome extends ErrorOutcome {
  readonly entity: QuotaEntity
}

/** A broker that starts; it is fenced until it asks by its heartbeats to serve. */
export interface BrokerRegistration {
  readonly brokerId: number
  readonly clusterId: string
  /** Random, of each life of the process. */
  readonly incarnationId: string
  readonly endPoints: readonly EndPoint[]
  readonly features: readonly FeatureRange[]
  readonly rack: string | null
  /** Directory ids. */
  readonly logDirs: readonly string[]
  /** [KIP-966] Of its last life, where that has ended in order; null where nobody knows. */
  readonly previousBrokerEpoch: number | null
  /** Nothing keeps another process from using its directories. */
  readonly lacksLock?: boolean
}

/** [KIP-919] A controller that has started, the active one too. */
export interface ControllerRegistration {
  readonly controllerId: number
  /** Random, of each life of the process. */
  readonly incarnationId: string
  readonly endPoints: readonly EndPoint[]
  readonly features: readonly FeatureRange[]
}

export interface PartitionToReassign {
  readonly partitionIndex: number
  /** The wanted replicas, the preferred leader first; null to cancel a move under way. */
  readonly replicas: readonly number[] | null
}

/** A replica that a leader has in sync. */
export interface InSyncReplica {
  readonly brokerId: number
  /** As the leader has heard of it; -1: not to be checked. */
  readonly brokerEpoch: number
}

/** What a partition's leader wants of it. */
export interface PartitionToAlter {
  readonly partitionIndex: number
  /** As the leader knows the partition; so is the partition's epoch. */
  readonly leaderEpoch: number
  readonly newIsr: readonly InSyncReplica[]
  /** As in `RecoveryState`. */
  readonly leaderRecoveryState: number
  readonly partitionEpoch: number
}

/** The partition as it is now; with an error all but that is 0. */
export interface AlteredPartition {
  readonly partitionIndex: number
  readonly errorCode: ErrorName
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly isr: readonly number[]
  readonly leaderRecoveryState: number
  readonly partitionEpoch: number
}

/** The partitions in one directory. */
export interface DirectoryAssignments {
  /** The directory's. */
  readonly id: string
  readonly topics: readonly {
    readonly topicId: string
    readonly partitions: readonly { readonly partitionIndex: number }[]
  }[]
}

/** `DirectoryAssignments`, each with NONE, UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION or NOT_LEADER_OR_FOLLOWER. */
export interface DirectoryAssignmentOutcomes {
  readonly id: string
  readonly topics: readonly {
    readonly topicId: string
    readonly partitions: readonly {
      readonly partitionIndex: number
      readonly errorCode: ErrorName
    }[]
  }[]
}

/** The elections of ElectLeaders. */
export const ElectionType = { PREFERRED: 0, UNCLEAN: 1 } as const

/** [KIP-584, KIP-778] The ways in which UpdateFeatures changes a level. */
export const UpgradeType = { UPGRADE: 1, SAFE_DOWNGRADE: 2, UNSAFE_DOWNGRADE: 3 } as const

export interface FeatureUpdate {
  readonly feature: string
  readonly maxVersionLevel: number
  /** As in `UpgradeType`, or what a client has said instead. */
  readonly upgradeType: number
}

/** What became of a filter of DeleteAcls: the ACLs that it meant. */
export interface DeletedAcls extends ErrorOutcome {
  readonly acls: readonly Acl[]
}

/** [KIP-48] Null with an error. */
export interface CreatedToken {
  readonly errorCode: ErrorName
  readonly token: TokenRecord | null
}

/** [KIP-48] Until when a token is good now, by the wall clock. */
export interface TokenOutcome {
  readonly errorCode: ErrorName
  readonly expiryTimestampMs: number
}

/** A change of one token's life. */
export interface TokenChange {
  /** Null where no token has the secret that was given. */
  readonly tokenId: string | null
  /** Type and name. */
  readonly requester: string
  /** From now on; what a negative one means the command says. */
  readonly periodMs: number
}

/** What the controller is asked for, and its replies; the shapes follow the requests of the same names. */
export interface ControllerCommands {
  alterClientQuotas: {
    command: { readonly entries: readonly QuotaAlteration[]; readonly validateOnly: boolean }
    /** One for each entity. */
    reply: readonly QuotaOutcome[]
  }
  createDelegationToken: {
    /** Principals by type and name. */
    command: {
      readonly owner: string
      readonly requester: string
      readonly renewers: readonly string[]
      /** Not above 0: the longest that the cluster allows. */
      readonly maxLifetimeMs: number
    }
    reply: CreatedToken
  }
  /** Negative: as long as the cluster has it. */
  renewDelegationToken: { command: TokenChange; reply: TokenOutcome }
  /** Negative: at once. */
  expireDelegationToken: { command: TokenChange; reply: TokenOutcome }
  alterUserScramCredentials: {
    command: {
      readonly deletions: readonly { readonly name: string; readonly mechanism: number }[]
      readonly upsertions: readonly ScramUpsertion[]
    }
    /** One for each user. */
    reply: readonly UserOutcome[]
  }
  createTopics: {
    command: {
      readonly topics: readonly TopicToCreate[]
      readonly validateOnly: boolean
      readonly allowance?: MutationAllowance | undefined
    }
    reply: readonly CreatedTopic[]
  }
  deleteTopics: {
    command: {
      readonly topics: readonly TopicToDelete[]
      readonly allowance?: MutationAllowance | undefined
    }
    reply: readonly DeletedTopic[]
  }
  createPartitions: {
    command: {
      readonly topics: readonly PartitionsToCreate[]
      readonly validateOnly: boolean
      readonly allowance?: MutationAllowance | undefined
    }
    reply: readonly ({ readonly name: string } & ErrorOutcome)[]
  }
  incrementalAlterConfigs: {
    command: {
      readonly resources: readonly ResourceToAlter<ConfigChange>[]
      readonly validateOnly: boolean
    }
    reply: readonly AlteredResource[]
  }
  /** The legacy form: what is not named is cleared. */
  alterConfigs: {
    command: {
      readonly resources: readonly ResourceToAlter<{
        readonly name: string
        readonly value: string | null
      }>[]
      readonly validateOnly: boolean
    }
    reply: readonly AlteredResource[]
  }
  registerBroker: {
    command: BrokerRegistration
    reply: ErrorOutcome & { readonly brokerEpoch: number }
  }
  /** Forgets a broker that is gone for good. */
  unregisterBroker: {
    command: { readonly brokerId: number }
    reply: ErrorOutcome
  }
  /** [KIP-1312] Forgets a controller that is gone for good. */
  unregisterController: {
    command: { readonly controllerId: number }
    reply: ErrorOutcome
  }
  /** [KIP-853] Who votes in the quorum: decided by the quorum itself, wherever its leader is. */
  changeVoters: {
    command: { readonly change: VoterChange }
    reply: ErrorOutcome
  }
  registerController: {
    command: ControllerRegistration
    reply: ErrorOutcome
  }
  alterPartitionReassignments: {
    command: {
      readonly topics: readonly {
        readonly name: string
        readonly partitions: readonly PartitionToReassign[]
      }[]
      readonly allowReplicationFactorChange: boolean
    }
    reply: readonly {
      readonly name: string
      readonly partitions: readonly ({ readonly partitionIndex: number } & ErrorOutcome)[]
    }[]
  }
  /** [KIP-497] What leaders say of who is in sync with them. */
  alterPartition: {
    command: {
      readonly brokerId: number
      readonly brokerEpoch: number
      readonly topics: readonly {
        readonly topicId: string
        readonly partitions: readonly PartitionToAlter[]
      }[]
    }
    reply: ErrorOutcome & {
      readonly topics: readonly {
        readonly topicId: string
        readonly partitions: readonly AlteredPartition[]
      }[]
    }
  }
  /** AssignReplicasToDirs (KIP-858): where a broker has put its replicas. */
  assignReplicasToDirs: {
    command: {
      readonly brokerId: number
      readonly brokerEpoch: number
      readonly directories: readonly DirectoryAssignments[]
    }
    reply: ErrorOutcome & { readonly directories: readonly DirectoryAssignmentOutcomes[] }
  }
  brokerHeartbeat: {
    command: {
      readonly brokerId: number
      readonly brokerEpoch: number
      /** Up to where this broker has followed the metadata. */
      readonly currentMetadataOffset: number
      readonly wantFence: boolean
      /** It asks for a controlled shutdown: what it leads is led by others first. */
      readonly wantShutDown: boolean
      /** [KIP-858] Directories that can't be used any more. */
      readonly offlineLogDirs: readonly string[]
      /** [KIP-1066] Directories that get no new replicas; null as long as it has not said. */
      readonly cordonedLogDirs: readonly string[] | null
    }
    reply: ErrorOutcome & {
      /** It knows of its own registration, and all that was before. */
      readonly isCaughtUp: boolean
      readonly isFenced: boolean
      /** The controlled shutdown is done. */
      readonly shouldShutDown: boolean
    }
  }
  /** There are signs that a broker's process has ended: of this controller itself, and never over the wire. */
  suspectBroker: {
    command: {
      readonly brokerId: number
      readonly brokerEpoch: number
    }
    /** By this it is fenced, if nothing is heard of it meanwhile; null where it isn't suspected. */
    reply: { readonly suspectedAt: number | null }
  }
  /** The signs were looked into: the process has ended. */
  fenceDeadBroker: {
    command: {
      readonly brokerId: number
      readonly brokerEpoch: number
      /** What `suspectBroker` gave. */
      readonly suspectedAt: number
    }
    reply: { readonly isFenced: boolean }
  }
  electLeaders: {
    command: {
      /** As in `ElectionType`. */
      readonly electionType: number
      /** Null for all partitions: those that need no election are not told. */
      readonly topicPartitions:
        readonly { readonly topic: string; readonly partitions: readonly number[] }[] | null
    }
    reply: readonly {
      readonly topic: string
      readonly partitionResult: readonly ({ readonly partitionId: number } & ErrorOutcome)[]
    }[]
  }
  /** All of the levels change or none does. */
  updateFeatures: {
    command: { readonly featureUpdates: readonly FeatureUpdate[]; readonly validateOnly: boolean }
    reply: ErrorOutcome
  }
  createAcls: {
    command: { readonly acls: readonly Acl[] }
    reply: readonly ErrorOutcome[]
  }
  deleteAcls: {
    command: { readonly filters: readonly AclFilter[] }
    reply: readonly DeletedAcls[]
  }
  allocateProducerIds: {
    command: { readonly brokerId: number; readonly brokerEpoch: number }
    reply: ErrorOutcome & { readonly producerIdStart: number; readonly producerIdLen: number }
  }
}

export type CommandType = keyof ControllerCommands
export type ControllerCommand = {
  [Type in CommandType]: { readonly type: Type } & ControllerCommands[Type]['command']
}[CommandType]
export type ReplyTo<Command extends ControllerCommand> =
  ControllerCommands[Command['type']]['reply']
export type ControllerReply = ControllerCommands[CommandType]['reply']
