import type { TopicPartition } from '../../replication/transactions.ts'
import type { Transaction } from './transaction.ts'

/** What happened, and has a record in `__transaction_state`. */
export type DurableFact =
  | {
      readonly type: 'TransactionStored'
      readonly transaction: Transaction
      /** Of the record's value: 1 where the cluster has finalized transaction.version 1 or above. */
      readonly version: 0 | 1
    }
  | { readonly type: 'TransactionalIdDeleted'; readonly transactionalId: string }

/** Forgotten on fail-over: then their markers are written once more. */
export interface MarkersNoted {
  readonly type: 'MarkersNoted'
  readonly transactionalId: string
  readonly partitions: readonly TopicPartition[]
}

export type TransactionFact = DurableFact | MarkersNoted
