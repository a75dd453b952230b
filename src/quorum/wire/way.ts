import { Vote } from '../../../protocol/messages/vote.ts'
import type { Api, Decoded, Encoded, Shape } from '../../../protocol/schema.ts'
import type { Address } from '../../host/address.ts'
import { formatAddress } from '../../host/address.ts'
import { Connection } from '../../peer/connection.ts'
import type { ApiVersionsResponse, ConnectionOptions } from '../../peer/connection.ts'
import type { PeerHost } from '../../peer/security.ts'
import { PeerError } from '../../peer/errors.ts'
import type { Asked } from './requests.ts'

const NO_CONTROLLER =
  "It is no controller's listener: correct controller.quorum.voters and controller.quorum.bootstrap.servers, which name those of controller.listener.names"

/** A connection to one address, opened when something is to be sent and there is none. */
export class Way implements Asked {
  readonly #host: PeerHost
  readonly #address: Address
  readonly #options: ConnectionOptions
  #opening: Promise<Connection> | null = null
  #remoteAddress: string | null = null
  #isClosed = false

  constructor(host: PeerHost, address: Address, options: ConnectionOptions) {
    this.#host = host
    this.#address = address
    this.#options = options
  }

  /** The IP address that was connected to last; null where there was no connection yet. */
  get remoteAddress(): string | null {
    return this.#remoteAddress
  }

  /** @throws PeerError */
  async request<Q extends Shape, R extends Shape>(
    api: Api<Q, R>,
    body: Encoded<Q>,
    leastVersion = 0,
  ): Promise<Decoded<R>> {
    const connection = await this.#open()
    // Clients' listeners serve Fetch, too, and know nothing of the quorum.
    if (connection.versionOf(Vote) === null) {
      throw new PeerError('UNSUPPORTED_VERSION', this.#address, NO_CONTROLLER)
    }
    const version = connection.versionOf(api)
    if (version === null || version < leastVersion) {
      throw new PeerError(
        'UNSUPPORTED_VERSION',
        this.#address,
        `${formatAddress(this.#address)} does not serve ${api.name} in a version that this node can use`,
      )
    }
    return connection.request(api, body, { version })
  }

  /**
   * What the other side has said of itself.
   * @throws PeerError
   */
  async apiVersions(): Promise<ApiVersionsResponse> {
    return (await this.#open()).apiVersions
  }

  close(): void {
    this.#isClosed = true
    const opening = this.#opening
    this.#opening = null
    // What could not be opened has told its askers, and has nothing to close.
    opening?.then(
      (connection) => connection.close(),
      () => undefined,
    )
  }

  async #open(): Promise<Connection> {
    for (;;) {
      if (this.#isClosed) {
        const message = `The way to ${formatAddress(this.#address)} was closed here`
        throw new PeerError('CONNECTION_CLOSED', this.#address, message)
      }
      const opening = (this.#opening ??= Connection.open(this.#host, this.#address, this.#options))
      let connection: Connection
      try {
        connection = await opening
      } catch (error) {
        if (this.#opening === opening) this.#opening = null
        throw error
      }
      this.#remoteAddress = connection.remoteAddress
      if (connection.isOpen) return connection
      // The other side has closed it since.
      if (this.#opening === opening) this.#opening = null
    }
  }
}
