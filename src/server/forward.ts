import type { Answer } from '../handlers/answer.ts'
import type { AdvertisedApi, RequestContext } from '../handlers/context.ts'
import type { Handler } from '../handlers/handler.ts'
import type { NodeServices } from '../handlers/services.ts'
import type { ErrorOutcome } from '../metadata/controller/commands.ts'

/** Takes to the active controller what only it answers (`at: 'controller'`). */
export interface Forwarder {
  /** What the active controller serves; null where this node is it, or has not met it yet. */
  readonly controllerApis: readonly AdvertisedApi[] | null
  /**
   * @param frame the request as it came; only looked at before its answer is here
   * @param request the same, decoded
   * @returns the controller's answer, decoded; null where this node is the active controller: then it answers itself
   */
  forward(
    frame: Buffer,
    request: object,
    handler: Handler<NodeServices>,
    context: RequestContext<NodeServices>,
  ): Promise<Answer<object> | NotForwarded> | null
}

/** The controller has not answered a request: what the client is to be told, in the form of what it has asked for. */
export class NotForwarded {
  readonly outcome: ErrorOutcome

  constructor(outcome: ErrorOutcome) {
    this.outcome = outcome
  }
}
