import type { Principal } from '../authentication.ts'

/** A step of an exchange: what the client is told, and who it is once that is proved; or why it is refused. */
export type SaslStep =
  | {
      readonly challenge: Buffer
      readonly principal: Principal | null
      /** By the wall clock: what it has proved itself with is no good from then on. */
      readonly expiresAtMs?: number
    }
  | {
      /** What the client is told; empty: no more than that it is refused. */
      readonly refused: string
      /** What is for the log alone. */
      readonly detail?: string
    }

/** The server's side of one exchange. */
export interface SaslExchange {
  /** Takes what the client says next. */
  step(token: Buffer): SaslStep | Promise<SaslStep>
}

export const NOTHING = Buffer.alloc(0)
