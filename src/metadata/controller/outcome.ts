import type { ErrorName } from '../../../protocol/errors.ts'
import type { Decision } from '../../machine/machine.ts'
import { ITEMS_IN_STEP } from '../../machine/steps.ts'
import type { Steps } from '../../machine/steps.ts'
import type { ErrorOutcome } from './commands.ts'
import type { ControllerFact } from './sessions.ts'

/** What a command comes to. */
export interface Decided<Reply> {
  readonly facts: ControllerFact[]
  readonly reply: Reply
}

/** With what is to be done later. */
export interface DecidedWithAlarms<Reply> extends Decided<Reply> {
  readonly alarms: NonNullable<Decision<never, never>['alarms']>
}

/**
 * Ends the handling of one item of a command with Kafka's error; never leaves this folder. It is thrown, or returned where
 * thousands of items may be refused: to throw takes longer than all else that is done for one. It is no Error, since the
 * trace of a stack takes longer still.
 */
export class Refusal {
  readonly errorCode: ErrorName
  readonly message: string

  constructor(errorCode: ErrorName, message: string) {
    this.errorCode = errorCode
    this.message = message
  }
}

export const SUCCESS: ErrorOutcome = { errorCode: 'NONE', errorMessage: null }

/** Runs one item; a refusal is its outcome. */
export function outcomeOf<Result extends ErrorOutcome>(
  run: () => Result | Refusal,
): Result | { errorCode: ErrorName; errorMessage: string } {
  try {
    const result = run()
    return result instanceof Refusal ? told(result) : result
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return told(error)
  }
}

/** The same in steps. */
export function* outcomeInSteps<Result extends ErrorOutcome>(
  run: () => Steps<Result>,
): Steps<Result | { errorCode: ErrorName; errorMessage: string }> {
  try {
    return yield* run()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return told(error)
  }
}

/** A refusal as replies tell it. */
export function told({ errorCode, message }: Refusal): {
  errorCode: ErrorName
  errorMessage: string
} {
  return { errorCode, errorMessage: message }
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

/** Appends what follows for one item after the other: null where nothing does. */
export function* addInSteps(
  facts: ControllerFact[],
  more: Iterable<ControllerFact | null>,
): Steps<void> {
  let items = 0
  for (const fact of more) {
    if (fact !== null) facts.push(fact)
    if (++items % ITEMS_IN_STEP === 0) yield
  }
}
