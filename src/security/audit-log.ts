import type { Clock, Logger } from '../host/host.ts'
import { RatedLog } from '../host/rated-log.ts'
import type { Question } from './authorizer.ts'

/** So many refusals have a line of their own in ten seconds; those beyond are counted. */
const REFUSALS = 1000
/** One in so many decisions that allow something has a line. */
const SAMPLE = 1000

/**
 * What was decided, as Kafka's `kafka.authorizer.logger` tells it: a line for each refusal, and for one in a thousand of
 * what is allowed, at the level of debugging.
 */
export class AuditLog {
  readonly #refusals: RatedLog
  readonly #log: Logger
  #allowed = 0

  constructor(log: Logger, clock: Pick<Clock, 'after'>) {
    this.#log = log.child({ audit: true })
    this.#refusals = new RatedLog(this.#log, clock, REFUSALS)
  }

  /** Whether it has a line for such a decision. To be asked once for each. */
  wants(isAllowed: boolean, isQuiet: boolean): boolean {
    if (!isAllowed) return !isQuiet
    this.#allowed++
    return this.#allowed % SAMPLE === 1
  }

  /** @param rule why it was decided so */
  tell(isAllowed: boolean, question: Question, principal: string, rule: string): void {
    const { host, operation, resource, api } = question
    const name = resource.name ?? '(any)'
    const fields = { principal, operation, host, resource: `${resource.type}:${name}`, api, rule }
    if (isAllowed) this.#log.debug(fields, 'Allowed')
    else this.#refusals.info('refusals', fields, 'Refused')
  }

  /** Tells what was left out up to now. */
  close(): void {
    this.#refusals.close()
  }
}
