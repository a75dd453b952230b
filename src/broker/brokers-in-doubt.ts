import type { Host } from '../host/host.ts'
import type { MetadataImage } from '../metadata/image.ts'
import type { LinkWatch } from '../peer/broker-links.ts'
import { dialUnlessEnding } from '../peer/ended-process.ts'
import type { ProvenEndpoint } from '../peer/proven-endpoint.ts'

/** By then the controller has decided by the end of a process, or does so when a session is over. */
const LASTS_MS = 3000

/**
 * Brokers that have ended a connection of this one, and don't take another: maybe their process has ended, and their machine is about
 * to go, too. Until the controller has told who leads, clients are told that there is no leader, and ask again in a moment: those that
 * were sent to a machine that is gone would wait for it, some for ten seconds, before they ask again.
 */
export class BrokersInDoubt implements LinkWatch {
  readonly #host: Pick<Host, 'clock' | 'network'>
  /** With the end of what is known of each. */
  readonly #doubts = new Map<number, () => void>()

  constructor(host: Pick<Host, 'clock' | 'network'>) {
    this.#host = host
  }

  has(brokerId: number): boolean {
    return this.#doubts.has(brokerId)
  }

  lost(brokerId: number, place: ProvenEndpoint): void {
    if (this.has(brokerId)) return
    const timer = this.#host.clock.after(LASTS_MS, () => this.reached(brokerId))
    const doubt = (): void => timer.cancel()
    this.#doubts.set(brokerId, doubt)
    // One that lives may end a connection, too.
    void dialUnlessEnding(this.#host, place, LASTS_MS).then((dialled) => {
      const isThere = dialled === 'accepted' && this.#doubts.get(brokerId) === doubt
      if (isThere) this.reached(brokerId)
    })
  }

  reached(brokerId: number): void {
    this.#doubts.get(brokerId)?.()
    this.#doubts.delete(brokerId)
  }

  /** The controller has decided: whoever is fenced leads nothing. */
  follow({ brokers }: MetadataImage): void {
    for (const id of this.#doubts.keys()) if (brokers.get(id)?.fenced !== false) this.reached(id)
  }

  close(): void {
    for (const id of this.#doubts.keys()) this.reached(id)
  }
}
