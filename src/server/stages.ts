import type { ClientQuotas } from '../quota/client-quotas.ts'
import type { Forwarder } from './forward.ts'
import type { Observer } from './observe.ts'

/** What stands around the handlers of a pipeline; null where nothing does. */
export interface Stages {
  readonly forwarder: Forwarder | null
  readonly quotas: ClientQuotas | null
  readonly observer: Observer | null
}

export const NO_STAGES: Stages = { forwarder: null, quotas: null, observer: null }
