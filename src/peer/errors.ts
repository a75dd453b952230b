import type { Address } from '../host/address.ts'

/**
 * What went wrong on the way to another process or with it:
 * `CONNECTION_REFUSED` its machine answered that nothing listens there, at each address that its name has;
 * `HOST_NOT_FOUND` its name has no address; `CONNECT_TIMEOUT` no answer at all; `CONNECT_FAILED` anything else before there
 * was a connection;
 * `CONNECTION_CLOSED` the connection ended with requests unanswered; `REQUEST_TIMEOUT` no answer in time; `NOT_KAFKA` what
 * came back isn't Kafka's protocol; `UNSUPPORTED_VERSION` there is no version of the API that both sides have.
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

/** A connection that did not come about, or a request on it that was not answered. */
export class PeerError extends Error {
  override readonly name = 'PeerError'
  readonly code: PeerErrorCode
  readonly address: Address
  /** The other side had not said anything yet. */
  readonly wasSilent: boolean
  /** IP addresses whose machines said that nothing listens there: a name may have several, and not all need have answered. */
  readonly refusedBy: readonly string[]

  constructor(
    code: PeerErrorCode,
    address: Address,
    message: string,
    {
      cause,
      wasSilent = false,
      refusedBy = [],
    }: { cause?: unknown; wasSilent?: boolean; refusedBy?: readonly string[] } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.address = address
    this.wasSilent = wasSilent
    this.refusedBy = refusedBy
  }
}
