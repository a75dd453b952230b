import type { ErrorName } from '../../../protocol/errors.ts'
import type { ClassicGroup } from './classic/group.ts'
import { classicRules } from './classic/rules.ts'
import type { CommandOf } from './commands.ts'
import type { CommittedOffset } from './facts.ts'

/** A commit of offsets, in a transaction or not. */
export type OffsetCommit = CommandOf<'CommitOffsets' | 'CommitTransactionOffsets'>

/** A group of any type: `type` tells which. */
export type Group = ClassicGroup

/** What groups of a type say to those who ask groups of any: their offsets, expiry, and who deletes them. */
export interface GroupRules<Of extends Group> {
  /** What stands against a commit by a member, or by somebody outside, in a transaction or not. */
  commitError(group: Of, command: OffsetCommit): ErrorName
  /** What stands against the deletion of any of its offsets. */
  offsetDeletionError(group: Of): 'NONE' | 'NON_EMPTY_GROUP'
  /** What stands against its own deletion. */
  deletionError(group: Of): 'NONE' | 'NON_EMPTY_GROUP'
  /** Whether a member reads the topic, or may do so: its offsets are in use. */
  isSubscribed(group: Of, topic: string): boolean
  /**
   * [KIP-211] When the retention of an offset begins, in milliseconds since 1970.
   * @returns null while none of its offsets can expire
   */
  retentionStart(group: Of): ((committed: CommittedOffset) => number) | null
  /** Whether nobody is in it nor about to be: without offsets it goes. */
  isAbandoned(group: Of): boolean
}

const RULES: {
  readonly [Type in Group['type']]: GroupRules<Extract<Group, { type: Type }>>
} = { classic: classicRules }

export function rulesOf(group: Group): GroupRules<Group> {
  return RULES[group.type]
}
