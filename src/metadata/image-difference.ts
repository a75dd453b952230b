import { ITEMS_IN_STEP } from '../machine/steps.ts'
import type { Steps } from '../machine/steps.ts'
import { aclIds } from './acls.ts'
import { resourceOf } from './image.ts'
import type { MetadataDelta, MetadataImage, PartitionImage, TopicImage, Touched } from './image.ts'
import { quotaKeys } from './quotas.ts'
import type { ReadonlyTable } from './table.ts'

/** What changed from one image to a later one, by what was touched. */
export function deltaOf(
  before: MetadataImage,
  after: MetadataImage,
  { topics, configs, brokers, features, others, acls, quotas }: Touched,
): MetadataDelta {
  const createdTopics: TopicImage[] = []
  const deletedTopics: TopicImage[] = []
  const changedTopics: TopicImage[] = []
  for (const id of topics) {
    const old = before.topics.byId.get(id)
    const topic = after.topics.byId.get(id)
    if (topic === undefined) {
      if (old !== undefined) deletedTopics.push(old)
    } else if (old === undefined) createdTopics.push(topic)
    else changedTopics.push(topic)
  }
  return {
    before,
    createdTopics,
    deletedTopics,
    changedTopics,
    changedConfigs: [...configs].map(resourceOf),
    brokersChanged: brokers,
    featuresChanged: features,
    othersChanged: others,
    changedAcls: [...acls],
    changedQuotas: [...quotas],
  }
}

/** What was touched first, or then. */
export function bothTouched(first: Touched | null, then: Touched): Touched {
  if (first === null) return then
  return {
    topics: new Set([...first.topics, ...then.topics]),
    configs: new Set([...first.configs, ...then.configs]),
    brokers: first.brokers || then.brokers,
    features: first.features || then.features,
    others: first.others || then.others,
    acls: new Set([...first.acls, ...then.acls]),
    quotas: new Set([...first.quotas, ...then.quotas]),
  }
}

/**
 * What changed between two images that share nothing but what they say: one that came as a snapshot, and the one before.
 * Takes as many steps as both are large.
 */
export function* differenceOf(before: MetadataImage, after: MetadataImage): Steps<MetadataDelta> {
  const topics = new Set<string>()
  let partitions = 0
  for (const topic of after.topics.byId.values()) {
    const old = before.topics.byId.get(topic.id)
    if (old === undefined || !isSameTopic(old, topic)) topics.add(topic.id)
    partitions += 1 + topic.partitions.length
    if (partitions < ITEMS_IN_STEP) continue
    partitions = 0
    yield
  }
  for (const id of before.topics.byId.keys()) if (!after.topics.byId.has(id)) topics.add(id)
  const others = changedKeys(before.others, after.others, isSame)
  return deltaOf(before, after, {
    topics,
    configs: new Set(changedKeys(before.configs, after.configs, isSameMap)),
    brokers: !isSameMap<unknown>(before.brokers, after.brokers),
    features: !isSameMap(before.features, after.features),
    others: others.length > 0,
    acls: new Set(aclIds(others)),
    quotas: new Set(quotaKeys(others)),
  })
}

function isSameTopic(left: TopicImage, right: TopicImage): boolean {
  if (left === right) return true
  const { length } = right.partitions
  if (left.partitions.length !== length) return false
  for (let index = 0; index < length; index++) {
    if (!isSamePartition(left.partitions[index]!, right.partitions[index]!)) return false
  }
  return true
}

/** Each change is a new partition epoch: where it is the same, so is nearly always the rest. */
function isSamePartition(left: PartitionImage, right: PartitionImage): boolean {
  return (
    left.partitionEpoch === right.partitionEpoch &&
    left.leaderEpoch === right.leaderEpoch &&
    left.leader === right.leader &&
    left.leaderRecoveryState === right.leaderRecoveryState &&
    isSameList(left.replicas, right.replicas) &&
    isSameList(left.directories, right.directories) &&
    isSameList(left.isr, right.isr) &&
    isSameList(left.addingReplicas, right.addingReplicas) &&
    isSameList(left.removingReplicas, right.removingReplicas) &&
    isSameList(left.eligibleLeaderReplicas, right.eligibleLeaderReplicas) &&
    isSameList(left.lastKnownElr, right.lastKnownElr)
  )
}

function isSameList<Item>(left: readonly Item[], right: readonly Item[]): boolean {
  if (left.length !== right.length) return false
  for (let index = 0; index < left.length; index++) {
    if (left[index] !== right[index]) return false
  }
  return true
}

function changedKeys<Value>(
  before: ReadonlyTable<Value>,
  after: ReadonlyTable<Value>,
  isEqual: (left: Value, right: Value) => boolean,
): string[] {
  const changed: string[] = []
  for (const key of after.keys()) {
    const old = before.get(key)
    if (old === undefined || !isEqual(old, after.get(key)!)) changed.push(key)
  }
  for (const key of before.keys()) if (!after.has(key)) changed.push(key)
  return changed
}

function isSameMap<Value>(
  left: ReadonlyMap<unknown, Value>,
  right: ReadonlyMap<unknown, Value>,
): boolean {
  if (left.size !== right.size) return false
  for (const [key, value] of left) if (!isSame(value, right.get(key))) return false
  return true
}

/** Of plain values: what images are made of. */
function isSame(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true
  if (typeof left !== 'object' || left === null) return false
  if (typeof right !== 'object' || right === null) return false
  const entries = Object.entries(left)
  if (entries.length !== Object.keys(right).length) return false
  return entries.every(([key, value]) => isSame(value, (right as Record<string, unknown>)[key]))
}
