import type { TopicPartition } from '../../replication/transactions.ts'
import { byTopic } from '../by-topic.ts'
import type { PartitionSet } from './transaction.ts'

export function hasPartition(set: PartitionSet, { topic, partition }: TopicPartition): boolean {
  return set.get(topic)?.has(partition) === true
}

/** @returns a set of its own, unless nothing is new */
export function withPartitions(set: PartitionSet, added: readonly TopicPartition[]): PartitionSet {
  const fresh = added.filter((partition) => !hasPartition(set, partition))
  if (fresh.length === 0) return set
  const result = new Map(set)
  for (const { name, indexes } of byTopic(fresh)) {
    result.set(name, new Set([...(set.get(name) ?? []), ...indexes]))
  }
  return result
}

export function withoutPartitions(
  set: PartitionSet,
  removed: readonly TopicPartition[],
): PartitionSet {
  const result = new Map(set)
  for (const { name, indexes } of byTopic(removed)) {
    const left = new Set(result.get(name))
    for (const index of indexes) left.delete(index)
    if (left.size === 0) result.delete(name)
    else result.set(name, left)
  }
  return result
}

export function listPartitions(set: PartitionSet): TopicPartition[] {
  return [...set].flatMap(([topic, partitions]) =>
    Array.from(partitions, (partition) => ({ topic, partition })),
  )
}
