import { DescribeDelegationToken } from '../../protocol/messages/describe-delegation-token.ts'
import type { TokenRecord } from '../metadata/tokens.ts'
import { custom } from './access.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'
import type { NodeServices } from './services.ts'
import { mayUseTokens, parsePrincipal, principalText } from './token-requests.ts'
import { inTurnsOfStored } from './turns.ts'

/** The memory that a token takes in an answer, about, without its renewers. */
const TOKEN_COST_BYTES = 500

/**
 * DescribeDelegationToken: v1-3 (KIP-48). With their secrets: those of which the asker is owner or renewer, and others where
 * that is allowed for the token, or for its owner (KIP-373).
 */
export const describeDelegationToken = handle(DescribeDelegationToken, {
  access: custom(['DESCRIBE', 'DELEGATION_TOKEN'], ['DESCRIBE_TOKENS', 'USER']),
  listeners: ['broker', 'controller'],
}).by(async ({ owners }, context) => {
  const { tokens } = context.services
  if (!mayUseTokens(context)) {
    return { errorCode: 'DELEGATION_TOKEN_REQUEST_NOT_ALLOWED', tokens: [] }
  }
  if (!tokens.isEnabled) return { errorCode: 'DELEGATION_TOKEN_AUTH_DISABLED', tokens: [] }
  if (owners?.length === 0) return { errorCode: 'NONE', tokens: [] }
  const asked =
    owners === null
      ? null
      : owners.map(({ principalType: type, principalName: name }) => principalText({ type, name }))
  const told = await inTurnsOfStored(context.services, tokens.all(), (token) => {
    if (asked !== null && !asked.some((principal) => has(token, principal))) return null
    if (!maySee(token, context)) return null
    context.spend(TOKEN_COST_BYTES * (1 + token.renewers.length))
    return toldOf(token, tokens.secretOf(token.tokenId))
  })
  return { errorCode: 'NONE', tokens: told }
})

/** As in Kafka whoever has asked for a token for somebody else sees it, too. */
const has = ({ owner, requester, renewers }: TokenRecord, principal: string): boolean =>
  owner === principal || requester === principal || renewers.includes(principal)

function maySee(token: TokenRecord, context: RequestContext<NodeServices>): boolean {
  return (
    has(token, principalText(context.principal)) ||
    context.could('DESCRIBE', 'DELEGATION_TOKEN', token.tokenId) ||
    context.could('DESCRIBE_TOKENS', 'USER', token.owner)
  )
}

function toldOf(token: TokenRecord, hmac: Buffer) {
  const requester = parsePrincipal(token.requester)
  return {
    ...parsePrincipal(token.owner),
    tokenRequesterPrincipalType: requester.principalType,
    tokenRequesterPrincipalName: requester.principalName,
    issueTimestamp: token.issueTimestamp,
    expiryTimestamp: token.expirationTimestamp,
    maxTimestamp: token.maxTimestamp,
    tokenId: token.tokenId,
    hmac,
    renewers: token.renewers.map(parsePrincipal),
  }
}
