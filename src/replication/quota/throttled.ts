/** Partitions of a topic: all of them, those of these numbers, or none. */
export type ThrottledPartitions = 'all' | ReadonlySet<number> | null

/** [KIP-73] Which of a topic's replicas on this broker are throttled. */
export interface ThrottledReplicas {
  /** `leader.replication.throttled.replicas` */
  readonly asLeader: ThrottledPartitions
  /** `follower.replication.throttled.replicas` */
  readonly asFollower: ThrottledPartitions
}

export const NOT_THROTTLED: ThrottledReplicas = { asLeader: null, asFollower: null }

/**
 * What a list of throttled replicas says of one broker.
 * @param replicas `*`, or `partition:broker` each, as the setting allows them
 */
export function throttledPartitions(
  replicas: readonly string[],
  brokerId: number,
): ThrottledPartitions {
  if (replicas[0] === '*') return 'all'
  const partitions = new Set<number>()
  for (const replica of replicas) {
    const [partition, broker] = replica.split(':')
    if (Number(broker) === brokerId) partitions.add(Number(partition))
  }
  return partitions.size === 0 ? null : partitions
}

export function isThrottled(partitions: ThrottledPartitions, index: number): boolean {
  return partitions !== null && (partitions === 'all' || partitions.has(index))
}
