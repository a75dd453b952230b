import type { Host } from '../../host/host.ts'
import { signOfLife } from '../../peer/ended-process.ts'
import { PeerError } from '../../peer/errors.ts'
import { isRefusedAt } from '../../peer/proven-endpoint.ts'
import type { ProvenEndpoint } from '../../peer/proven-endpoint.ts'

/** Between two looks: a process that is being restarted listens again by then, or won't soon. */
const AGAIN_MS = 100

/** A look after a life of a broker, as it has been begun. */
export interface LookAtBroker {
  readonly id: number
  readonly epoch: number
  /** By the monotonic clock. */
  readonly sinceMs: number
  /** Why it may be alive; null where it has ended. */
  readonly signOfLife: Promise<string | null>
}

interface LeaderWatchOptions {
  readonly host: Pick<Host, 'clock' | 'network'>
  /** `ottla.controller.quorum.dead.leader.evidence.enable` */
  readonly isEnabled: boolean
  /** Looks after the broker in the process of a controller; null where there is none. */
  readonly lookAtBrokerOf: (controllerId: number) => LookAtBroker | null
  /** The process of this leader has ended. */
  readonly gone: (leaderId: number) => void
}

interface Reached {
  readonly id: number
  readonly endpoint: ProvenEndpoint
}

/**
 * Finds out that the process of the leader has ended, long before its voters would miss it: where a connection to it ends, or is
 * refused, its machine is asked at once, and again a moment later; so it is for the broker in the same process.
 */
export class LeaderWatch {
  readonly #options: LeaderWatchOptions
  /** Where the leader was that answered a fetch last. */
  #reached: Reached | null = null
  /** How often it has. */
  #answers = 0
  #isLooking = false
  /** It has not answered since it was found to be gone. */
  #isGone = false
  #lookAtBroker: LookAtBroker | null = null
  #isClosed = false

  constructor(options: LeaderWatchOptions) {
    this.#options = options
  }

  /** The last look after the broker in the process of the leader, where nobody has answered a fetch since; null where there was none. */
  get lookAtBroker(): LookAtBroker | null {
    return this.#lookAtBroker
  }

  /** A fetch was answered. */
  reached(id: number, ip: string, port: number): void {
    this.#answers++
    this.#isGone = false
    this.#lookAtBroker = null
    this.#reached = { id, endpoint: { ip, port } }
  }

  /** A request to a node had no answer. */
  failed(id: number, port: number, error: unknown): void {
    const reached = this.#reached
    if (!this.#options.isEnabled || this.#isLooking || this.#isGone) return
    if (reached?.id !== id || !isSign(reached.endpoint, port, error)) return
    this.#isLooking = true
    void this.#look(reached)
  }

  close(): void {
    this.#isClosed = true
  }

  async #look({ id, endpoint }: Reached): Promise<void> {
    const { host, lookAtBrokerOf, gone } = this.#options
    const answers = this.#answers
    this.#lookAtBroker = lookAtBrokerOf(id)
    const sign = await signOfLife(host, [endpoint], AGAIN_MS)
    this.#isLooking = false
    if (sign !== null || this.#isClosed || this.#answers !== answers) return
    this.#isGone = true
    gone(id)
  }
}

/** Whether the leader has ended a connection, or nobody listens any more where it was. */
function isSign(endpoint: ProvenEndpoint, port: number, error: unknown): boolean {
  const isEnd = error instanceof PeerError && error.isPeersEnd
  return isEnd || isRefusedAt(endpoint, port, error)
}
