import type { Asker } from '../quorum/unsent.ts'
import type { RequestContext } from './context.ts'
import type { NodeServices } from './services.ts'

/** Another node of the quorum, which gets what is read for it by this connection. */
export function askerOf(context: RequestContext<NodeServices>): Asker {
  return {
    afterSent: (callback) => context.afterSent(callback),
    dismiss: () => context.connection.presence.dismiss(),
  }
}
