import type { TopicPartition } from '../replication/transactions.ts'

/** Partitions as requests name them; topics in the order in which they come first. */
export function byTopic(
  partitions: readonly TopicPartition[],
): { name: string; indexes: number[] }[] {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of partitions) {
    const indexes = topics.get(topic)
    if (indexes === undefined) topics.set(topic, [partition])
    else indexes.push(partition)
  }
  return Array.from(topics, ([name, indexes]) => ({ name, indexes }))
}
