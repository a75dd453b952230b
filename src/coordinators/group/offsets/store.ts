import type { CommittedOffset } from '../facts.ts'

/** A committed offset, with the place of its record in the log: -1 where it has none. */
export interface StoredOffset extends CommittedOffset {
  readonly recordOffset: number
}

type PartitionOffsets = Map<number, StoredOffset>

const NONE: ReadonlyMap<string, PartitionOffsets> = new Map()

/** Offsets by group, topic and partition. */
class OffsetMap {
  readonly #groups = new Map<string, Map<string, PartitionOffsets>>()

  get(groupId: string, topic: string, partition: number): StoredOffset | undefined {
    return this.#groups.get(groupId)?.get(topic)?.get(partition)
  }

  has(groupId: string): boolean {
    return this.#groups.has(groupId)
  }

  of(groupId: string): ReadonlyMap<string, PartitionOffsets> {
    return this.#groups.get(groupId) ?? NONE
  }

  get isEmpty(): boolean {
    return this.#groups.size === 0
  }

  groupIds(): IterableIterator<string> {
    return this.#groups.keys()
  }

  put(groupId: string, topic: string, partition: number, offset: StoredOffset): void {
    let topics = this.#groups.get(groupId)
    if (topics === undefined) this.#groups.set(groupId, (topics = new Map()))
    let partitions = topics.get(topic)
    if (partitions === undefined) topics.set(topic, (partitions = new Map()))
    partitions.set(partition, offset)
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

/**
 * The committed offsets of all groups of a shard, whatever their type, and those that open transactions have committed:
 * they are pending, and count from the end of their transaction on, or never.
 */
export class OffsetStore {
  readonly #committed = new OffsetMap()
  /** By producer id. */
  readonly #pending = new Map<number, OffsetMap>()
  /** Of each group, the producers with pending offsets for it. */
  readonly #producers = new Map<string, Set<number>>()

  get(groupId: string, topic: string, partition: number): StoredOffset | undefined {
    return this.#committed.get(groupId, topic, partition)
  }

  /** Whether a group has offsets that count. */
  has(groupId: string): boolean {
    return this.#committed.has(groupId)
  }

  /** A group's offsets by topic and partition. */
  of(groupId: string): ReadonlyMap<string, ReadonlyMap<number, StoredOffset>> {
    return this.#committed.of(groupId)
  }

  hasPending(groupId: string): boolean {
    return this.#producers.has(groupId)
  }

  /** Whether an open transaction has committed an offset of this partition. */
  isPending(groupId: string, topic: string, partition: number): boolean {
    for (const producerId of this.#producers.get(groupId) ?? []) {
      if (this.#pending.get(producerId)!.get(groupId, topic, partition) !== undefined) return true
    }
    return false
  }

  /** The groups that have offsets, pending ones too. */
  groupIds(): ReadonlySet<string> {
    return new Set([...this.#committed.groupIds(), ...this.#producers.keys()])
  }

  /** The partitions of a topic for which a group has an offset, pending ones too. */
  partitionsOf(groupId: string, topic: string): ReadonlySet<number> {
    const partitions = new Set(this.#committed.of(groupId).get(topic)?.keys())
    for (const producerId of this.#producers.get(groupId) ?? []) {
      const pending = this.#pending.get(producerId)!.of(groupId).get(topic)
      for (const partition of pending?.keys() ?? []) partitions.add(partition)
    }
    return partitions
  }

  /** The topics for which a group has offsets, pending ones too. */
  topicsOf(groupId: string): ReadonlySet<string> {
    const topics = new Set(this.#committed.of(groupId).keys())
    for (const producerId of this.#producers.get(groupId) ?? []) {
      for (const topic of this.#pending.get(producerId)!.of(groupId).keys()) topics.add(topic)
    }
    return topics
  }

  put(groupId: string, topic: string, partition: number, offset: StoredOffset): void {
    this.#committed.put(groupId, topic, partition, offset)
  }

  /** Keeps what a transaction has committed until it ends. */
  hold(
    producerId: number,
    groupId: string,
    topic: string,
    partition: number,
    offset: StoredOffset,
  ): void {
    let held = this.#pending.get(producerId)
    if (held === undefined) this.#pending.set(producerId, (held = new OffsetMap()))
    held.put(groupId, topic, partition, offset)
    const producers = this.#producers.get(groupId)
    if (producers === undefined) this.#producers.set(groupId, new Set([producerId]))
    else producers.add(producerId)
  }

  /**
   * The transaction of a producer has ended. Where its offsets count, they do from the place in the log where they stand: a
   * commit that came after one of them, outside of the transaction, stays.
   * @returns the groups that it was about
   */
  end(producerId: number, result: 'COMMIT' | 'ABORT'): readonly string[] {
    const held = this.#pending.get(producerId)
    if (held === undefined) return []
    this.#pending.delete(producerId)
    const groupIds = [...held.groupIds()]
    for (const groupId of groupIds) {
      this.#forgetProducer(groupId, producerId)
      if (result === 'COMMIT') this.#take(groupId, held)
    }
    return groupIds
  }

  /** Pending ones too. */
  delete(groupId: string, topic: string, partition: number): void {
    this.#committed.delete(groupId, topic, partition)
    for (const producerId of this.#producers.get(groupId) ?? []) {
      const held = this.#pending.get(producerId)!
      held.delete(groupId, topic, partition)
      if (!held.has(groupId)) this.#forgetProducer(groupId, producerId)
      if (held.isEmpty) this.#pending.delete(producerId)
    }
  }

  #take(groupId: string, held: OffsetMap): void {
    for (const [topic, partitions] of held.of(groupId)) {
      for (const [partition, offset] of partitions) {
        const existing = this.#committed.get(groupId, topic, partition)
        if (existing !== undefined && existing.recordOffset > offset.recordOffset) continue
        this.#committed.put(groupId, topic, partition, offset)
      }
    }
  }

  #forgetProducer(groupId: string, producerId: number): void {
    const producers = this.#producers.get(groupId)!
    producers.delete(producerId)
    if (producers.size === 0) this.#producers.delete(groupId)
  }
}
