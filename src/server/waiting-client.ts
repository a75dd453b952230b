import type { Socket } from '../host/host.ts'
import type { Authentication } from '../security/authentication.ts'
import type { ServedListener } from './server.ts'

/** A client waits with its first request sent, which is short; who sends more is read no further. */
const EARLY_BYTES = 4096

interface Waiting {
  readonly socket: Socket
  readonly listener: ServedListener
  readonly authentication: Authentication
  readonly sinceMs: number
}

/**
 * A client for whom there is no room yet. What it sends is kept for when there is: a socket that nobody reads wouldn't say
 * that its peer has gone.
 */
export class WaitingClient implements Waiting {
  readonly socket: Socket
  readonly listener: ServedListener
  readonly authentication: Authentication
  readonly sinceMs: number
  #early: Buffer[] = []
  #earlyBytes = 0

  /** @param onClose called when the client has gone before it was served */
  constructor(
    { socket, listener, authentication, sinceMs }: Waiting,
    onClose: (client: WaitingClient) => void,
  ) {
    this.socket = socket
    this.listener = listener
    this.authentication = authentication
    this.sinceMs = sinceMs
    socket.attach({
      data: (bytes) => this.#keep(bytes),
      drain: () => undefined,
      close: () => onClose(this),
    })
  }

  /** Hands over what came while it waited, to whom the socket is attached now. */
  takeEarly(receive: (bytes: Buffer) => void): void {
    for (const bytes of this.#early.splice(0)) receive(bytes)
  }

  #keep(bytes: Buffer): void {
    this.#early.push(Buffer.from(bytes))
    this.#earlyBytes += bytes.length
    if (this.#earlyBytes >= EARLY_BYTES) this.socket.pause()
  }
}
