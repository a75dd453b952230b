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
  /** Whether the pattern can be held against this id in a few hundredths of a second, however it is made. */
  canJudge(transaction: Transaction): boolean
  takes(transaction: Transaction): boolean
  /** How much `takes` does for one, in what it takes to answer one. */
  stepsOf(transaction: Transaction): number
}

/** An expression has so many characters at most, those that it repeats counted as often. To compile them takes 50 ms. */
const MAX_PATTERN_SIZE = 1000
/** Of the expression's size and the id's length: some 0.2 µs each, where id and expression are made to take time. */
const MAX_PRODUCT = MAX_PATTERN_SIZE * 255
const PRODUCT_A_STEP = 50

/** @param now milliseconds since 1970 */
export function compileFilter(
  filter: TransactionFilter,
  now: number,
): CompiledFilter | 'INVALID_REGULAR_EXPRESSION' {
  const { longerThanMs } = filter
  const states = new Set(filter.states)
  const producerIds = new Set(filter.producerIds)
  const size = sizeOf(filter.pattern ?? '')
  const pattern = size > MAX_PATTERN_SIZE ? 'INVALID_REGULAR_EXPRESSION' : compiled(filter.pattern)
  if (pattern === 'INVALID_REGULAR_EXPRESSION') return pattern
  const known: readonly string[] = TRANSACTION_STATES
  return {
    unknownStates: [...states].filter((state) => !known.includes(state)),
    canJudge: ({ transactionalId }) => transactionalId.length * size <= MAX_PRODUCT,
    stepsOf: ({ transactionalId }) =>
      1 + Math.floor((transactionalId.length * size) / PRODUCT_A_STEP),
    takes({ transactionalId, state, producerId, startTimestamp }) {
      if (producerIds.size > 0 && !producerIds.has(producerId)) return false
      if (states.size > 0 && !states.has(state)) return false
      if (longerThanMs >= 0 && BigInt(now - startTimestamp) <= longerThanMs) return false
      return pattern === null || pattern.matches(transactionalId)
    },
  }
}

/** A count, with the parenthesis of the group that it may be of. */
const COUNTS = /(\)?)\{(\d+)(?:,(\d*))?\}/g
/** What RE2 allows, nested counts multiplied. */
const MAX_COUNT = 1000

/** At most so large is what an expression is compiled to: RE2 writes out what is counted, and a group may have all of the rest. */
function sizeOf(pattern: string): number {
  let size = pattern.length
  if (size > MAX_PATTERN_SIZE) return size
  let times = 1
  for (const [, group, from, to] of pattern.matchAll(COUNTS)) {
    const count = Math.max(1, Number(from), Number(to ?? 0))
    if (group === '') size += count
    else times = Math.min(times * count, MAX_COUNT)
  }
  return size * times
}

/** Whoever asks writes it: RE2 takes time in proportion to the text and to the expression's size. */
function compiled(pattern: string | null): RE2JS | null | 'INVALID_REGULAR_EXPRESSION' {
  if (pattern === null || pattern === '') return null
  try {
    return RE2JS.compile(pattern)
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) return 'INVALID_REGULAR_EXPRESSION'
    throw error
  }
}
