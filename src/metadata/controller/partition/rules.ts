import { keepsEligibleLeaders } from '../../features.ts'
import { configOf, ResourceType } from '../../image.ts'
import type { MetadataImage, TopicImage } from '../../image.ts'

/** What the settings of a topic and the cluster's features say of how its partitions change. */
export interface PartitionRules {
  /** `min.insync.replicas`, and no more than the topic has replicas. */
  readonly minInsyncReplicas: number
  /** `unclean.leader.election.enable` */
  readonly isUncleanAllowed: boolean
  /** [KIP-966] `eligible.leader.replicas.version` */
  readonly keepsEligible: boolean
  /** Brokers that may be back in a moment: nobody leads without what they have. */
  readonly awaited: ReadonlySet<number>
}

/** What a topic's settings are where nobody has set them in the cluster: those of the controller's own file. */
export interface TopicDefaults {
  readonly minInsyncReplicas: number
  readonly isUncleanAllowed: boolean
}

/** What rules are found by. */
export interface RuleSources {
  readonly image: MetadataImage
  /** The controller's: where a broker has settings of its own, those of the controller's id count. */
  readonly nodeId: number
  readonly topicDefaults: TopicDefaults
  /** As in `PartitionRules`. */
  readonly awaited: ReadonlySet<number>
}

/**
 * The rules for a topic's partitions, by settings as they are decided: a change that counts on a limit that another one has
 * just moved would call replicas eligible that lack records.
 */
export function rulesOf(
  { image, nodeId, topicDefaults, awaited }: RuleSources,
  topic: TopicImage,
): PartitionRules {
  const layers = [
    configOf(image, ResourceType.TOPIC, topic.name),
    configOf(image, ResourceType.BROKER, String(nodeId)),
    configOf(image, ResourceType.BROKER, ''),
  ]
  const set = (name: string): string | undefined =>
    layers.find((layer) => layer.has(name))?.get(name)
  const minimum = set('min.insync.replicas')
  const unclean = set('unclean.leader.election.enable')
  return {
    minInsyncReplicas: Math.min(
      minimum === undefined ? topicDefaults.minInsyncReplicas : Number(minimum),
      topic.partitions[0]?.replicas.length ?? Infinity,
    ),
    isUncleanAllowed:
      unclean === undefined
        ? topicDefaults.isUncleanAllowed
        : unclean.trim().toLowerCase() === 'true',
    keepsEligible: keepsEligibleLeaders(image.features),
    awaited,
  }
}
