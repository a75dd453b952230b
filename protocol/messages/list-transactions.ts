import { api, array, bigInt64, errorCode, int64, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * The transactional ids that a broker coordinates (KIP-664). Filters all must match; an empty one matches everything.
 * v1 filters by duration (KIP-994), v2 by a pattern (KIP-1152), whose error is INVALID_REGULAR_EXPRESSION.
 */
export const ListTransactions = api({
  key: 66,
  name: 'ListTransactions',
  versions: [0, 2],
  flexible: 0,
  request: {
    stateFilters: array(string),
    producerIdFilters: array(int64),
    /** Only transactions open for longer, ms; negative for all. */
    durationFilter: bigInt64.default(-1n).since(1),
    /** A regular expression for the whole id; null or empty for all. */
    transactionalIdPattern: string.nullable(2).default(null).since(2),
  },
  response: {
    throttleTimeMs,
    errorCode,
    /** Those of `stateFilters` that are no state's name. */
    unknownStateFilters: array(string),
    transactionStates: array({
      transactionalId: string,
      producerId: int64,
      transactionState: string,
    }),
  },
})

export type ListTransactionsRequest = RequestOf<typeof ListTransactions>
export type ListTransactionsResponse = ResponseOf<typeof ListTransactions>
