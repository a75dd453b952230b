import type { MetadataRecord } from '../../protocol/state/metadata-records.ts'
import { LOST_DIRECTORY, MIGRATING_DIRECTORY, UNASSIGNED_DIRECTORY } from './ids.ts'
import type { ReadonlyTable } from './table.ts'
import { Table } from './table.ts'

/** A partition that has no leader. */
export const NO_LEADER = -1

/** One partition as the controller last decided. */
export interface PartitionImage {
  /** Broker ids, the preferred leader first. */
  readonly replicas: readonly number[]
  /** A directory id for each replica. */
  readonly directories: readonly string[]
  readonly isr: readonly number[]
  readonly removingReplicas: readonly number[]
  readonly addingReplicas: readonly number[]
  readonly eligibleLeaderReplicas: readonly number[]
  readonly lastKnownElr: readonly number[]
  /** -1: none. */
  readonly leader: number
  /** 0 recovered, 1 recovering after an unclean election. */
  readonly leaderRecoveryState: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
}

export interface TopicImage {
  readonly name: string
  readonly id: string
  /** By partition number. */
  readonly partitions: readonly PartitionImage[]
}

export interface EndPoint {
  readonly name: string
  readonly host: string
  readonly port: number
  /** 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL. */
  readonly securityProtocol: number
}

export interface FeatureRange {
  readonly name: string
  readonly minSupportedVersion: number
  readonly maxSupportedVersion: number
}

export interface BrokerImage {
  readonly id: number
  /** The offset of its registration. */
  readonly epoch: number
  readonly incarnationId: string
  readonly endPoints: readonly EndPoint[]
  readonly features: readonly FeatureRange[]
  readonly rack: string | null
  /** Fenced brokers lead nothing and are not shown to clients. */
  readonly fenced: boolean
  readonly inControlledShutdown: boolean
  readonly logDirs: readonly string[]
  readonly cordonedLogDirs: readonly string[] | null
}

export interface ControllerImage {
  readonly id: number
  readonly incarnationId: string
  readonly endPoints: readonly EndPoint[]
  readonly features: readonly FeatureRange[]
}

/** Kafka's numbers for what a dynamic setting belongs to. */
export const ResourceType = { TOPIC: 2, BROKER: 4, CLIENT_METRICS: 16, GROUP: 32 } as const

/** The dynamic settings of one resource, by name. */
export type ResourceConfig = ReadonlyMap<string, string>

export interface TopicsImage {
  readonly byName: ReadonlyTable<TopicImage>
  readonly byId: ReadonlyTable<TopicImage>
}

/** Everything that the metadata log says up to an offset. Never changes; versions share what did not change. */
export interface MetadataImage {
  /** Of the last record in it, -1 when empty; and its raft epoch. */
  readonly offset: number
  readonly epoch: number
  readonly topics: TopicsImage
  /** By `resourceKey(type, name)`. */
  readonly configs: ReadonlyTable<ResourceConfig>
  readonly brokers: ReadonlyMap<number, BrokerImage>
  readonly controllers: ReadonlyMap<number, ControllerImage>
  /** Finalized levels by name, metadata.version among them; those at 0 are absent. */
  readonly features: ReadonlyMap<string, number>
  /** -1 before the first block was handed out. */
  readonly nextProducerId: number
  /** Quotas, credentials, access rules and tokens as records, for snapshots and those who read them. */
  readonly others: ReadonlyTable<MetadataRecord>
}

export const EMPTY_IMAGE: MetadataImage = Object.freeze({
  offset: -1,
  epoch: 0,
  topics: { byName: Table.empty<TopicImage>(), byId: Table.empty<TopicImage>() },
  configs: Table.empty<ResourceConfig>(),
  brokers: new Map<number, BrokerImage>(),
  controllers: new Map<number, ControllerImage>(),
  features: new Map<string, number>(),
  nextProducerId: -1,
  others: Table.empty<MetadataRecord>(),
})

const NO_CONFIG: ResourceConfig = new Map()

/** Where the settings of a resource are kept. The name is empty for the default of all brokers. */
export function resourceKey(resourceType: number, resourceName: string): string {
  return `${resourceType} ${resourceName}`
}

/** What settings are of. */
export interface ResourceName {
  readonly resourceType: number
  readonly resourceName: string
}

/** The reverse of `resourceKey`. */
export function resourceOf(key: string): ResourceName {
  const space = key.indexOf(' ')
  return { resourceType: Number(key.slice(0, space)), resourceName: key.slice(space + 1) }
}

/** The dynamic settings of a resource; empty where there are none. */
export function configOf(
  image: MetadataImage,
  resourceType: number,
  resourceName: string,
): ResourceConfig {
  return image.configs.get(resourceKey(resourceType, resourceName)) ?? NO_CONFIG
}

/** The partition of a topic by name, if there is one. */
export function partitionOf(
  image: MetadataImage,
  topic: string,
  partition: number,
): PartitionImage | undefined {
  return image.topics.byName.get(topic)?.partitions[partition]
}

/** The directory that a broker's replica of a partition is in; as unassigned as those of old records. */
export function directoryOf(
  { replicas, directories }: Pick<PartitionImage, 'replicas' | 'directories'>,
  brokerId: number,
): string {
  return directories[replicas.indexOf(brokerId)] ?? UNASSIGNED_DIRECTORY
}

/** Whether this stands for a directory that the broker chooses, or has chosen and not told yet. */
export function isUnassigned(directoryId: string): boolean {
  return directoryId === UNASSIGNED_DIRECTORY || directoryId === MIGRATING_DIRECTORY
}

/** [KIP-858] Whether a broker can use its directory of this id. Those without a real id are its own to choose. */
export function hasOnlineDirectory(logDirs: readonly string[], directoryId: string): boolean {
  if (isUnassigned(directoryId)) return true
  if (directoryId === LOST_DIRECTORY) return false
  // Registered before directories had ids: a broker without any would not run.
  return logDirs.length === 0 || logDirs.includes(directoryId)
}

/** [KIP-1066] Whether a broker gets no new replicas: none of its directories takes any. */
export function isCordoned({
  logDirs,
  cordonedLogDirs,
}: Pick<BrokerImage, 'logDirs' | 'cordonedLogDirs'>): boolean {
  const cordoned = cordonedLogDirs ?? []
  return logDirs.length > 0 && logDirs.every((id) => cordoned.includes(id))
}

/** What changed from one image to the next. */
export interface MetadataDelta {
  readonly before: MetadataImage
  /** New topics, those of the same name under a new id among them. */
  readonly createdTopics: readonly TopicImage[]
  readonly deletedTopics: readonly TopicImage[]
  /** Topics there before and after, of which partitions are new or changed. */
  readonly changedTopics: readonly TopicImage[]
  /** Resources whose dynamic settings changed. */
  readonly changedConfigs: readonly { resourceType: number; resourceName: string }[]
  readonly brokersChanged: boolean
  readonly featuresChanged: boolean
  readonly othersChanged: boolean
  /** The ids of ACLs that are new, changed or gone. */
  readonly changedAcls: readonly string[]
  /** Quotas that are new, changed or gone, by their keys among the others. */
  readonly changedQuotas: readonly string[]
}

/** What records may have changed: the rest is the same as before. */
export interface Touched {
  /** Topics' ids. */
  readonly topics: ReadonlySet<string>
  /** As in `MetadataImage.configs`. */
  readonly configs: ReadonlySet<string>
  readonly brokers: boolean
  readonly features: boolean
  readonly others: boolean
  /** The ids of ACLs. */
  readonly acls: ReadonlySet<string>
  /** As in `MetadataDelta.changedQuotas`. */
  readonly quotas: ReadonlySet<string>
}
