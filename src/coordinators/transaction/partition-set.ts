import type { TopicPartition } from '../../replication/transactions.ts'
import type { PartitionSet } from './transaction.ts'

export function hasPartition(set: PartitionSet, { topic, partition }: TopicPartition): boolean {
  return set.get(topic)?.has(partition) === true
}

/** @returns a set of its own, unless nothing is new */
export function withPartitions(set: PartitionSet, added: readonly TopicPartition[]): PartitionSet {
  const fresh = added.filter((partition) => !hasPartition(set, partition))
  if (fresh.length === 0) return set
  const result = new Map(set)
  for (const [topic, partitions] of byTopic(fresh)) {
    result.set(topic, new Set([...(set.get(topic) ?? []), ...partitions]))
  }
  return result
}

export function withoutPartitions(
  set: PartitionSet,
  removed: readonly TopicPartition[],
): PartitionSet {
  const result = new Map(set)
  for (const [topic, partitions] of byTopic(removed)) {
    const left = new Set(result.get(topic))
    for (const partition of partitions) left.delete(partition)
    if (left.size === 0) result.delete(topic)
    else result.set(topic, left)
  }
  return result
}

export function listPartitions(set: PartitionSet): TopicPartition[] {
  return [...set].flatMap(([topic, partitions]) =>
    Array.from(partitions, (partition) => ({ topic, partition })),
  )
}

function byTopic(list: readonly TopicPartition[]): Map<string, number[]> {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of list) {
    const known = topics.get(topic)
    if (known === undefined) topics.set(topic, [partition])
    else known.push(partition)
  }
  return topics
}
