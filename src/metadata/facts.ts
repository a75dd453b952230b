import type { MetadataRecord } from '../../protocol/state/metadata-records.ts'
import type { PartitionImage } from './image.ts'

/** What the controller decides: a metadata record, with every field, in the version it is written in. */
export type MetadataFact = MetadataRecord

const NO_LEADER_CHANGE = -2
/** The leader was elected without being in sync, and has not said yet that it is whole. */
const RECOVERING = 1

/** Kafka's limits for one command, so that it doesn't hold up everybody. */
export const MAX_RECORDS_PER_OPERATION = 10_000
export const MAX_PARTITIONS_PER_OPERATION = 10_000

export const topicFact = (name: string, topicId: string): MetadataFact => ({
  type: 'TopicRecord',
  version: 0,
  value: { name, topicId },
})

export const removeTopicFact = (topicId: string): MetadataFact => ({
  type: 'RemoveTopicRecord',
  version: 0,
  value: { topicId },
})

export const configFact = (
  resourceType: number,
  resourceName: string,
  name: string,
  value: string | null,
): MetadataFact => ({
  type: 'ConfigRecord',
  version: 0,
  value: { resourceType, resourceName, name, value },
})

/** A new partition, led by the first of its replicas that is in sync. */
export function newPartition(
  replicas: readonly number[],
  isr: readonly number[],
  directories: readonly string[],
): PartitionImage {
  return {
    replicas,
    directories,
    isr,
    removingReplicas: [],
    addingReplicas: [],
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
    leader: isr[0]!,
    leaderRecoveryState: 0,
    leaderEpoch: 0,
    partitionEpoch: 0,
  }
}

export const partitionFact = (
  topicId: string,
  partitionId: number,
  partition: PartitionImage,
): MetadataFact => ({
  type: 'PartitionRecord',
  version: 2,
  value: {
    partitionId,
    topicId,
    replicas: [...partition.replicas],
    isr: [...partition.isr],
    removingReplicas: [],
    addingReplicas: [],
    leader: partition.leader,
    leaderRecoveryState: partition.leaderRecoveryState,
    leaderEpoch: partition.leaderEpoch,
    partitionEpoch: partition.partitionEpoch,
    directories: [...partition.directories],
    eligibleLeaderReplicas: null,
    lastKnownElr: null,
  },
})

/** What is to change of a partition; what isn't named stays. */
export interface PartitionChange {
  /** The same one begins a new epoch. */
  readonly leader?: number
  readonly isr?: readonly number[]
  readonly replicas?: readonly number[]
  readonly directories?: readonly string[]
  /** Nobody is on the way to other replicas any more. */
  readonly endsReassignment?: boolean
}

export const partitionChangeFact = (
  topicId: string,
  partitionId: number,
  {
    leader = NO_LEADER_CHANGE,
    isr,
    replicas,
    directories,
    endsReassignment = false,
  }: PartitionChange,
): MetadataFact => ({
  type: 'PartitionChangeRecord',
  version: 2,
  value: {
    partitionId,
    topicId,
    isr: isr === undefined ? null : [...isr],
    leader,
    replicas: replicas === undefined ? null : [...replicas],
    removingReplicas: endsReassignment ? [] : null,
    addingReplicas: endsReassignment ? [] : null,
    leaderRecoveryState: -1,
    directories: directories === undefined ? null : [...directories],
    eligibleLeaderReplicas: null,
    lastKnownElr: null,
  },
})

/** A new leader, or the same one in a new epoch. */
export const leaderFact = (topicId: string, partitionId: number, leader: number): MetadataFact =>
  partitionChangeFact(topicId, partitionId, { leader })

/** A leader that was not in sync: its records are the truth from now on, and nobody else is in sync with it. */
export const uncleanLeaderFact = (
  topicId: string,
  partitionId: number,
  leader: number,
): MetadataFact => {
  const fact = partitionChangeFact(topicId, partitionId, { leader, isr: [leader] })
  if (fact.type !== 'PartitionChangeRecord') return fact
  return { ...fact, value: { ...fact.value, leaderRecoveryState: RECOVERING } }
}

/** A leader that was eligible only: it is the ISR again, and nobody else is eligible. */
export const eligibleLeaderFact = (
  topicId: string,
  partitionId: number,
  leader: number,
): MetadataFact => ({
  type: 'PartitionChangeRecord',
  version: 2,
  value: {
    partitionId,
    topicId,
    isr: [leader],
    leader,
    replicas: null,
    removingReplicas: null,
    addingReplicas: null,
    leaderRecoveryState: -1,
    directories: null,
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
  },
})

export const beginFact = (name: string): MetadataFact => ({
  type: 'BeginTransactionRecord',
  version: 0,
  value: { name },
})

export const endFact: MetadataFact = { type: 'EndTransactionRecord', version: 0, value: {} }

export const abortFact = (reason: string): MetadataFact => ({
  type: 'AbortTransactionRecord',
  version: 0,
  value: { reason },
})

export const featureFact = (name: string, featureLevel: number): MetadataFact => ({
  type: 'FeatureLevelRecord',
  version: 0,
  value: { name, featureLevel },
})
