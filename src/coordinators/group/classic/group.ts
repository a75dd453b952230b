import assert from 'node:assert/strict'
import type { Ticket } from '../../../machine/machine.ts'
import { Table } from '../../../metadata/table.ts'
import type { ReadonlyTable } from '../../../metadata/table.ts'

export type ClassicGroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

/** The states a group may be in, each with those it may come from. `Dead` is what clients are told of a group that isn't. */
const PREVIOUS_STATES: Readonly<Record<ClassicGroupState, readonly ClassicGroupState[]>> = {
  /** Nobody is in it; it may hold offsets. */
  Empty: ['PreparingRebalance'],
  /** Waits for its members to join the next generation. */
  PreparingRebalance: ['Empty', 'CompletingRebalance', 'Stable'],
  /** The generation is known; waits for the leader's assignment. */
  CompletingRebalance: ['PreparingRebalance'],
  /** Every member can have its assignment. */
  Stable: ['CompletingRebalance'],
}

export const CONSUMER_PROTOCOL_TYPE = 'consumer'
export const NO_ASSIGNMENT = Buffer.alloc(0)
const NO_PENDING_MEMBERS: ReadonlyTable<true> = Table.empty<true>()

/** An assignor a member has, with what it tells the leader. */
export interface MemberProtocol {
  readonly name: string
  readonly metadata: Buffer
}

export interface Member {
  readonly memberId: string
  /** KIP-345: set for static members. */
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  /** Dearest first; after a reload only the one that was chosen. */
  readonly protocols: readonly MemberProtocol[]
  readonly assignment: Buffer
  /** Has not been told of a generation yet, so it can't heartbeat: a longer time-out guards its join. */
  readonly isNew: boolean
  /** Its JoinGroup or SyncGroup that waits. */
  readonly joinTicket: Ticket | null
  readonly syncTicket: Ticket | null
}

/** The first rebalance of an empty group waits a while, and longer when more members come. */
export interface InitialDelay {
  readonly delayMs: number
  readonly remainingMs: number
  /** Somebody came while it waited. */
  readonly memberAdded: boolean
}

/** A classic group. Immutable: facts make a new one (`evolve`). */
export interface ClassicGroup {
  readonly type: 'classic'
  readonly groupId: string
  readonly state: ClassicGroupState
  /** ms since 1970; null in records of old. */
  readonly stateSince: number | null
  readonly generation: number
  /** Null for a group that only holds offsets. */
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leaderId: string | null
  /** In the order they came. */
  readonly members: ReadonlyMap<string, Member>
  /** Member ids by instance id. */
  readonly staticMembers: ReadonlyMap<string, string>
  /** Ids given out with MEMBER_ID_REQUIRED and not used yet. */
  readonly pendingMembers: ReadonlyTable<true>
  /** Members of this generation whose SyncGroup has not come yet. */
  readonly pendingSyncs: ReadonlySet<string>
  /** Not null only while the first rebalance is prepared. */
  readonly initialDelay: InitialDelay | null
  /** Null where the members' metadata can't be read. */
  readonly subscribedTopics: ReadonlySet<string> | null
}

export function emptyGroup(groupId: string, stateSince: number | null): ClassicGroup {
  return {
    type: 'classic',
    groupId,
    state: 'Empty',
    stateSince,
    generation: 0,
    protocolType: null,
    protocolName: null,
    leaderId: null,
    members: new Map(),
    staticMembers: new Map(),
    pendingMembers: NO_PENDING_MEMBERS,
    pendingSyncs: new Set(),
    initialDelay: null,
    subscribedTopics: null,
  }
}

/** The group in a later state. */
export function inState(
  group: ClassicGroup,
  state: ClassicGroupState,
  stateSince: number | null,
): ClassicGroup {
  assert(
    PREVIOUS_STATES[state].includes(group.state),
    `group ${group.groupId} can't go from ${group.state} to ${state}`,
  )
  return { ...group, state, stateSince }
}

export function canRebalance(group: ClassicGroup): boolean {
  return PREVIOUS_STATES.PreparingRebalance.includes(group.state)
}

export function awaitingJoinCount(group: ClassicGroup): number {
  let count = 0
  for (const member of group.members.values()) if (member.joinTicket !== null) count++
  return count
}

export function haveAllJoined(group: ClassicGroup): boolean {
  return group.pendingMembers.size === 0 && awaitingJoinCount(group) === group.members.size
}

/** The longest of its members'. */
export function rebalanceTimeoutMs(group: ClassicGroup): number {
  let longest = 0
  for (const member of group.members.values()) {
    longest = Math.max(longest, member.rebalanceTimeoutMs)
  }
  return longest
}

/** Whether a member that comes with these would have at least one protocol in common with all members. */
export function supportsProtocols(
  group: ClassicGroup,
  protocolType: string,
  protocols: readonly MemberProtocol[],
): boolean {
  if (group.state === 'Empty') return protocolType !== '' && protocols.length > 0
  if (group.protocolType !== protocolType) return false
  const counts = protocolCounts(group)
  return protocols.some(({ name }) => (counts.get(name) ?? 0) === group.members.size)
}

function protocolCounts(group: ClassicGroup): Map<string, number> {
  const counts = new Map<string, number>()
  for (const member of group.members.values()) {
    for (const { name } of member.protocols) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

/** The protocol with the most votes: each member votes for its dearest among those that all members have. */
export function selectProtocol(group: ClassicGroup): string {
  const counts = protocolCounts(group)
  const votes = new Map<string, number>()
  for (const member of group.members.values()) {
    const vote = member.protocols.find(({ name }) => counts.get(name) === group.members.size)
    assert(vote !== undefined, `members of group ${group.groupId} have no protocol in common`)
    votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1)
  }
  let best: [name: string, count: number] | null = null
  for (const entry of votes) if (best === null || entry[1] > best[1]) best = entry
  assert(best !== null, 'nobody votes in an empty group')
  return best[0]
}

export function metadataOf(member: Member, protocolName: string | null): Buffer {
  return member.protocols.find(({ name }) => name === protocolName)?.metadata ?? NO_ASSIGNMENT
}

export function sameProtocols(member: Member, protocols: readonly MemberProtocol[]): boolean {
  return (
    member.protocols.length === protocols.length &&
    member.protocols.every(
      ({ name, metadata }, index) =>
        name === protocols[index]!.name && metadata.equals(protocols[index]!.metadata),
    )
  )
}

/**
 * What stands against a request of a member that names itself, with its instance id if it is static.
 */
export function memberError(
  group: ClassicGroup,
  memberId: string,
  groupInstanceId: string | null,
): 'NONE' | 'UNKNOWN_MEMBER_ID' | 'FENCED_INSTANCE_ID' {
  if (groupInstanceId !== null) {
    const current = group.staticMembers.get(groupInstanceId)
    if (current === undefined) return 'UNKNOWN_MEMBER_ID'
    if (current !== memberId) return 'FENCED_INSTANCE_ID'
  }
  return group.members.has(memberId) ? 'NONE' : 'UNKNOWN_MEMBER_ID'
}
