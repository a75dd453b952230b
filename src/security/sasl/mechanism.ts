import type { Principal } from '../authentication.ts'

/** A step of an exchange: what the client is told, and who it is once that is proved; or why it is refused. */
export type SaslStep =
  | { readonly challenge: Buffer; readonly principal: Principal | null }
  | { readonly refused: string }

/** The server's side of one exchange. */
export interface SaslExchange {
  /** Takes what the client says next. */
  step(token: Buffer): SaslStep
}

export const NOTHING = Buffer.alloc(0)
