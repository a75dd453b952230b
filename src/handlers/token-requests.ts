import type { RequestContext } from './context.ts'
import type { NodeServices } from './services.ts'
import { ANONYMOUS, type Principal } from '../security/authentication.ts'

/** What there is no time for. */
export const NO_TIMESTAMP = -1

export const principalText = ({ type, name }: Principal): string => `${type}:${name}`

/** Type and name of a principal in the form of records. */
export function parsePrincipal(text: string): { principalType: string; principalName: string } {
  const colon = text.indexOf(':')
  return { principalType: text.slice(0, colon), principalName: text.slice(colon + 1) }
}

/**
 * Whether a client may have to do with tokens at all, as Kafka has it: it has proved who it is, and not by a token, which could
 * be prolonged without end by another one.
 */
export function mayUseTokens({ principal, connection }: RequestContext<NodeServices>): boolean {
  if (principal.tokenAuthenticated === true) return false
  const { type, name } = ANONYMOUS
  return connection.sasl !== null || principal.type !== type || principal.name !== name
}
