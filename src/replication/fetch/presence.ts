/** How a client has gone: `ended`: its machine said so (FIN or RST); `lost`: nothing more was heard of it, or it was sent away. */
export type Leaving = 'ended' | 'lost'

/** Somebody who waits for something on behalf of a client. */
export interface ClientWaiter {
  /** The client has gone: nobody wants the answer any more. */
  clientLeft(leaving: Leaving): void
}

/** Whether a client is there; those who wait on its behalf are told when it has gone, and let go of what they hold. */
export class Presence {
  readonly #waiters = new Set<ClientWaiter>()
  readonly #disconnect: () => void
  #hasLeft = false

  /** @param disconnect ends the client's connection */
  constructor(disconnect: () => void) {
    this.#disconnect = disconnect
  }

  get hasLeft(): boolean {
    return this.#hasLeft
  }

  /** Until `delete`; the client must not have left. */
  add(waiter: ClientWaiter): void {
    this.#waiters.add(waiter)
  }

  delete(waiter: ClientWaiter): void {
    this.#waiters.delete(waiter)
  }

  /** The client takes nothing of what it has asked for, and is in the way of others. */
  dismiss(): void {
    this.#disconnect()
  }

  /** To be called once. */
  leave(leaving: Leaving): void {
    this.#hasLeft = true
    for (const waiter of this.#waiters) waiter.clientLeft(leaving)
    this.#waiters.clear()
  }
}
