import { AuthorizerNotReadyError } from '../security/authorizer.ts'
import type { Reply } from './reply.ts'
import { CostError } from './request-context.ts'

/** What a request comes to: the answer, null for none, or why the connection must end. */
export type Outcome = Reply | null | ConnectionFault

/** Who has sent a request, and is told once what it came to: before `start` returns, or later. */
export interface Requester {
  settle(outcome: Outcome): void
  /** [KIP-219] Said before that: nothing of the client is to be looked at for so many milliseconds. */
  mute?(ms: number): void
}

/** Why a connection can't go on, in words for the log. */
export interface ConnectionFault {
  readonly fault: string
  readonly cause?: unknown
  /** The log need not say so. */
  readonly isKnown?: boolean
}

/** @param name of the API and its version: `Fetch v17` */
export function failure(name: string, cause: unknown): ConnectionFault {
  // The client has asked for too much; that is no bug of ours.
  if (cause instanceof CostError) return { fault: `${name}: ${cause.message}` }
  // As long as this node doesn't know the ACLs: its client tries again.
  if (cause instanceof AuthorizerNotReadyError) return { fault: `${name}: ${cause.message}` }
  return { fault: `${name} could not be answered`, cause }
}
