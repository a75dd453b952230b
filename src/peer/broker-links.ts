import type { Api, Decoded, Encoded, Shape } from '../../protocol/schema.ts'
import { formatAddress, sameAddress, type Address } from '../host/address.ts'
import type { Logger } from '../host/host.ts'
import type { AnswerMemory } from './answer-memory.ts'
import { Connection } from './connection.ts'
import type { PeerHost } from './security.ts'
import { PeerError } from './errors.ts'
import type { ProvenEndpoint } from './proven-endpoint.ts'

/** Who is told of the connections to brokers. */
export interface LinkWatch {
  /** A connection was opened. */
  reached(brokerId: number): void
  /** One that was open was ended by the machine at this place, by FIN or RST, while an answer was waited for. */
  lost(brokerId: number, place: ProvenEndpoint): void
  /** The machine at this place, whose name may have been looked up since, has let no connection be, or has ended it before a word. */
  refused(brokerId: number, place: ProvenEndpoint): void
}

export interface BrokerLinksOptions {
  readonly host: PeerHost
  readonly log: Logger
  /** As whom this node asks. */
  readonly clientId: string
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  /** After a failure a broker isn't connected to for so long. */
  readonly reconnectBackoffMs: number
  /** Where other brokers reach this one; null where the cluster has none of this id that is alive. */
  readonly addressOf: (brokerId: number) => Address | null
  readonly watch?: LinkWatch | undefined
}

/**
 * Why another broker has not answered. `NOT_ALIVE`: the cluster has none of this id that is alive; `NO_ANSWER`: it could not be
 * reached, or the connection was lost, and the request may have been done; `UNSUPPORTED_VERSION`: there is no version in common.
 */
export class BrokerLinkError extends Error {
  override readonly name = 'BrokerLinkError'
  readonly code: 'NOT_ALIVE' | 'NO_ANSWER' | 'UNSUPPORTED_VERSION'

  constructor(code: BrokerLinkError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

/** The way to one broker at one address. */
interface Link {
  readonly address: Address
  opening: Promise<Connection> | null
  connection: Connection | null
  /** Of the last try, where it failed; monotonic milliseconds. */
  failure: { readonly error: unknown; readonly at: number } | null
  isClosed: boolean
}

/**
 * The way to the other brokers for one purpose: a connection to each that was asked, for as long as the cluster has it at that
 * address. Nothing is asked twice: who asks knows better whether, and of whom.
 */
export class BrokerLinks {
  readonly #options: BrokerLinksOptions
  readonly #links = new Map<number, Link>()
  #isClosed = false

  constructor(options: BrokerLinksOptions) {
    this.#options = options
  }

  /**
   * Asks a broker. Errors inside the answer are the caller's.
   * Rejects with BrokerLinkError
   * @param memory what the answer says in bytes lies in it; in memory of its own where it is left out
   */
  async ask<Q extends Shape, R extends Shape>(
    brokerId: number,
    api: Api<Q, R>,
    body: Encoded<Q>,
    memory?: AnswerMemory,
  ): Promise<Decoded<R>> {
    if (this.#isClosed) throw new BrokerLinkError('NO_ANSWER', 'This broker stops')
    const link = this.#linkTo(brokerId)
    try {
      const connection = await this.#connected(brokerId, link)
      return await connection.request(api, body, { memory })
    } catch (error) {
      if (!(error instanceof PeerError)) throw error
      if (error.isPeersEnd) this.#noteLost(brokerId, link)
      const code = error.code === 'UNSUPPORTED_VERSION' ? error.code : 'NO_ANSWER'
      throw new BrokerLinkError(code, error.message, error)
    }
  }

  /** Brokers may be gone, or be elsewhere: what they were asked there fails. */
  follow(): void {
    for (const [brokerId, link] of this.#links) {
      const address = this.#options.addressOf(brokerId)
      if (address === null || !sameAddress(address, link.address)) this.#drop(brokerId, link)
    }
  }

  /** Requests without an answer fail. */
  close(): void {
    this.#isClosed = true
    for (const [brokerId, link] of this.#links) this.#drop(brokerId, link)
  }

  #linkTo(brokerId: number): Link {
    const address = this.#options.addressOf(brokerId)
    if (address === null) {
      throw new BrokerLinkError('NOT_ALIVE', `Broker ${brokerId} is not alive`)
    }
    const known = this.#links.get(brokerId)
    if (known !== undefined && sameAddress(known.address, address)) return known
    if (known !== undefined) this.#drop(brokerId, known)
    const link: Link = {
      address,
      opening: null,
      connection: null,
      failure: null,
      isClosed: false,
    }
    this.#links.set(brokerId, link)
    return link
  }

  /** Told once of each connection. */
  #noteLost(brokerId: number, link: Link): void {
    const { connection, address } = link
    if (connection === null) return
    link.connection = null
    this.#options.watch?.lost(brokerId, { ip: connection.remoteAddress, port: address.port })
  }

  async #connected(brokerId: number, link: Link): Promise<Connection> {
    if (link.connection?.isOpen === true) return link.connection
    const { host, reconnectBackoffMs } = this.#options
    const { failure } = link
    const isTooSoon = failure !== null && host.clock.monotonic() < failure.at + reconnectBackoffMs
    if (isTooSoon && link.opening === null) throw failure.error
    link.opening ??= this.#open(brokerId, link).finally(() => (link.opening = null))
    return link.opening
  }

  async #open(brokerId: number, link: Link): Promise<Connection> {
    const { host, log, clientId, connectTimeoutMs, requestTimeoutMs } = this.#options
    const { address } = link
    try {
      const timeouts = { connectTimeoutMs, requestTimeoutMs }
      const connection = await Connection.open(host, address, { clientId, ...timeouts })
      // What is asked of it fails, as on one that was open when the link ended.
      if (link.isClosed) connection.close()
      link.connection = connection
      link.failure = null
      this.#options.watch?.reached(brokerId)
      return connection
    } catch (error) {
      const isFirst = link.failure === null
      link.failure = { error, at: host.clock.monotonic() }
      const fields = { brokerId, address: formatAddress(address), err: error }
      if (isFirst && !link.isClosed) log.warn(fields, 'Another broker can not be reached')
      if (!link.isClosed && error instanceof PeerError && isWordOfItsMachine(error)) {
        const ip = error.refusedBy[0] ?? address.host
        this.#options.watch?.refused(brokerId, { ip, port: address.port })
      }
      throw error
    }
  }

  #drop(brokerId: number, link: Link): void {
    link.isClosed = true
    link.connection?.close()
    if (this.#links.get(brokerId) === link) this.#links.delete(brokerId)
  }
}

/** Why there is no connection: nothing listens there, or what did is ending. */
function isWordOfItsMachine({ code, isPeersEnd }: PeerError): boolean {
  return code === 'CONNECTION_REFUSED' || isPeersEnd
}
