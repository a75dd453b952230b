/** Who sends a request. */
export interface Principal {
  /** `User`, but for principals that an operator's own principal builder makes. */
  readonly type: string
  readonly name: string
  /** [KIP-48] It has proved who it is by a delegation token, by which no others are made. */
  readonly tokenAuthenticated?: boolean
}

/** Who nobody has asked who it is. */
export const ANONYMOUS: Principal = { type: 'User', name: 'ANONYMOUS' }

/** What is known of who the client of a connection is. */
export interface Authentication {
  /** Of the requests that come by this connection, but for those that bring their own (Envelope). */
  readonly principal: Principal
  /** The client has yet to prove it; until then it can do nothing else. */
  readonly isPending: boolean
  /** [KIP-368] By the clock that never goes back; then the client has to prove it again. Undefined: never. */
  readonly expiresAtMs?: number | undefined
}

/** On a listener without authentication. */
export const NOT_ASKED: Authentication = { principal: ANONYMOUS, isPending: false }
