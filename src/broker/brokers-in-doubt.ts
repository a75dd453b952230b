import type { FollowerConnections } from '../handlers/services.ts'
import type { Address } from '../host/address.ts'
import type { Host } from '../host/host.ts'
import type { MetadataImage } from '../metadata/image.ts'
import type { LinkWatch } from '../peer/broker-links.ts'
import { dialUnlessEnding } from '../peer/ended-process.ts'
import type { ProvenEndpoint } from '../peer/proven-endpoint.ts'
import type { ClientWaiter, Leaving, Presence } from '../replication/fetch/presence.ts'

/** By then the controller has decided by the end of a process, or does so when a session is over. */
const LASTS_MS = 3000

interface BrokersInDoubtOptions {
  readonly host: Pick<Host, 'clock' | 'network'>
  /** Where other brokers reach this one; null where the cluster has none of this id that is alive. */
  readonly addressOf: (brokerId: number) => Address | null
}

/**
 * Brokers that have ended a connection with this one, and don't take another: maybe their process has ended, and their machine is
 * about to go, too. Until the controller has told who leads, clients are told that there is no leader, and ask again in a moment: those
 * that were sent to a machine that is gone would wait for it, some for ten seconds, before they ask again.
 *
 * A process that ends closes its connections one after the other, and clients who have heard of it first may ask here who leads. So
 * whatever ends first is a sign: the connections by which this broker fetches from that one, or by which that one fetches from here;
 * or one by which it is asked whether it is there (`SignsOfLife`), where that ends without an answer, or isn't let be.
 */
export class BrokersInDoubt implements LinkWatch, FollowerConnections {
  readonly #options: BrokersInDoubtOptions
  /** With the end of what is known of each. */
  readonly #doubts = new Map<number, () => void>()
  /** Those that have let no connection be since the last one that was open: that is told once, for they may be fenced off from here alone. */
  readonly #refusing = new Set<number>()
  /** The connections by which others fetch from this broker. */
  readonly #followers = new Map<number, Map<Presence, ClientWaiter>>()

  constructor(options: BrokersInDoubtOptions) {
    this.#options = options
  }

  has(brokerId: number): boolean {
    return this.#doubts.has(brokerId)
  }

  fetched(brokerId: number, presence: Presence): void {
    const connections = this.#followers.get(brokerId) ?? new Map<Presence, ClientWaiter>()
    if (connections.has(presence) || presence.hasLeft) return
    const waiter = {
      clientLeft: (leaving: Leaving): void => {
        connections.delete(presence)
        // Where a process ends, all of its connections do.
        if (connections.size === 0 && leaving === 'ended') this.#followerLost(brokerId)
      },
    }
    presence.add(waiter)
    connections.set(presence, waiter)
    this.#followers.set(brokerId, connections)
    this.reached(brokerId)
  }

  #followerLost(brokerId: number): void {
    const address = this.#options.addressOf(brokerId)
    if (address !== null) this.lost(brokerId, { ip: address.host, port: address.port })
  }

  /** @param place where it is looked for again; a name does, since it only counts who answers there */
  lost(brokerId: number, place: ProvenEndpoint): void {
    if (this.has(brokerId)) return
    const { host } = this.#options
    const doubt = this.#begin(brokerId)
    // One that lives may end a connection, too.
    void dialUnlessEnding(host, place, LASTS_MS).then(({ dialled }) => {
      // Who ends one connection after the other does so itself: a process that was killed takes none.
      const isThere = dialled === 'accepted' || dialled === 'ended'
      if (isThere && this.#doubts.get(brokerId) === doubt) this.#trust(brokerId)
    })
  }

  /** This broker may have been cut off: whom it takes for a leader itself may be another one by now. */
  doubtItself(ownId: number): void {
    this.#doubts.get(ownId)?.()
    this.#begin(ownId)
  }

  #begin(brokerId: number): () => void {
    const timer = this.#options.host.clock.after(LASTS_MS, () => this.#trust(brokerId))
    const doubt = (): void => timer.cancel()
    this.#doubts.set(brokerId, doubt)
    return doubt
  }

  refused(brokerId: number, place: ProvenEndpoint): void {
    if (this.#refusing.has(brokerId)) return
    this.#refusing.add(brokerId)
    this.lost(brokerId, place)
  }

  reached(brokerId: number): void {
    this.#refusing.delete(brokerId)
    this.#trust(brokerId)
  }

  #trust(brokerId: number): void {
    this.#doubts.get(brokerId)?.()
    this.#doubts.delete(brokerId)
  }

  /** The controller has decided: whoever is fenced leads nothing. */
  follow({ brokers }: MetadataImage): void {
    for (const id of [...this.#doubts.keys(), ...this.#refusing]) {
      if (brokers.get(id)?.fenced !== false) this.reached(id)
    }
  }

  close(): void {
    for (const connections of this.#followers.values()) {
      for (const [presence, waiter] of connections) presence.delete(waiter)
    }
    this.#followers.clear()
    for (const id of this.#doubts.keys()) this.#trust(id)
  }
}
