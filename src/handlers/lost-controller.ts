import type { ErrorOutcome } from '../metadata/controller/commands.ts'
import type { ControllerAccess, QuorumState } from './services.ts'

/** What is asked of a controller that has not answered comes to this. */
export class LostControllerError extends Error {
  override readonly name = 'LostControllerError'
  readonly outcome: ErrorOutcome

  constructor(outcome: ErrorOutcome) {
    super(outcome.errorMessage ?? outcome.errorCode)
    this.outcome = outcome
  }
}

/** In the place of a controller that a request could not be forwarded to: handlers tell of it in the form of their answers. */
export class LostController implements ControllerAccess {
  readonly isController = false
  readonly #own: Pick<ControllerAccess, 'describeQuorum'>
  readonly #outcome: ErrorOutcome

  /** @param own this node's way to the controller */
  constructor(own: Pick<ControllerAccess, 'describeQuorum'>, outcome: ErrorOutcome) {
    this.#own = own
    this.#outcome = outcome
  }

  submit(): Promise<never> {
    return Promise.reject(new LostControllerError(this.#outcome))
  }

  describeQuorum(): QuorumState {
    return this.#own.describeQuorum()
  }
}
