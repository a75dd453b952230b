import type { Alteration, AlteredResource as Resource, AlterResult } from '../../config/alter.ts'
import type { Random } from '../../host/host.ts'
import type { MetadataImage } from '../image.ts'
import type { Sessions } from './sessions.ts'

/** Kafka's rules for what may be set, which src/config has. */
export interface ConfigRules {
  incremental(resource: Resource, alterations: readonly Alteration[]): AlterResult
  whole(
    resource: Resource,
    entries: readonly { readonly name: string; readonly value: string | null }[],
  ): AlterResult
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
  /** The quorum's own finalized feature, which is no part of the image. */
  readonly kraftVersion: number
  /** `num.partitions` and `default.replication.factor` */
  readonly defaults: { readonly numPartitions: number; readonly replicationFactor: number }
  /** How many replicas a partition may have: one, as long as brokers don't replicate to each other. */
  readonly maxReplicas: number
  /** `delete.topic.enable` */
  readonly deleteTopicEnable: boolean
  readonly rules: ConfigRules
  /** For topic ids and placement. */
  readonly random: Random
}

/** What decisions are made from. */
export interface ControllerView extends ControllerSettings {
  readonly image: MetadataImage
  /** The offset of the next record. */
  readonly nextOffset: number
  /** Monotonic milliseconds. */
  readonly now: number
  readonly sessions: Sessions
  newId(): string
  /** A topic whose name becomes this one when '.' is written as '_'. */
  topicLike(collisionKey: string): string | undefined
}
