import type { Clock, Socket, Timer } from '../host/host.ts'
import type { RatedLog } from '../host/rated-log.ts'
import type { ListenerTls, SecuredClient } from '../security/tls/listener-tls.ts'

/** How long a client may take for its handshake; Kafka's clients give up after 10 to 30 s. */
const HANDSHAKE_MS = 30_000

/** Whose handshake it is, and what comes of it: exactly one of the two. */
interface HandshakeOptions {
  readonly tls: ListenerTls
  readonly listener: string
  readonly done: (client: SecuredClient) => void
  readonly failed: () => void
}

interface Handshake {
  readonly socket: Socket
  readonly timer: Timer
}

/** Clients whose TLS handshake goes on. One that is slow, or never ends it, is nothing but its socket and a timer here. */
export class Handshakes {
  readonly #clock: Clock
  readonly #faults: RatedLog
  readonly #all = new Set<Handshake>()

  constructor(clock: Clock, faults: RatedLog) {
    this.#clock = clock
    this.#faults = faults
  }

  get size(): number {
    return this.#all.size
  }

  begin(socket: Socket, { tls, listener, done, failed }: HandshakeOptions): void {
    let isLate = false
    const timer = this.#clock.after(HANDSHAKE_MS, () => {
      isLate = true
      socket.destroy()
    })
    const handshake = { socket, timer }
    this.#all.add(handshake)
    const ended = (): boolean => {
      timer.cancel()
      return this.#all.delete(handshake)
    }
    tls.accept(socket).then(
      (client) => {
        if (ended()) return done(client)
        client.socket.destroy()
        failed()
      },
      (error: Error) => {
        if (ended()) this.#tell(socket, listener, isLate ? LATE : error)
        failed()
      },
    )
  }

  /** Ends all. */
  close(): void {
    for (const { socket, timer } of this.#all) {
      timer.cancel()
      socket.destroy()
    }
    this.#all.clear()
  }

  #tell(socket: Socket, listener: string, error: Error): void {
    const fields = { client: socket.remoteAddress, listener }
    const isPlain = (error as NodeJS.ErrnoException).code === 'NOT_TLS'
    const why = isPlain
      ? 'it speaks without TLS, which this listener demands (security.protocol=SSL or SASL_SSL)'
      : error.message
    this.#faults.warn(
      'clients whose TLS handshake failed',
      fields,
      `Closing the connection: the client's TLS handshake failed: ${why}`,
    )
  }
}

const LATE = new Error(`it took more than ${HANDSHAKE_MS / 1000} s`)
