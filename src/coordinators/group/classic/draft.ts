import assert from 'node:assert/strict'
import type { Decision, Ticket, TicketReply } from '../../../machine/machine.ts'
import { sessionAlarm } from '../alarms.ts'
import type { GroupContext, GroupReply } from '../commands.ts'
import type { GroupFact } from '../facts.ts'
import type { ClassicGroup, Member } from './group.ts'
import { evolve } from './evolve.ts'
import type { ClassicGroupFact } from './evolve.ts'

/**
 * A decision about one group in the making: one command may end in a chain of facts, each decided by the group as the one
 * before it left it.
 */
export class GroupDraft {
  readonly groupId: string
  readonly context: GroupContext
  readonly #facts: GroupFact[] = []
  readonly #replies: TicketReply<GroupReply>[] = []
  readonly #alarms: { name: string; at: number | null }[] = []
  #group: ClassicGroup | undefined

  constructor(groupId: string, group: ClassicGroup | undefined, context: GroupContext) {
    this.groupId = groupId
    this.#group = group
    this.context = context
  }

  get exists(): boolean {
    return this.#group !== undefined
  }

  /** The group as the facts so far make it. */
  get group(): ClassicGroup {
    assert(this.#group !== undefined, `group ${this.groupId} doesn't exist`)
    return this.#group
  }

  add(fact: ClassicGroupFact): void {
    this.#facts.push(fact)
    this.#group = evolve(this.#group, fact)
  }

  reply(ticket: Ticket, reply: GroupReply): void {
    this.#replies.push({ ticket, reply })
  }

  /** @param delayMs from now; null clears it */
  alarm(name: string, delayMs: number | null): void {
    this.#alarms.push({ name, at: delayMs === null ? null : this.context.now + delayMs })
  }

  /** The member has shown that it is alive. */
  restartSession(member: Pick<Member, 'memberId' | 'sessionTimeoutMs'>): void {
    this.alarm(sessionAlarm(this.groupId, member.memberId), member.sessionTimeoutMs)
  }

  endSession(memberId: string): void {
    this.alarm(sessionAlarm(this.groupId, memberId), null)
  }

  decision(): Decision<GroupFact, GroupReply> {
    return { facts: this.#facts, replies: this.#replies, alarms: this.#alarms }
  }
}
