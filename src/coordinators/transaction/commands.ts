import type { ErrorName } from '../../../protocol/errors.ts'
import type { Decision, DecisionContext } from '../../machine/machine.ts'
import type { TopicPartition } from '../../replication/transactions.ts'
import type { OperationCommand, OperationReply } from '../runtime/kind.ts'
import type { TransactionFact } from './facts.ts'
import type { ProducerIdentity, Transaction, TransactionResult } from './transaction.ts'

/** What the transaction coordinator decides by. */
export interface TransactionSettings {
  /** The level of transaction.version that the cluster has finalized. */
  readonly transactionVersion: number
  /** transaction.max.timeout.ms */
  readonly maxTimeoutMs: number
  /** transaction.abort.timed.out.transaction.cleanup.interval.ms */
  readonly timeoutCheckIntervalMs: number
  /** transactional.id.expiration.ms */
  readonly expirationMs: number
  /** transaction.remove.expired.transaction.cleanup.interval.ms */
  readonly expirationCheckIntervalMs: number
}

export type TransactionContext = DecisionContext<TransactionSettings>

/** The producer goes on with this identity, unless there is an error. */
export interface ProducerReply extends ProducerIdentity {
  readonly errorCode: ErrorName
}

/** Nothing was done: a producer id is needed, with which the same is to be asked again. */
export const PRODUCER_ID_NEEDED = null

/** A producer id that nobody has had, for the case that one is needed; null as long as that isn't known. */
interface FreshProducerId {
  readonly freshProducerId: number | null
}

interface ByProducer extends ProducerIdentity {
  readonly transactionalId: string
}

/** What is asked of a shard of the transaction coordinator, and what it replies. */
export interface TransactionOperations {
  /** First of all, once the shard is rebuilt from its log. */
  Loaded: { command: object; reply: null }
  /** [KIP-98] A producer begins, and fences those before it. */
  InitProducer: {
    command: FreshProducerId & {
      readonly transactionalId: string
      readonly timeoutMs: number
      /** [KIP-360] What a producer has that goes on after an error; null for one that is new. */
      readonly expected: ProducerIdentity | null
    }
    reply: ProducerReply | typeof PRODUCER_ID_NEEDED
  }
  AddPartitions: {
    command: ByProducer & {
      readonly partitions: readonly TopicPartition[]
      /** The transaction.version that the client has in mind. */
      readonly clientVersion: number
    }
    reply: ErrorName
  }
  /** [KIP-890] Are these partitions part of the producer's transaction? An error for each, in their order. */
  VerifyPartitions: {
    command: ByProducer & { readonly partitions: readonly TopicPartition[] }
    reply: readonly ErrorName[]
  }
  End: {
    command: ByProducer &
      FreshProducerId & {
        readonly result: TransactionResult
        /** The transaction.version that the client has in mind. */
        readonly clientVersion: number
      }
    reply: ProducerReply | typeof PRODUCER_ID_NEEDED
  }
  /** The transaction took too long, if it is still the one that the producer had open. */
  AbortTimedOut: {
    command: ByProducer & FreshProducerId
    /** Whether it was aborted. */
    reply: boolean | typeof PRODUCER_ID_NEEDED
  }
  /** Partitions have the marker of the transaction that ends; it is over when all have. */
  MarkersWritten: {
    command: ByProducer & { readonly partitions: readonly TopicPartition[] }
    reply: null
  }
  /** Null for an id that isn't known. */
  Describe: { command: { readonly transactionalId: string }; reply: Transaction | null }
  /** All that are known, as they are now: who lists them goes through them at leisure. */
  List: { command: object; reply: readonly Transaction[] }
}

/** What is to be done once the decision is committed. */
export type TransactionEffect =
  | { readonly type: 'WriteMarkers'; readonly transaction: Transaction }
  | ({ readonly type: 'AbortTimedOut' } & ByProducer)

export type TransactionCommand = OperationCommand<TransactionOperations>
export type CommandOf<Type extends keyof TransactionOperations> = OperationCommand<
  TransactionOperations,
  Type
>
export type ReplyTo<Type extends keyof TransactionOperations> = OperationReply<
  TransactionOperations,
  Type
>
export type TransactionReply = ReplyTo<keyof TransactionOperations>
export type TransactionDecision = Decision<TransactionFact, TransactionReply, TransactionEffect>

/** What one operation comes to for its transactional id. */
export interface Outcome<Reply> {
  /** As it is from now on; left out where nothing changes. */
  readonly transaction?: Transaction
  readonly reply: Reply
}
