import type { DecodedOf } from '../../../protocol/schema.ts'
import type { GroupMetadataValue } from '../../../protocol/state/group/classic.ts'
import type { Ticket } from '../../machine/machine.ts'
import type { MemberProtocol } from './classic/group.ts'

export type GroupMetadata = DecodedOf<typeof GroupMetadataValue>

/** A committed offset. */
export interface CommittedOffset {
  /** Whatever the client chose: a bigint beyond 2^53. */
  readonly offset: number | bigint
  /** -1 when the client didn't say. */
  readonly leaderEpoch: number
  readonly metadata: string
  /** ms since 1970. */
  readonly commitTimestamp: number
  /** ms since 1970; -1 when the broker's setting decides. */
  readonly expireTimestamp: number
  /** Zeros when the client named the topic only. */
  readonly topicId: string
}

/** What happened, and has a record in `__consumer_offsets`. */
export type DurableFact =
  | { readonly type: 'GroupStored'; readonly groupId: string; readonly value: GroupMetadata }
  | { readonly type: 'GroupDeleted'; readonly groupId: string }
  | {
      readonly type: 'OffsetCommitted'
      readonly groupId: string
      readonly topic: string
      readonly partition: number
      readonly committed: CommittedOffset
    }
  /** An open transaction has committed it: it is pending. */
  | {
      readonly type: 'OffsetPending'
      readonly producerId: number
      readonly producerEpoch: number
      /** [KIP-890] Of the transaction's verification. Not stored. */
      readonly guard: number
      readonly groupId: string
      readonly topic: string
      readonly partition: number
      readonly committed: CommittedOffset
    }
  /** The record is the transaction's marker. */
  | {
      readonly type: 'TransactionEnded'
      readonly producerId: number
      readonly producerEpoch: number
      readonly result: 'COMMIT' | 'ABORT'
      readonly coordinatorEpoch: number
      /** Not stored. */
      readonly transactionVersion: number
    }
  | {
      readonly type: 'OffsetDeleted'
      readonly groupId: string
      readonly topic: string
      readonly partition: number
    }

/** What happened between two generations of a classic group: forgotten on fail-over, and members join again. */
export type VolatileFact =
  | { readonly type: 'MemberIdGiven'; readonly groupId: string; readonly memberId: string }
  | {
      readonly type: 'MemberJoined'
      readonly groupId: string
      readonly memberId: string
      readonly groupInstanceId: string | null
      readonly clientId: string
      readonly clientHost: string
      readonly rebalanceTimeoutMs: number
      readonly sessionTimeoutMs: number
      readonly protocolType: string
      readonly protocols: readonly MemberProtocol[]
      readonly ticket: Ticket
    }
  | {
      readonly type: 'MemberRejoined'
      readonly groupId: string
      readonly memberId: string
      readonly rebalanceTimeoutMs: number
      readonly sessionTimeoutMs: number
      readonly protocols: readonly MemberProtocol[]
      /** Null when it was answered at once. */
      readonly ticket: Ticket | null
    }
  | {
      readonly type: 'StaticMemberReplaced'
      readonly groupId: string
      readonly oldMemberId: string
      readonly memberId: string
    }
  | {
      readonly type: 'MembersRemoved'
      readonly groupId: string
      readonly memberIds: readonly string[]
    }
  | { readonly type: 'LeaderElected'; readonly groupId: string; readonly memberId: string }
  | {
      readonly type: 'RebalanceStarted'
      readonly groupId: string
      readonly time: number
      /** Null unless the group was empty. */
      readonly initialDelay: { readonly delayMs: number; readonly remainingMs: number } | null
    }
  | {
      readonly type: 'InitialDelayExtended'
      readonly groupId: string
      readonly delayMs: number
      readonly remainingMs: number
    }
  | {
      readonly type: 'GenerationStarted'
      readonly groupId: string
      readonly time: number
      readonly protocolName: string
    }
  | {
      readonly type: 'SyncReceived'
      readonly groupId: string
      readonly memberId: string
      /** Null when it was answered at once. */
      readonly ticket: Ticket | null
    }

export type GroupFact = DurableFact | VolatileFact
export type FactOf<Type extends GroupFact['type']> = Extract<GroupFact, { type: Type }>

const DURABLE: ReadonlySet<GroupFact['type']> = new Set<DurableFact['type']>([
  'GroupStored',
  'GroupDeleted',
  'OffsetCommitted',
  'OffsetPending',
  'TransactionEnded',
  'OffsetDeleted',
])

export function isDurable(fact: GroupFact): fact is DurableFact {
  return DURABLE.has(fact.type)
}
