import {
  batchAttributes,
  batchLastOffset,
  batchProducerId,
  isControl,
  isTransactional,
} from '../../../protocol/records/batch.ts'
import { isEmptyBatch } from './batches.ts'
import { readMarker } from '../producers/marker.ts'
import type { AbortedTransactionEntry } from '../segment/transaction-index.ts'

interface OngoingAbort {
  readonly transaction: AbortedTransactionEntry
  /** A batch of it is still in the log. */
  hasBatches: boolean
}

/** What is known of transactions between two groups of segments of one clean. */
export interface CleanedTransactionsState {
  readonly committed: readonly number[]
  readonly aborted: readonly OngoingAbort[]
  readonly upcoming: readonly AbortedTransactionEntry[]
}

export const NO_TRANSACTIONS: CleanedTransactionsState = {
  committed: [],
  aborted: [],
  upcoming: [],
}

/**
 * Follows the transactions of a log while it is gone through in order: which batches were aborted, and which markers have
 * nothing left to mark (Kafka's CleanedTransactionMetadata).
 */
export class CleanedTransactions {
  /** Producers of which batches were seen that weren't aborted, and no marker yet. */
  readonly #committed: Set<number>
  readonly #aborted: Map<number, OngoingAbort>
  /** By first offset, the next one last. */
  #upcoming: AbortedTransactionEntry[]
  readonly #onRetainedAbort: (transaction: AbortedTransactionEntry) => void

  /** @param onRetainedAbort told of an aborted transaction of which batches, and so its marker, are kept for now */
  constructor(
    state: CleanedTransactionsState,
    onRetainedAbort: (transaction: AbortedTransactionEntry) => void,
  ) {
    this.#committed = new Set(state.committed)
    this.#aborted = new Map(
      state.aborted.map((each) => [each.transaction.producerId, { ...each }] as const),
    )
    this.#upcoming = [...state.upcoming]
    this.#onRetainedAbort = onRetainedAbort
  }

  get state(): CleanedTransactionsState {
    return {
      committed: [...this.#committed],
      aborted: [...this.#aborted.values()],
      upcoming: this.#upcoming,
    }
  }

  /** Names transactions aborted of which records may come; one may be named again. */
  expect(transactions: readonly AbortedTransactionEntry[]): void {
    if (transactions.length === 0) return
    this.#upcoming.push(...transactions)
    this.#upcoming.sort((one, other) => other.firstOffset - one.firstOffset)
  }

  /** Takes the next batch; says whether its records are of no use: aborted, or a marker that marks nothing any more. */
  read(buffer: Buffer, at: number): boolean {
    this.#beginUpTo(batchLastOffset(buffer, at))
    const attributes = batchAttributes(buffer, at)
    if (isControl(attributes)) return this.#readControl(buffer, at)
    if (!isTransactional(attributes)) return false
    const producerId = batchProducerId(buffer, at)
    const aborted = this.#aborted.get(producerId)
    if (aborted === undefined) {
      this.#committed.add(producerId)
      return false
    }
    aborted.hasBatches = true
    return true
  }

  #readControl(buffer: Buffer, at: number): boolean {
    if (isEmptyBatch(buffer, at)) return true
    const marker = readMarker(buffer, at)
    if (marker === null) return false
    const producerId = batchProducerId(buffer, at)
    if (marker.type === 'COMMIT') return !this.#committed.delete(producerId)
    const aborted = this.#aborted.get(producerId)
    this.#aborted.delete(producerId)
    if (aborted === undefined || !aborted.hasBatches) return true
    this.#onRetainedAbort(aborted.transaction)
    return false
  }

  #beginUpTo(offset: number): void {
    for (let next = this.#upcoming.at(-1); next !== undefined; next = this.#upcoming.at(-1)) {
      if (next.firstOffset > offset) return
      this.#upcoming.pop()
      const { producerId } = next
      if (this.#aborted.has(producerId)) continue
      this.#aborted.set(producerId, { transaction: next, hasBatches: false })
    }
  }
}
