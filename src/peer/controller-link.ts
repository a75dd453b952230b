import { formatAddress, sameAddress, type Address } from '../host/address.ts'
import type { Logger, Timer } from '../host/host.ts'
import type { Api, Decoded, Encoded, Shape } from '../../protocol/schema.ts'
import { Connection, type ApiVersionsResponse } from './connection.ts'
import { requestFor } from './enveloped.ts'
import type { EnvelopeSender } from './enveloped.ts'
import type { PeerHost } from './security.ts'
import { PeerError } from './errors.ts'

/** Who knows where the active controller is. */
interface KnowsController {
  /** Null while nobody is known to lead the quorum. */
  readonly activeController: (Address & { readonly id: number }) | null
  /** Calls back when it may be another one. Returns the way to stop it. */
  onActiveController(listener: () => void): () => void
}

export interface ControllerLinkOptions {
  readonly host: PeerHost
  readonly log: Logger
  readonly metadata: KnowsController
  /** As whom this node asks: its id. */
  readonly clientId: string
  readonly connectTimeoutMs: number
  /** How long one controller may take to answer before it is taken for lost. */
  readonly answerTimeoutMs: number
  /** Who was refused or lost asks again after this, or when another controller is known. */
  readonly retryBackoffMs: number
}

export interface AskOptions<R extends Shape> {
  /** From now to the answer, all tries together. */
  readonly timeoutMs: number
  /** Whether the answer says that who gave it isn't the active controller, so that it is asked for again. */
  readonly isElsewhere: (answer: Decoded<R>) => boolean
  /** [KIP-590] In whose name; null for this node's own. */
  readonly sender?: EnvelopeSender | null
}

/**
 * Why the controller has not answered. `NOT_SENT`: no controller could be reached in all that time, so that nothing was done;
 * `NO_ANSWER`: it may have been done.
 */
export class ControllerLinkError extends Error {
  override readonly name = 'ControllerLinkError'
  readonly code: 'NOT_SENT' | 'NO_ANSWER'

  constructor(code: ControllerLinkError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

interface Waiting {
  /** Monotonic milliseconds. */
  readonly deadline: number
  isSent: boolean
  isSettled: boolean
  /** @returns whether it has come to an end */
  ask(connection: Connection, leftMs: number): Promise<boolean>
  fail(error: Error): void
}

/**
 * The way to the active controller for one purpose: a connection that follows it from node to node, with one request at a
 * time in the order in which they were given, as Kafka's NodeToControllerChannelManager has it. What meets a controller that
 * is none any more, or one that is lost, is asked again until its time is over: it may have been done then.
 */
export class ControllerLink {
  readonly #options: ControllerLinkOptions
  readonly #queue: Waiting[] = []
  readonly #unfollow: () => void
  #connection: Connection | null = null
  /** Where the controller is that the log was told of last. */
  #told: Address | null = null
  /** Of the controller that was connected to last. */
  #apiVersions: ApiVersionsResponse | null = null
  #lastFailure: unknown = undefined
  #isWorking = false
  #isClosed = false
  /** The controller may be another one than the last try has met. */
  #hasChanged = false
  #wake: () => void = () => undefined

  constructor(options: ControllerLinkOptions) {
    this.#options = options
    this.#unfollow = options.metadata.onActiveController(() => this.#onChange())
  }

  /** What the controller that was connected to last serves; null before the first one. */
  get apiVersions(): ApiVersionsResponse | null {
    return this.#apiVersions
  }

  /**
   * Asks the active controller. Errors inside the answer are the caller's.
   * Rejects with ControllerLinkError; with PeerError UNSUPPORTED_VERSION where the controller has no version in common; with
   * EnvelopeError where it doesn't take a client's request from this node
   */
  ask<Q extends Shape, R extends Shape>(
    api: Api<Q, R>,
    body: Encoded<Q>,
    { timeoutMs, isElsewhere, sender = null }: AskOptions<R>,
  ): Promise<Decoded<R>> {
    const { clock } = this.#options.host
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(closed())
      let timer: Timer | null = null
      const settle = (): void => {
        waiting.isSettled = true
        timer?.cancel()
      }
      const waiting: Waiting = {
        deadline: clock.monotonic() + timeoutMs,
        isSent: false,
        isSettled: false,
        ask: async (connection, leftMs) => {
          const answer =
            sender === null
              ? await connection.request(api, body, { timeoutMs: leftMs })
              : await requestFor(connection, sender, api, body, leftMs)
          if (answer === null || isElsewhere(answer)) return false
          settle()
          resolve(answer)
          return true
        },
        fail: (error) => (settle(), reject(error)),
      }
      timer = clock.after(timeoutMs, () => this.#expire(waiting, api.name, timeoutMs))
      this.#queue.push(waiting)
      if (!this.#isWorking) void this.#work()
    })
  }

  /** Requests without an answer fail. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#unfollow()
    for (const waiting of this.#queue.splice(0)) if (!waiting.isSettled) waiting.fail(closed())
    this.#connection?.close()
    this.#wake()
  }

  #expire(waiting: Waiting, name: string, timeoutMs: number): void {
    const code = waiting.isSent ? 'NO_ANSWER' : 'NOT_SENT'
    const what = waiting.isSent ? 'has not answered' : 'could not be reached for'
    const message = `The active controller ${what} ${name} within ${timeoutMs} ms`
    waiting.fail(new ControllerLinkError(code, message, this.#lastFailure))
    // The one that is under way ends with its try.
    const place = this.#queue.indexOf(waiting)
    if (place > 0) this.#queue.splice(place, 1)
  }

  async #work(): Promise<void> {
    this.#isWorking = true
    for (;;) {
      const waiting = this.#queue[0]
      if (waiting === undefined) break
      const isDone = waiting.isSettled || (await this.#try(waiting))
      // `close` has emptied the queue.
      if (isDone || waiting.isSettled) {
        if (this.#queue[0] === waiting) this.#queue.shift()
      } else await this.#pause()
    }
    this.#isWorking = false
  }

  /** @returns whether it has come to an end */
  async #try(waiting: Waiting): Promise<boolean> {
    try {
      const connection = await this.#connected()
      if (connection === null || waiting.isSettled) return waiting.isSettled
      this.#hasChanged = false
      const { host, answerTimeoutMs } = this.#options
      const leftMs = Math.max(1, waiting.deadline - host.clock.monotonic())
      waiting.isSent = true
      if (await waiting.ask(connection, Math.min(leftMs, answerTimeoutMs))) return true
      this.#lastFailure = `${formatAddress(connection.address)} is not the active controller`
      this.#drop(connection)
      return false
    } catch (error) {
      this.#lastFailure = error
      if (error instanceof PeerError && error.code !== 'UNSUPPORTED_VERSION') return false
      if (!waiting.isSettled) waiting.fail(error as Error)
      return true
    }
  }

  /** A connection to who is the active controller now; null where nobody is known to be. */
  async #connected(): Promise<Connection | null> {
    const { host, log, metadata, clientId, connectTimeoutMs, answerTimeoutMs } = this.#options
    const known = this.#connection
    if (known !== null && known.isOpen) return known
    const target = metadata.activeController
    if (target === null) return null
    const connection = await Connection.open(host, target, {
      clientId,
      connectTimeoutMs,
      requestTimeoutMs: answerTimeoutMs,
    })
    const now = metadata.activeController
    if (this.#isClosed || now === null || !sameAddress(now, connection.address)) {
      connection.close()
      return null
    }
    const { id } = target
    // It is connected to anew when a session has ended, too.
    const isTold = this.#told !== null && sameAddress(this.#told, target)
    const fields = { controllerId: id, address: formatAddress(target) }
    log[isTold ? 'debug' : 'info'](fields, 'The active controller is asked')
    this.#told = target
    this.#connection = connection
    this.#apiVersions = connection.apiVersions
    return connection
  }

  #drop(connection: Connection): void {
    connection.close()
    if (this.#connection === connection) this.#connection = null
  }

  /** What the one before has not answered is asked of the next one at once. */
  #onChange(): void {
    const connection = this.#connection
    const target = this.#options.metadata.activeController
    if (target === null) return
    if (connection !== null && !sameAddress(target, connection.address)) this.#drop(connection)
    this.#hasChanged = true
    this.#wake()
  }

  /** Until it is worth another try. */
  #pause(): Promise<void> {
    const { host, retryBackoffMs } = this.#options
    return new Promise((resolve) => {
      const timer = host.clock.after(retryBackoffMs, resolve)
      this.#wake = () => (timer.cancel(), resolve())
      if (this.#isClosed || this.#hasChanged) this.#wake()
      this.#hasChanged = false
    })
  }
}

function closed(): ControllerLinkError {
  return new ControllerLinkError('NOT_SENT', 'This node stops')
}
