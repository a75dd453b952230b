import type { MetadataDelta, MetadataImage, TopicImage } from './image.ts'
import { resourceOf } from './image.ts'
import type { ReadonlyTable } from './table.ts'

/**
 * What changed between two images that share nothing but what they say: one that came as a snapshot, and the one before.
 * Takes as long as both are large.
 */
export function differenceOf(before: MetadataImage, after: MetadataImage): MetadataDelta {
  const createdTopics: TopicImage[] = []
  const changedTopics: TopicImage[] = []
  for (const topic of after.topics.byId.values()) {
    const old = before.topics.byId.get(topic.id)
    if (old === undefined) createdTopics.push(topic)
    else if (!isSame(old.partitions, topic.partitions)) changedTopics.push(topic)
  }
  const isGone = ({ id }: TopicImage): boolean => !after.topics.byId.has(id)
  return {
    before,
    createdTopics,
    changedTopics,
    deletedTopics: [...before.topics.byId.values()].filter(isGone),
    changedConfigs: changedKeys(before.configs, after.configs, isSameMap).map(resourceOf),
    brokersChanged: !isSameMap<unknown>(before.brokers, after.brokers),
    featuresChanged: !isSameMap(before.features, after.features),
    othersChanged: changedKeys(before.others, after.others, isSame).length > 0,
  }
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
