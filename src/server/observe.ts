import type { AnyApi } from '../../protocol/schema.ts'
import type { RequestContext } from '../handlers/context.ts'
import type { NodeServices } from '../handlers/services.ts'
import type { ConnectionFault } from './outcome.ts'

/** A request that was answered, or ended its connection. */
export interface Observed {
  readonly api: AnyApi
  readonly context: RequestContext<NodeServices>
  readonly correlationId: number
  /** From the moment it was decoded on, in milliseconds. */
  readonly elapsedMs: number
  /** Before it is encoded; null where there is none. */
  readonly answer: object | null
  readonly fault: ConnectionFault | null
}

/** Whoever wants to know of every request: metrics, slow-request lines, an audit log, a wire tap. */
export interface Observer {
  observe(observed: Observed): void
}
