import type { ErrorName } from '../../protocol/errors.ts'
import type { ErrorOutcome } from './commands.ts'

/** Ends the handling of one item of a command with Kafka's error; never leaves this folder. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly errorCode: ErrorName

  constructor(errorCode: ErrorName, message: string) {
    super(message)
    this.errorCode = errorCode
  }
}

export const SUCCESS: ErrorOutcome = { errorCode: 'NONE', errorMessage: null }

/** Runs one item; a refusal is its outcome. */
export function outcomeOf<Result extends ErrorOutcome>(
  run: () => Result,
): Result | { errorCode: ErrorName; errorMessage: string } {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { errorCode: error.errorCode, errorMessage: error.message }
  }
}

/** Those that occur more than once. */
export function duplicates(keys: readonly string[]): Set<string> {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const key of keys) {
    if (seen.has(key)) twice.add(key)
    seen.add(key)
  }
  return twice
}
