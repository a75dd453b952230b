import type { ErrorName } from '../../protocol/errors.ts'
import {
  CreateDelegationToken,
  type CreateDelegationTokenRequest,
} from '../../protocol/messages/create-delegation-token.ts'
import type { Principal } from '../security/authentication.ts'
import { custom } from './access.ts'
import { askController } from './ask-controller.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'
import type { NodeServices } from './services.ts'
import { mayUseTokens, NO_TIMESTAMP, principalText } from './token-requests.ts'

/** Whom a token may be renewed by; Kafka knows no others. */
const USER = 'User'

/** CreateDelegationToken: v1-3 (KIP-48). For who asks, or for another one where that is allowed (KIP-373). */
export const createDelegationToken = handle(CreateDelegationToken, {
  access: custom(['CREATE_TOKENS', 'USER']),
  at: 'controller',
}).by(async (request, context) => {
  const { principal: requester, services } = context
  const owner = ownerOf(request, requester)
  const problem = problemOf(request, owner, context)
  if (problem !== null) return refused(problem, owner, requester)
  const asked = await askController(context, {
    type: 'createDelegationToken',
    owner: principalText(owner),
    requester: principalText(requester),
    renewers: request.renewers.map(({ principalType: type, principalName: name }) =>
      principalText({ type, name }),
    ),
    maxLifetimeMs: Number(request.maxLifetimeMs),
  })
  if (asked.failed !== null) return refused(asked.failed.errorCode, owner, requester)
  const { errorCode, token } = asked.reply
  if (token === null) return refused(errorCode, owner, requester)
  return {
    ...refused('NONE', owner, requester),
    issueTimestampMs: token.issueTimestamp,
    expiryTimestampMs: token.expirationTimestamp,
    maxTimestampMs: token.maxTimestamp,
    tokenId: token.tokenId,
    hmac: services.tokens.secretOf(token.tokenId),
  }
})

function ownerOf(request: CreateDelegationTokenRequest, requester: Principal): Principal {
  const { ownerPrincipalType: type, ownerPrincipalName: name } = request
  return name ? { type: type ?? '', name } : requester
}

function problemOf(
  { renewers }: CreateDelegationTokenRequest,
  owner: Principal,
  context: RequestContext<NodeServices>,
): ErrorName | null {
  if (!mayUseTokens(context)) return 'DELEGATION_TOKEN_REQUEST_NOT_ALLOWED'
  const name = principalText(owner)
  const isOwn = name === principalText(context.principal)
  if (!isOwn && !context.may('CREATE_TOKENS', 'USER', name)) {
    return 'DELEGATION_TOKEN_AUTHORIZATION_FAILED'
  }
  return renewers.every(({ principalType }) => principalType === USER)
    ? null
    : 'INVALID_PRINCIPAL_TYPE'
}

function refused(errorCode: ErrorName, owner: Principal, requester: Principal) {
  return {
    errorCode,
    principalType: owner.type,
    principalName: owner.name,
    tokenRequesterPrincipalType: requester.type,
    tokenRequesterPrincipalName: requester.name,
    issueTimestampMs: NO_TIMESTAMP,
    expiryTimestampMs: NO_TIMESTAMP,
    maxTimestampMs: NO_TIMESTAMP,
    tokenId: '',
    hmac: Buffer.alloc(0),
  }
}
