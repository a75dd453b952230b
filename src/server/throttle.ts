import type { AnyApi } from '../../protocol/schema.ts'
import type { RequestContext } from '../handlers/context.ts'
import type { NodeServices } from '../handlers/services.ts'

/** What clients may use of this node. */
export interface Quotas {
  /** Counts a request that was answered; how long its client has to keep quiet then, in milliseconds. 0: not at all. */
  throttleTimeMs(api: AnyApi, context: RequestContext<NodeServices>): number
}

/** [KIP-219] The answer is sent at once, and says for how long the next request won't be looked at. */
export function throttled(answer: object, throttleTimeMs: number): object {
  return throttleTimeMs === 0 ? answer : { ...answer, throttleTimeMs }
}
