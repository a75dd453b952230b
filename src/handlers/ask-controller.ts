import type { ErrorName } from '../../protocol/errors.ts'
import type { ControllerCommand, ErrorOutcome, ReplyTo } from '../metadata/controller/commands.ts'
import type { RequestContext } from './context.ts'
import { LostControllerError } from './lost-controller.ts'
import type { NodeServices } from './services.ts'

/** Nothing to tell of it but the error. */
const TIMED_OUT: ErrorOutcome = { errorCode: 'REQUEST_TIMED_OUT', errorMessage: null }

/** Told when the controller could not do all of a request, so that every item of it gets the same error. */
export interface Unanswered {
  readonly failed: ErrorOutcome
}

type Asked<Reply> = { readonly failed: null; readonly reply: Reply } | Unanswered

/**
 * Asks the controller, and waits no longer than the client does. A client that gives no time at all gets
 * REQUEST_TIMED_OUT and nothing is done, as in Kafka; after that, what was asked may still happen.
 * @param timeoutMs Infinity where the request has none
 */
export async function askController<Command extends ControllerCommand>(
  context: RequestContext<NodeServices>,
  command: Command,
  timeoutMs = Infinity,
): Promise<Asked<ReplyTo<Command>>> {
  if (timeoutMs <= 0) return { failed: TIMED_OUT }
  const { clock, controller } = context.services
  const answered = controller.submit(command, context).then(
    (reply) => ({ failed: null, reply }) as const,
    (error: unknown) => ({ failed: outcomeOf(error) }),
  )
  if (timeoutMs === Infinity) return answered
  const late = new Promise<Unanswered>((resolve) => {
    const timer = clock.after(timeoutMs, () => resolve({ failed: TIMED_OUT }))
    const cancel = (): void => timer.cancel()
    answered.then(cancel, cancel)
  })
  return Promise.race([answered, late])
}

/** By the code of a ShardError. */
const ERRORS: Readonly<Record<string, ErrorName>> = {
  ERR_SHARD_LOST: 'NOT_CONTROLLER',
  ERR_COMMIT_TIMEOUT: 'REQUEST_TIMED_OUT',
  ERR_TOO_LARGE: 'POLICY_VIOLATION',
}

function outcomeOf(error: unknown): ErrorOutcome {
  if (error instanceof LostControllerError) return error.outcome
  const errorCode = ERRORS[(error as { code?: string }).code ?? '']
  if (errorCode === undefined) throw error
  return { errorCode, errorMessage: (error as Error).message }
}
