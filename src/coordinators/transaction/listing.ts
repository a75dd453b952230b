import { RE2JS, RE2JSSyntaxException } from 're2js'
import { TRANSACTION_STATES } from './transaction.ts'
import type { Transaction } from './transaction.ts'

/** Which transactional ids are listed: all of these must match, and what is empty takes any. */
export interface TransactionFilter {
  readonly states: readonly string[]
  readonly producerIds: readonly number[]
  /** [KIP-994] Milliseconds since the transaction began; negative for any. */
  readonly longerThanMs: bigint
  /** [KIP-1152] A regular expression, of RE2, for the whole id. */
  readonly pattern: string | null
}

export interface CompiledFilter {
  /** Those that no transaction can be in. */
  readonly unknownStates: string[]
  takes(transaction: Transaction): boolean
}

/** @param now milliseconds since 1970 */
export function compileFilter(
  filter: TransactionFilter,
  now: number,
): CompiledFilter | 'INVALID_REGULAR_EXPRESSION' {
  const { longerThanMs } = filter
  const states = new Set(filter.states)
  const producerIds = new Set(filter.producerIds)
  const pattern = compiled(filter.pattern)
  if (pattern === 'INVALID_REGULAR_EXPRESSION') return pattern
  const known: readonly string[] = TRANSACTION_STATES
  return {
    unknownStates: [...states].filter((state) => !known.includes(state)),
    takes({ transactionalId, state, producerId, startTimestamp }) {
      if (producerIds.size > 0 && !producerIds.has(producerId)) return false
      if (states.size > 0 && !states.has(state)) return false
      if (longerThanMs >= 0 && BigInt(now - startTimestamp) <= longerThanMs) return false
      return pattern === null || pattern.matches(transactionalId)
    },
  }
}

/** Whoever asks writes it: RE2 takes time in proportion to the text, whatever the expression. */
function compiled(pattern: string | null): RE2JS | null | 'INVALID_REGULAR_EXPRESSION' {
  if (pattern === null || pattern === '') return null
  try {
    return RE2JS.compile(pattern)
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) return 'INVALID_REGULAR_EXPRESSION'
    throw error
  }
}
