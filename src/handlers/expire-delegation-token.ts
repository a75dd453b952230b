import { ExpireDelegationToken } from '../../protocol/messages/expire-delegation-token.ts'
import { anyone } from './access.ts'
import { askController } from './ask-controller.ts'
import { handle } from './handler.ts'
import { mayUseTokens, NO_TIMESTAMP, principalText } from './token-requests.ts'

/** ExpireDelegationToken: v1-2 (KIP-48). A token is over sooner, or at once: for its owner and those whom it names as renewers. */
export const expireDelegationToken = handle(ExpireDelegationToken, {
  access: anyone(),
  at: 'controller',
}).by(async ({ hmac, expiryTimePeriodMs: periodMs }, context) => {
  if (!mayUseTokens(context)) {
    const errorCode = 'DELEGATION_TOKEN_REQUEST_NOT_ALLOWED'
    return { errorCode, expiryTimestampMs: NO_TIMESTAMP }
  }
  const asked = await askController(context, {
    type: 'expireDelegationToken',
    tokenId: context.services.tokens.idOf(hmac),
    requester: principalText(context.principal),
    periodMs: Number(periodMs),
  })
  if (asked.failed === null) return asked.reply
  return { errorCode: asked.failed.errorCode, expiryTimestampMs: NO_TIMESTAMP }
})
