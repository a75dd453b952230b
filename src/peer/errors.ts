import type { Address } from '../host/address.ts'

/**
 * What went wrong on the way to another process or with it:
 * `CONNECTION_REFUSED` its machine answered that nothing listens there, at each address that its name has;
 * `HOST_NOT_FOUND` its name has no address; `CONNECT_TIMEOUT` no answer at all; `CONNECT_FAILED` anything else before there
 * was a connection;
 * `CONNECTION_CLOSED` the connection ended with requests unanswered; `REQUEST_TIMEOUT` no answer in time; `NOT_KAFKA` what
 * came back isn't Kafka's protocol; `UNSUPPORTED_VERSION` there is no version of the API that both sides have;
 * `NOT_TLS` the other side doesn't speak TLS, or not with us; `CERTIFICATE_UNTRUSTED` nobody who is trusted here vouches for its
 * certificate now; `CERTIFICATE_MISNAMED` that is for other names than the one it was reached by; `TLS_FAILED` anything else in the
 * handshake, what the other side says of our certificate among it; `AUTHENTICATION_FAILED` it has not let us in by SASL.
 */
export type PeerErrorCode =
  | 'CONNECTION_REFUSED'
  | 'HOST_NOT_FOUND'
  | 'CONNECT_TIMEOUT'
  | 'CONNECT_FAILED'
  | 'CONNECTION_CLOSED'
  | 'REQUEST_TIMEOUT'
  | 'NOT_KAFKA'
  | 'UNSUPPORTED_VERSION'
  | 'NOT_TLS'
  | 'CERTIFICATE_UNTRUSTED'
  | 'CERTIFICATE_MISNAMED'
  | 'TLS_FAILED'
  | 'AUTHENTICATION_FAILED'

/** Of security: what no second try mends, but somebody who changes settings. */
export const SECURITY_FAILURES: readonly PeerErrorCode[] = [
  'NOT_TLS',
  'CERTIFICATE_UNTRUSTED',
  'CERTIFICATE_MISNAMED',
  'TLS_FAILED',
  'AUTHENTICATION_FAILED',
]

/** A connection that did not come about, or a request on it that was not answered. */
export class PeerError extends Error {
  override readonly name = 'PeerError'
  readonly code: PeerErrorCode
  readonly address: Address
  /**
   * What the other side had said before: nothing, its part of the handshake of TLS alone, what comes before all other answers (its
   * versions), or more.
   */
  readonly hadSaid: 'nothing' | 'handshake' | 'versions' | 'more'
  /** IP addresses whose machines said that nothing listens there: a name may have several, and not all need have answered. */
  readonly refusedBy: readonly string[]
  /** Its machine has ended the connection, by FIN or RST. */
  readonly isPeersEnd: boolean

  constructor(
    code: PeerErrorCode,
    address: Address,
    message: string,
    {
      cause,
      hadSaid = 'more',
      refusedBy = [],
      isPeersEnd = false,
    }: {
      cause?: unknown
      hadSaid?: PeerError['hadSaid']
      refusedBy?: readonly string[]
      isPeersEnd?: boolean
    } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.address = address
    this.hadSaid = hadSaid
    this.refusedBy = refusedBy
    this.isPeersEnd = isPeersEnd
  }
}
