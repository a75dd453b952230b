import type { SecurityProtocol } from '../config/listeners.ts'
import type { Address } from '../host/address.ts'
import type { Host, Socket } from '../host/host.ts'

/** How connections that this process opens are protected, and how it says there who it is: as the listener demands it. */
export interface PeerSecurity {
  readonly protocol: SecurityProtocol
  /** Null where the protocol has no TLS. */
  readonly tls: PeerTls | null
  /** Null where the protocol has no SASL. */
  readonly login: SaslLogin | null
}

/** The client's side of TLS. */
export interface PeerTls {
  /**
   * Does the handshake on a socket that nobody has attached to. While it goes on, destroying the socket ends it.
   * Rejects with PeerError
   */
  secure(socket: Socket, address: Address): Promise<Socket>
}

/** Who this process is, by one mechanism of SASL. */
export interface SaslLogin {
  readonly mechanism: string
  /** Throws, or rejects with, an Error that says why there is nothing to log in with; no secret is in its message */
  begin(): SaslClientExchange | Promise<SaslClientExchange>
}

/** The client's side of one exchange. */
export interface SaslClientExchange {
  /**
   * What is said next; null where nothing is left to say: then the other side has shown all that its mechanism has it show.
   * Rejects with an Error that says what is wrong with what it has said
   * @param challenge null at the beginning
   */
  next(challenge: Buffer | null): Promise<Buffer | null>
}

/** To listeners of PLAINTEXT. */
export const IN_THE_CLEAR: PeerSecurity = { protocol: 'PLAINTEXT', tls: null, login: null }

/** The machine of a node as connections to a kind of listener take it. */
export function towards(
  { clock, network, log }: Pick<Host, 'clock' | 'network' | 'log'>,
  security: PeerSecurity,
): PeerHost & Pick<Host, 'log'> {
  return { clock, network, log, security }
}

/** What a connection to another process takes of the machine, and how it is protected. */
export type PeerHost = Pick<Host, 'clock' | 'network'> & { readonly security: PeerSecurity }
