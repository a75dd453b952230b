import assert from 'node:assert/strict'
import { codecOf } from '../../../../protocol/codec.ts'
import { ConsumerProtocolSubscription } from '../../../../protocol/state/consumer-protocol.ts'
import { DecodeError, Reader } from '../../../../protocol/wire/reader.ts'
import type { GroupFact, GroupMetadata, VolatileFact } from '../facts.ts'
import {
  CONSUMER_PROTOCOL_TYPE,
  emptyGroup,
  inState,
  metadataOf,
  NO_ASSIGNMENT,
  selectProtocol,
} from './group.ts'
import type { ClassicGroup, Member } from './group.ts'

/** A fact that makes a classic group or changes it. */
export type ClassicGroupFact = VolatileFact | Extract<GroupFact, { type: 'GroupStored' }>

/** The group after the fact. The only place where a classic group changes. */
export function evolve(before: ClassicGroup | undefined, fact: ClassicGroupFact): ClassicGroup {
  if (fact.type === 'GroupStored') return stored(before, fact.groupId, fact.value)
  assert(before !== undefined, `${fact.type} of group ${fact.groupId}, which doesn't exist`)
  const change = changes[fact.type] as (group: ClassicGroup, fact: VolatileFact) => ClassicGroup
  return change(before, fact)
}

type Of<Type extends VolatileFact['type']> = Extract<VolatileFact, { type: Type }>

const changes: {
  readonly [Type in VolatileFact['type']]: (group: ClassicGroup, fact: Of<Type>) => ClassicGroup
} = {
  MemberIdGiven: (group, { memberId }) => ({
    ...group,
    pendingMembers: group.pendingMembers.with(new Map([[memberId, true]])),
  }),
  MemberJoined: joined,
  MemberRejoined: (group, fact) =>
    withMember(group, fact.memberId, {
      protocols: fact.protocols,
      rebalanceTimeoutMs: fact.rebalanceTimeoutMs,
      sessionTimeoutMs: fact.sessionTimeoutMs,
      joinTicket: fact.ticket,
    }),
  StaticMemberReplaced: replaced,
  MembersRemoved: removed,
  LeaderElected: (group, { memberId }) => ({ ...group, leaderId: memberId }),
  RebalanceStarted: (group, { time, initialDelay }) => ({
    ...inState(group, 'PreparingRebalance', time),
    members:
      group.state === 'CompletingRebalance'
        ? everyMember(group, { assignment: NO_ASSIGNMENT, syncTicket: null })
        : group.members,
    pendingSyncs: new Set(),
    initialDelay: initialDelay && { ...initialDelay, memberAdded: false },
  }),
  InitialDelayExtended: (group, { delayMs, remainingMs }) => ({
    ...group,
    initialDelay: { delayMs, remainingMs, memberAdded: false },
  }),
  GenerationStarted: (group, { time, protocolName }) => {
    assert.equal(protocolName, selectProtocol(group))
    return withSubscriptions({
      ...inState(group, 'CompletingRebalance', time),
      generation: group.generation + 1,
      protocolName,
      members: everyMember(group, { joinTicket: null, isNew: false }),
      pendingSyncs: new Set(group.members.keys()),
      initialDelay: null,
    })
  },
  SyncReceived: (group, { memberId, ticket }) => ({
    ...(ticket === null ? group : withMember(group, memberId, { syncTicket: ticket })),
    pendingSyncs: without(group.pendingSyncs, [memberId]),
  }),
}

function joined(group: ClassicGroup, fact: Of<'MemberJoined'>): ClassicGroup {
  const { memberId, groupInstanceId, clientId, clientHost, protocols, ticket } = fact
  const { rebalanceTimeoutMs, sessionTimeoutMs } = fact
  const members = new Map(group.members).set(memberId, {
    memberId,
    groupInstanceId,
    clientId,
    clientHost,
    rebalanceTimeoutMs,
    sessionTimeoutMs,
    protocols,
    assignment: NO_ASSIGNMENT,
    isNew: true,
    joinTicket: ticket,
    syncTicket: null,
  })
  return {
    ...group,
    protocolType: group.members.size === 0 ? fact.protocolType : group.protocolType,
    leaderId: group.leaderId ?? memberId,
    members,
    staticMembers:
      groupInstanceId === null
        ? group.staticMembers
        : new Map(group.staticMembers).set(groupInstanceId, memberId),
    pendingMembers: withoutPending(group, [memberId]),
    initialDelay: group.initialDelay && { ...group.initialDelay, memberAdded: true },
  }
}

function replaced(group: ClassicGroup, fact: Of<'StaticMemberReplaced'>): ClassicGroup {
  const { oldMemberId, memberId } = fact
  const old = group.members.get(oldMemberId)
  assert(old?.groupInstanceId != null, `${oldMemberId} is no static member`)
  const members = new Map(group.members)
  members.delete(oldMemberId)
  members.set(memberId, { ...old, memberId, isNew: false, joinTicket: null, syncTicket: null })
  return {
    ...group,
    leaderId: group.leaderId === oldMemberId ? memberId : group.leaderId,
    members,
    staticMembers: new Map(group.staticMembers).set(old.groupInstanceId, memberId),
  }
}

function removed(group: ClassicGroup, { memberIds }: Of<'MembersRemoved'>): ClassicGroup {
  if (!memberIds.some((memberId) => group.members.has(memberId))) {
    return { ...group, pendingMembers: withoutPending(group, memberIds) }
  }
  const members = new Map(group.members)
  const staticMembers = new Map(group.staticMembers)
  for (const memberId of memberIds) {
    const instanceId = members.get(memberId)?.groupInstanceId
    if (instanceId != null) staticMembers.delete(instanceId)
    members.delete(memberId)
  }
  const { leaderId } = group
  const [successor] = members.keys()
  return {
    ...group,
    leaderId: leaderId !== null && members.has(leaderId) ? leaderId : (successor ?? null),
    members,
    staticMembers,
    pendingMembers: withoutPending(group, memberIds),
    pendingSyncs: without(group.pendingSyncs, memberIds),
  }
}

/**
 * A generation that is complete, an empty one, or the same with a static member's new id. What only lives in memory is
 * kept where there is any, and otherwise what the record lacks is filled in.
 */
function stored(
  before: ClassicGroup | undefined,
  groupId: string,
  value: GroupMetadata,
): ClassicGroup {
  const members = new Map<string, Member>()
  for (const member of value.members) {
    const known = before?.members.get(member.memberId)
    members.set(member.memberId, {
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      sessionTimeoutMs: member.sessionTimeout,
      rebalanceTimeoutMs:
        member.rebalanceTimeout < 0 ? member.sessionTimeout : member.rebalanceTimeout,
      protocols: known?.protocols ?? [
        { name: value.protocol ?? '', metadata: member.subscription },
      ],
      assignment: member.assignment,
      isNew: false,
      joinTicket: null,
      syncTicket: null,
    })
  }
  return withSubscriptions({
    ...(before ?? emptyGroup(groupId, null)),
    state: members.size === 0 ? 'Empty' : 'Stable',
    stateSince: value.currentStateTimestamp < 0 ? null : value.currentStateTimestamp,
    generation: value.generation,
    protocolType: value.protocolType === '' ? null : value.protocolType,
    protocolName: value.protocol,
    leaderId: value.leader,
    members,
    staticMembers: new Map(
      Array.from(members.values()).flatMap(({ groupInstanceId, memberId }) =>
        groupInstanceId === null ? [] : [[groupInstanceId, memberId]],
      ),
    ),
    pendingSyncs: new Set([...(before?.pendingSyncs ?? [])].filter((id) => members.has(id))),
    initialDelay: null,
  })
}

function withMember(group: ClassicGroup, memberId: string, change: Partial<Member>): ClassicGroup {
  const member = group.members.get(memberId)
  assert(member !== undefined, `group ${group.groupId} has no member ${memberId}`)
  return { ...group, members: new Map(group.members).set(memberId, { ...member, ...change }) }
}

function everyMember(group: ClassicGroup, change: Partial<Member>): ReadonlyMap<string, Member> {
  return new Map(
    Array.from(group.members, ([memberId, member]) => [memberId, { ...member, ...change }]),
  )
}

function withoutPending(
  { pendingMembers }: ClassicGroup,
  memberIds: readonly string[],
): ClassicGroup['pendingMembers'] {
  const used = memberIds.filter((memberId) => pendingMembers.has(memberId))
  return pendingMembers.with(new Map(used.map((memberId) => [memberId, undefined])))
}

function without(set: ReadonlySet<string>, values: readonly string[]): ReadonlySet<string> {
  if (!values.some((value) => set.has(value))) return set
  const rest = new Set(set)
  for (const value of values) rest.delete(value)
  return rest
}

/** With the topics that the members of a consumer group name: all versions of their metadata begin as the first does. */
function withSubscriptions(group: ClassicGroup): ClassicGroup {
  return { ...group, subscribedTopics: subscribedTopics(group) }
}

function subscribedTopics(group: ClassicGroup): ReadonlySet<string> | null {
  if (group.protocolType !== CONSUMER_PROTOCOL_TYPE) return null
  const topics = new Set<string>()
  try {
    for (const member of group.members.values()) {
      const reader: Reader = new Reader(metadataOf(member, group.protocolName))
      if (reader.int16() < 0) return null
      const subscription = codecOf(ConsumerProtocolSubscription, 0).read(reader)
      for (const topic of (subscription as { topics: string[] }).topics) topics.add(topic)
    }
  } catch (error) {
    // Not written by a consumer as we know it; the coordinator need not understand what members tell their leader.
    if (error instanceof DecodeError) return null
    throw error
  }
  return topics
}
