import type { Alteration, AlteredResource as Resource, AlterResult } from '../../config/alter.ts'
import type { Random } from '../../host/host.ts'
import type { MetadataImage } from '../image.ts'
import type { Partitions } from './partition/partition-index.ts'
import type { TopicDefaults } from './partition/rules.ts'
import type { EarlyFences, Sessions } from './sessions.ts'

/** Kafka's rules for what may be set, which src/config has. */
export interface ConfigRules {
  incremental(resource: Resource, alterations: readonly Alteration[]): AlterResult
  whole(
    resource: Resource,
    entries: readonly { readonly name: string; readonly value: string | null }[],
  ): AlterResult
}

/** How often the controller looks for partitions that need another leader. */
export interface ElectionSettings {
  /** `leader.imbalance.check.interval.seconds`; null without `auto.leader.rebalance.enable` */
  readonly preferredIntervalMs: number | null
  /** `unclean.leader.election.interval.ms` */
  readonly uncleanIntervalMs: number
}

export interface TokenSettings {
  readonly maxLifetimeMs: number
  readonly expiryTimeMs: number
  readonly checkIntervalMs: number
}

/** What the controller decides by, besides the image; it comes with each command. */
export interface ControllerSettings {
  readonly clusterId: string
  /** This controller's. */
  readonly nodeId: number
  /** Of its process: a broker of the same id and another incarnation is a former life of it. */
  readonly incarnationId: string
  /** `broker.session.timeout.ms` */
  readonly sessionTimeoutMs: number
  /** `ottla.broker.dead.process.evidence.enable` */
  readonly fencesOnEvidence: boolean
  /** `metadata.max.idle.interval.ms`; 0 for never */
  readonly maxIdleIntervalMs: number
  /** [KIP-48] `delegation.token.*`; null without the secret that they need. */
  readonly tokens: TokenSettings | null
  /** The wall clock, for what users are told; it may jump. */
  readonly wallNow: number
  /** The quorum's own finalized feature, which is no part of the image. */
  readonly kraftVersion: number
  /** `num.partitions` and `default.replication.factor` */
  readonly defaults: { readonly numPartitions: number; readonly replicationFactor: number }
  /** What the settings of topics come to where neither the topic nor the cluster has them. */
  readonly topicDefaults: TopicDefaults
  readonly elections: ElectionSettings
  /** `delete.topic.enable` */
  readonly deleteTopicEnable: boolean
  readonly rules: ConfigRules
  /** For topic ids and placement. */
  readonly random: Random
}

/** What decisions are made from. */
export interface ControllerView extends ControllerSettings {
  readonly image: MetadataImage
  /** Of the image. */
  readonly partitions: Partitions
  /** The offset of the next record. */
  readonly nextOffset: number
  /** Monotonic milliseconds. */
  readonly now: number
  readonly sessions: Sessions
  /** By broker. */
  readonly earlyFences: ReadonlyMap<number, EarlyFences>
  /** Brokers that were fenced on evidence, and whose session would not be over yet. */
  readonly awaited: ReadonlySet<number>
  newId(): string
  /** A topic whose name becomes this one when '.' is written as '_'. */
  topicLike(collisionKey: string): string | undefined
  /** Whether there is an ACL of this content, as `contentOf` gives it. */
  hasAcl(content: string): boolean
}
