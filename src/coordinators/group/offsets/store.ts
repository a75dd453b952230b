import type { CommittedOffset } from '../facts.ts'

type PartitionOffsets = Map<number, CommittedOffset>

/** The committed offsets of all groups of a shard, whatever their type. */
export class OffsetStore {
  readonly #groups = new Map<string, Map<string, PartitionOffsets>>()

  get(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#groups.get(groupId)?.get(topic)?.get(partition)
  }

  has(groupId: string): boolean {
    return this.#groups.has(groupId)
  }

  /** A group's offsets by topic and partition. */
  of(groupId: string): ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>> {
    return this.#groups.get(groupId) ?? new Map<string, PartitionOffsets>()
  }

  /** The groups that have offsets. */
  groupIds(): IterableIterator<string> {
    return this.#groups.keys()
  }

  put(groupId: string, topic: string, partition: number, committed: CommittedOffset): void {
    let topics = this.#groups.get(groupId)
    if (topics === undefined) this.#groups.set(groupId, (topics = new Map()))
    let partitions = topics.get(topic)
    if (partitions === undefined) topics.set(topic, (partitions = new Map()))
    partitions.set(partition, committed)
  }

  delete(groupId: string, topic: string, partition: number): void {
    const topics = this.#groups.get(groupId)
    const partitions = topics?.get(topic)
    if (topics === undefined || partitions === undefined) return
    partitions.delete(partition)
    if (partitions.size === 0) topics.delete(topic)
    if (topics.size === 0) this.#groups.delete(groupId)
  }
}
