import type { MetadataFact, PartitionChange } from '../facts.ts'
import { eligibleLeaderFact, leaderFact, partitionChangeFact } from '../facts.ts'
import { directoryOf, hasOnlineDirectory, NO_LEADER } from '../image.ts'
import type { MetadataImage, PartitionImage } from '../image.ts'

/** Whether a broker is alive, and its replica in a directory that is online. */
export function canLead(
  { brokers }: MetadataImage,
  partition: PartitionImage,
  id: number,
): boolean {
  const broker = brokers.get(id)
  if (broker === undefined || broker.fenced || broker.inControlledShutdown) return false
  return hasOnlineDirectory(broker.logDirs, directoryOf(partition, id))
}

/**
 * What changes when a broker's replica can't be used any more: it leaves the ISR, unless nobody else is in it, and who is
 * in sync and alive leads, in the order of the replicas.
 */
export function withoutReplica(
  image: MetadataImage,
  partition: PartitionImage,
  brokerId: number,
): PartitionChange {
  const left = partition.isr.filter((id) => id !== brokerId)
  const candidates = [partition.leader, ...partition.replicas]
  const leader =
    candidates.find((id) => left.includes(id) && canLead(image, partition, id)) ?? NO_LEADER
  const shrinks = left.length > 0 && left.length < partition.isr.length
  return {
    ...(leader === partition.leader ? {} : { leader }),
    ...(shrinks ? { isr: left } : {}),
  }
}

export function isChange(change: PartitionChange): boolean {
  return Object.keys(change).length > 0
}

/**
 * What changes when none of a broker's replicas can be used any more, or none of those in some directories.
 * @param directories ids; all of them where they aren't given
 */
export function* withoutReplicas(
  image: MetadataImage,
  brokerId: number,
  directories?: ReadonlySet<string>,
): IterableIterator<MetadataFact> {
  for (const topic of image.topics.byId.values()) {
    for (const [index, partition] of topic.partitions.entries()) {
      const { leader, isr } = partition
      if (leader !== brokerId && !isr.includes(brokerId)) continue
      if (directories?.has(directoryOf(partition, brokerId)) === false) continue
      const change = withoutReplica(image, partition, brokerId)
      if (isChange(change)) yield partitionChangeFact(topic.id, index, change)
    }
  }
}

/**
 * What changes when a broker serves: it leads what nobody leads and it has in sync, in a new epoch.
 * @param logDirs ids of its directories that are online
 */
export function* ledAgain(
  image: MetadataImage,
  brokerId: number,
  logDirs: readonly string[],
): IterableIterator<MetadataFact> {
  for (const topic of image.topics.byId.values()) {
    for (const [index, partition] of topic.partitions.entries()) {
      if (partition.leader !== NO_LEADER) continue
      if (!hasOnlineDirectory(logDirs, directoryOf(partition, brokerId))) continue
      if (partition.isr.includes(brokerId)) yield leaderFact(topic.id, index, brokerId)
      else if (isOnlyEligible(partition, brokerId)) {
        yield eligibleLeaderFact(topic.id, index, brokerId)
      }
    }
  }
}

/**
 * With eligible.leader.replicas.version (KIP-966) a controller takes the last replica, too, out of the ISR, and writes
 * down that it may lead again. Where it is the only one, nobody can have more than it has.
 */
function isOnlyEligible(partition: PartitionImage, brokerId: number): boolean {
  const { replicas, eligibleLeaderReplicas, lastKnownElr } = partition
  if (replicas.length !== 1 || replicas[0] !== brokerId) return false
  return eligibleLeaderReplicas.includes(brokerId) || lastKnownElr.includes(brokerId)
}

/** Whether a broker leads anything. */
export function hasLeaderships({ topics }: MetadataImage, brokerId: number): boolean {
  for (const { partitions } of topics.byId.values()) {
    if (partitions.some(({ leader }) => leader === brokerId)) return true
  }
  return false
}
