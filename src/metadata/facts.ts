import type { MetadataRecord } from '../../protocol/state/metadata-records.ts'
import type { Acl } from './acls.ts'
import type { PartitionImage } from './image.ts'

/** What the controller decides: a metadata record, with every field, in the version it is written in. */
export type MetadataFact = MetadataRecord

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
    removingReplicas: [...partition.removingReplicas],
    addingReplicas: [...partition.addingReplicas],
    leader: partition.leader,
    leaderRecoveryState: partition.leaderRecoveryState,
    leaderEpoch: partition.leaderEpoch,
    partitionEpoch: partition.partitionEpoch,
    directories: [...partition.directories],
    eligibleLeaderReplicas: someOf(partition.eligibleLeaderReplicas),
    lastKnownElr: someOf(partition.lastKnownElr),
  },
})

/** Null stands for none. */
function someOf(ids: readonly number[]): number[] | null {
  return ids.length === 0 ? null : [...ids]
}

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

export const aclFact = (id: string, acl: Acl): MetadataFact => ({
  type: 'AccessControlEntryRecord',
  version: 0,
  value: { ...acl, id },
})

export const removeAclFact = (id: string): MetadataFact => ({
  type: 'RemoveAccessControlEntryRecord',
  version: 0,
  value: { id },
})
