import type { DurableFact } from './facts.ts'
import { isIdle } from './transaction.ts'
import type { Transaction } from './transaction.ts'

/** What one decision removes at most: others wait for their turn meanwhile. */
const MAX_TOMBSTONES = 2000

/**
 * Transactional ids with which nothing was done for a long time.
 * @param now milliseconds since 1970
 * @returns no more than one decision may remove: full means that there may be more
 */
export function expired(
  transactions: Iterable<Transaction>,
  now: number,
  expirationMs: number,
): { facts: DurableFact[]; isFull: boolean } {
  const facts: DurableFact[] = []
  for (const transaction of transactions) {
    if (!isIdle(transaction) || transaction.lastUpdateTimestamp > now - expirationMs) continue
    facts.push({
      type: 'TransactionalIdDeleted',
      transactionalId: transaction.transactionalId,
    })
    if (facts.length === MAX_TOMBSTONES) return { facts, isFull: true }
  }
  return { facts, isFull: false }
}
