import type { Answered } from '../handlers/answer.ts'
import type { RequestContext } from '../handlers/context.ts'
import type { Handler } from '../handlers/handler.ts'
import type { NodeServices } from '../handlers/services.ts'

/** Takes to the active controller what only it answers (`at: 'controller'`). */
export interface Forwarder {
  /**
   * @param frame the request as it came; only looked at before its answer is here
   * @returns the controller's answer, decoded; null where this node is the active controller: then it answers itself
   */
  forward(frame: Buffer, handler: Handler, context: RequestContext<NodeServices>): Answered<object>
}
