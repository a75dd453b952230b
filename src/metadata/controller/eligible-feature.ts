import type { MetadataFact } from '../facts.ts'
import { configFact } from '../facts.ts'
import { ELIGIBLE_LEADER_REPLICAS } from '../features.ts'
import { configOf, resourceOf, ResourceType } from '../image.ts'
import type { MetadataImage } from '../image.ts'
import { partitionChangeFact } from '../partition-change.ts'
import type { TopicDefaults } from './partition/rules.ts'

export const MIN_INSYNC_REPLICAS = 'min.insync.replicas'

const clusterMinimum = ({ minInsyncReplicas }: TopicDefaults): MetadataFact =>
  configFact(ResourceType.BROKER, '', MIN_INSYNC_REPLICAS, String(minInsyncReplicas))

/** What a new cluster is told besides its levels: the limit that who is eligible is judged by, where that is kept. */
export function firstMinimum(
  levels: readonly MetadataFact[],
  topicDefaults: TopicDefaults,
): MetadataFact[] {
  const isKept = levels.some(
    ({ type, value }) =>
      type === 'FeatureLevelRecord' &&
      value.name === ELIGIBLE_LEADER_REPLICAS &&
      value.featureLevel > 0,
  )
  return isKept ? [clusterMinimum(topicDefaults)] : []
}

/**
 * [KIP-966] What has to be written before who is eligible is kept. The controller judges by its `min.insync.replicas` whether
 * nothing was acknowledged any more, and leaders by theirs: so the cluster gets one of its own, from this controller's file
 * where it has none, and brokers lose those that are only theirs.
 */
export function withEligibleLeaders({
  image,
  topicDefaults,
}: {
  readonly image: MetadataImage
  readonly topicDefaults: TopicDefaults
}): MetadataFact[] {
  const isSet = configOf(image, ResourceType.BROKER, '').has(MIN_INSYNC_REPLICAS)
  const names: string[] = []
  for (const key of image.configs.keys()) {
    const { resourceType, resourceName } = resourceOf(key)
    if (resourceType !== ResourceType.BROKER || resourceName === '') continue
    if (image.configs.get(key)!.has(MIN_INSYNC_REPLICAS)) names.push(resourceName)
  }
  return [
    ...(isSet ? [] : [clusterMinimum(topicDefaults)]),
    ...names
      .sort((one, other) => Number(one) - Number(other))
      .map((name) => configFact(ResourceType.BROKER, name, MIN_INSYNC_REPLICAS, null)),
  ]
}

/**
 * What was kept of partitions that somebody is in sync with is void where nobody looked after it for a time, or will: writes go
 * on without those that were eligible. Kafka leaves it as it is, and at the next upgrade may elect one that lacks records.
 * Where nobody is in sync nothing was written since, and who was eligible still may lead.
 */
export function* withoutEligible({ topics }: MetadataImage): IterableIterator<MetadataFact> {
  for (const { id, partitions } of topics.byId.values()) {
    for (const [index, { isr, eligibleLeaderReplicas, lastKnownElr }] of partitions.entries()) {
      if (isr.length === 0 || eligibleLeaderReplicas.length + lastKnownElr.length === 0) continue
      const none = { eligibleLeaderReplicas: [], lastKnownElr: [] }
      yield partitionChangeFact(id, index, none)
    }
  }
}
