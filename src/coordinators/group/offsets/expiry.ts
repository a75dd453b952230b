import type { CommittedOffset, FactOf } from '../facts.ts'
import { rulesOf } from '../group.ts'
import type { Group } from '../group.ts'
import type { OffsetStore } from './store.ts'

/** What one decision removes at most: others wait for their turn meanwhile. */
const MAX_TOMBSTONE_BYTES = 256 * 1024
const TOMBSTONE_OVERHEAD_BYTES = 40
const MAX_BYTES_A_UNIT = 3

type Tombstone = FactOf<'OffsetDeleted' | 'GroupDeleted'>

/** Collects tombstones up to a limit of their size. */
export class Tombstones {
  readonly facts: Tombstone[] = []
  #sizeBytes = 0

  /** @returns false when there is no room for more */
  add(fact: Tombstone): boolean {
    if (this.isFull) return false
    const names = fact.groupId.length + (fact.type === 'OffsetDeleted' ? fact.topic.length : 0)
    this.#sizeBytes += names * MAX_BYTES_A_UNIT + TOMBSTONE_OVERHEAD_BYTES
    this.facts.push(fact)
    return true
  }

  get isFull(): boolean {
    return this.#sizeBytes >= MAX_TOMBSTONE_BYTES
  }
}

/**
 * [KIP-211] When an offset is no longer kept for its group.
 * @returns null when no offset of the group can expire now
 */
export function expiryOf(
  group: Group,
  time: number,
  retentionMs: number,
): ((topic: string, committed: CommittedOffset) => boolean) | null {
  const rules = rulesOf(group)
  const since = rules.retentionStart(group)
  if (since === null) return null
  return (topic, committed) => {
    if (rules.isSubscribed(group, topic)) return false
    // Clients of old could say themselves when.
    if (committed.expireTimestamp !== -1) return time >= committed.expireTimestamp
    return time - since(committed) >= retentionMs
  }
}

/** Removes expired offsets, and groups without members that have none left. Full tombstones mean that there may be more. */
export function expire(
  groups: ReadonlyMap<string, Group>,
  offsets: OffsetStore,
  time: number,
  retentionMs: number,
): Tombstones {
  const tombstones = new Tombstones()
  for (const [groupId, group] of groups) {
    if (tombstones.isFull) break
    if (!expireGroup(tombstones, group, offsets, time, retentionMs)) continue
    if (rulesOf(group).isAbandoned(group)) tombstones.add({ type: 'GroupDeleted', groupId })
  }
  return tombstones
}

/** @returns whether the group has no offset left */
function expireGroup(
  tombstones: Tombstones,
  group: Group,
  offsets: OffsetStore,
  time: number,
  retentionMs: number,
): boolean {
  const { groupId } = group
  // A group for which a transaction is open is still in use.
  if (!offsets.has(groupId)) return !offsets.hasPending(groupId)
  const isExpired = expiryOf(group, time, retentionMs)
  if (isExpired === null) return false
  let isEmpty = true
  for (const [topic, partitions] of offsets.of(groupId)) {
    for (const [partition, committed] of partitions) {
      const isGone =
        isExpired(topic, committed) &&
        !offsets.isPending(groupId, topic, partition) &&
        tombstones.add({ type: 'OffsetDeleted', groupId, topic, partition })
      isEmpty &&= isGone
    }
  }
  return isEmpty && !offsets.hasPending(groupId)
}

/** Removes the offsets of topics that are no more, pending ones too. Full tombstones mean that there may be more. */
export function forgetTopics(offsets: OffsetStore, topics: readonly string[]): Tombstones {
  const tombstones = new Tombstones()
  for (const groupId of offsets.groupIds()) {
    for (const topic of topics) {
      for (const partition of offsets.partitionsOf(groupId, topic)) {
        if (!tombstones.add({ type: 'OffsetDeleted', groupId, topic, partition })) return tombstones
      }
    }
  }
  return tombstones
}
