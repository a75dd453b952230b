import type { Alarm, Decision, Machine, Ticket } from '../../machine/machine.ts'
import { errorToTell } from '../runtime/errors.ts'
import { EXPIRY_ALARM, parseAlarm } from './alarms.ts'
import { GroupDraft } from './classic/draft.ts'
import { evolve } from './classic/evolve.ts'
import { emptyGroup } from './classic/group.ts'
import { join } from './classic/join.ts'
import { heartbeat, leave, sync, syncRefused } from './classic/operations.ts'
import {
  joinTimeIsUp,
  prepareRebalance,
  sessionTimeIsUp,
  syncTimeIsUp,
} from './classic/rebalance.ts'
import { describe } from './classic/rules.ts'
import type {
  CommandOf,
  DescribedGroup,
  GroupCommand,
  GroupContext,
  GroupReply,
  GroupSettings,
  ReplyTo,
} from './commands.ts'
import { rulesOf } from './group.ts'
import type { Group } from './group.ts'
import { expire, forgetTopics } from './offsets/expiry.ts'
import { isDurable } from './facts.ts'
import type { FactOf, GroupFact } from './facts.ts'
import {
  commitError,
  commitOffsets,
  deleteAllOffsets,
  deleteOffsets,
  fetchOffsets,
} from './offsets/operations.ts'
import { OffsetStore } from './offsets/store.ts'
import type { StoredOffset } from './offsets/store.ts'

type GroupDecision = Decision<GroupFact, GroupReply>

/** One shard of the group coordinator: the groups of one partition of `__consumer_offsets`, and their offsets. */
export class GroupMachine implements Machine<
  GroupCommand,
  GroupFact,
  GroupReply,
  never,
  GroupSettings
> {
  readonly #groups = new Map<string, Group>()
  readonly #offsets = new OffsetStore()

  get groups(): ReadonlyMap<string, Group> {
    return this.#groups
  }

  decide(command: GroupCommand | Alarm, context: GroupContext): GroupDecision {
    const { ticket } = context
    if ('alarm' in command) return this.#ring(command.alarm, context)
    switch (command.type) {
      case 'Loaded':
        return this.#loaded(context)
      case 'Join':
      case 'Sync':
      case 'Heartbeat':
      case 'Leave':
        return this.#membership(command, context)
      case 'CommitOffsets':
        return this.#commit(command, context)
      case 'CommitTransactionOffsets': {
        const error = commitError(this.#groups.get(command.groupId), command)
        if (error !== 'NONE') return answer(ticket, error)
        const { facts, results } = commitOffsets(command, context)
        return answer(ticket, results, facts)
      }
      case 'EndTransaction':
        return answer(ticket, null, [{ type: 'TransactionEnded', ...command.marker }])
      case 'FetchOffsets':
        return answer(ticket, fetchOffsets(this.#offsets, command))
      case 'DeleteOffsets': {
        const group = this.#groups.get(command.groupId)
        const { facts, reply } = deleteOffsets(this.#offsets, group, command)
        return inParts(answer(ticket, reply, facts))
      }
      case 'List':
        return answer<'List'>(ticket, [...this.#groups.values()])
      case 'Describe':
        return answer(ticket, this.#describe(command.groupId))
      case 'Delete':
        return this.#delete(command.groupId, ticket)
      case 'DeleteTopics': {
        const { facts, isFull } = forgetTopics(this.#offsets, command.topics)
        return inParts(answer(ticket, { more: isFull }, facts))
      }
    }
  }

  decideRefused(
    command: GroupCommand,
    refusal: Error,
    context: GroupContext,
  ): GroupDecision | null {
    if (command.type !== 'Sync') return null
    const draft = this.#draft(command.request.groupId, context)
    syncRefused(draft, context.ticket, errorToTell(refusal))
    return draft.decision()
  }

  apply(fact: GroupFact, offset: number): void {
    switch (fact.type) {
      case 'GroupDeleted':
        this.#groups.delete(fact.groupId)
        return
      case 'OffsetCommitted':
      case 'OffsetPending':
        return this.#store(fact, offset)
      case 'TransactionEnded':
        for (const groupId of this.#offsets.end(fact.producerId, fact.result)) {
          // It may have been deleted meanwhile.
          if (this.#offsets.has(groupId)) this.#ensureGroup(groupId, null)
        }
        return
      case 'OffsetDeleted':
        return this.#offsets.delete(fact.groupId, fact.topic, fact.partition)
      default:
        this.#groups.set(fact.groupId, evolve(this.#groups.get(fact.groupId), fact))
    }
  }

  #store(fact: FactOf<'OffsetCommitted' | 'OffsetPending'>, recordOffset: number): void {
    const { groupId, topic, partition, committed } = fact
    this.#ensureGroup(groupId, committed.commitTimestamp)
    const { offset, leaderEpoch, metadata, commitTimestamp, expireTimestamp, topicId } = committed
    // Written out: a spread with one more property has a hidden class of its own in V8, larger than the offset itself.
    const stored: StoredOffset = {
      offset,
      leaderEpoch,
      metadata,
      commitTimestamp,
      expireTimestamp,
      topicId,
      recordOffset,
    }
    if (fact.type === 'OffsetCommitted') this.#offsets.put(groupId, topic, partition, stored)
    else this.#offsets.hold(fact.producerId, groupId, topic, partition, stored)
  }

  isVolatile(fact: GroupFact): boolean {
    return !isDurable(fact)
  }

  /** Whoever commits offsets without being a member makes a group that only holds them. */
  #ensureGroup(groupId: string, since: number | null): void {
    if (!this.#groups.has(groupId)) this.#groups.set(groupId, emptyGroup(groupId, since))
  }

  #draft(groupId: string, context: GroupContext): GroupDraft {
    return new GroupDraft(groupId, this.#groups.get(groupId), context)
  }

  /** Members go on where they were, with their full session time. */
  #loaded(context: GroupContext): GroupDecision {
    const { ticket, settings, now } = context
    const expiryAt = now + settings.offsetsRetentionCheckIntervalMs
    const decisions = Array.from(this.#groups.values(), (group) => {
      const draft = new GroupDraft(group.groupId, group, context)
      for (const member of group.members.values()) draft.restartSession(member)
      // The limit was lowered: the rebalance lets as many in as there is room for.
      if (group.members.size > settings.maxGroupSize) prepareRebalance(draft)
      return draft.decision()
    })
    return {
      facts: decisions.flatMap(({ facts }) => facts ?? []),
      alarms: [
        { name: EXPIRY_ALARM, at: expiryAt },
        ...decisions.flatMap(({ alarms }) => alarms ?? []),
      ],
      replies: [{ ticket, reply: null }, ...decisions.flatMap(({ replies }) => replies ?? [])],
    }
  }

  #membership(
    command: CommandOf<'Join' | 'Sync' | 'Heartbeat' | 'Leave'>,
    context: GroupContext,
  ): GroupDecision {
    const { ticket } = context
    const groupId = command.type === 'Leave' ? command.groupId : command.request.groupId
    const draft = this.#draft(groupId, context)
    switch (command.type) {
      case 'Join':
        join(draft, command, ticket)
        break
      case 'Sync':
        sync(draft, command, ticket)
        break
      case 'Heartbeat':
        draft.reply(ticket, heartbeat(draft, command))
        break
      case 'Leave':
        draft.reply(ticket, leave(draft, command))
    }
    return draft.decision()
  }

  #ring(name: string, context: GroupContext): GroupDecision {
    const alarm = parseAlarm(name)
    if (alarm.kind === 'expiry') return this.#expire(context)
    const draft = this.#draft(alarm.groupId, context)
    if (!draft.exists) return {}
    if (alarm.kind === 'session') sessionTimeIsUp(draft, alarm.memberId)
    else if (alarm.kind === 'join') joinTimeIsUp(draft)
    else syncTimeIsUp(draft)
    return draft.decision()
  }

  #expire({ settings, now, wallNow }: GroupContext): GroupDecision {
    const { offsetsRetentionMs, offsetsRetentionCheckIntervalMs } = settings
    const { facts, isFull } = expire(this.#groups, this.#offsets, wallNow, offsetsRetentionMs)
    const at = isFull ? now : now + offsetsRetentionCheckIntervalMs
    return inParts({ facts, alarms: [{ name: EXPIRY_ALARM, at }] })
  }

  #commit(command: CommandOf<'CommitOffsets'>, context: GroupContext): GroupDecision {
    const { ticket } = context
    const group = this.#groups.get(command.groupId)
    const error = commitError(group, command)
    if (error !== 'NONE') return answer(ticket, error)
    const { facts, results } = commitOffsets(command, context)
    const draft = this.#draft(command.groupId, context)
    const member = group?.members.get(command.memberId)
    // A commit shows as well as a heartbeat that the member is alive.
    if (member !== undefined) draft.restartSession(member)
    return { ...draft.decision(), ...answer(ticket, results, facts) }
  }

  #describe(groupId: string): DescribedGroup | null {
    const group = this.#groups.get(groupId)
    return group?.type === 'classic' ? describe(group) : null
  }

  #delete(groupId: string, ticket: Ticket): GroupDecision {
    const group = this.#groups.get(groupId)
    if (group === undefined) return answer<'Delete'>(ticket, 'GROUP_ID_NOT_FOUND')
    const error = rulesOf(group).deletionError(group)
    if (error !== 'NONE') return answer<'Delete'>(ticket, error)
    const facts: GroupFact[] = deleteAllOffsets(this.#offsets, groupId)
    // The group comes last: where a crash comes between, it is there still, and can be deleted again.
    return inParts(answer<'Delete'>(ticket, 'NONE', [...facts, { type: 'GroupDeleted', groupId }]))
  }
}

/** Tombstones stand each for itself, so there may be more of them than one batch holds. */
function inParts(decision: GroupDecision): GroupDecision {
  return { ...decision, isDivisible: true }
}

function answer<Type extends GroupCommand['type']>(
  ticket: Ticket,
  reply: ReplyTo<Type>,
  facts: readonly GroupFact[] = [],
): GroupDecision {
  return { facts, replies: [{ ticket, reply }] }
}
