import { RenewDelegationToken } from '../../protocol/messages/renew-delegation-token.ts'
import { anyone } from './access.ts'
import { askController } from './ask-controller.ts'
import { handle } from './handler.ts'
import { mayUseTokens, NO_TIMESTAMP, principalText } from './token-requests.ts'

/** RenewDelegationToken: v1-2 (KIP-48). A token is good for longer, up to its longest life: for its owner and those whom it names as renewers. */
export const renewDelegationToken = handle(RenewDelegationToken, {
  access: anyone(),
  at: 'controller',
}).by(async ({ hmac, renewPeriodMs: periodMs }, context) => {
  if (!mayUseTokens(context)) {
    const errorCode = 'DELEGATION_TOKEN_REQUEST_NOT_ALLOWED'
    return { errorCode, expiryTimestampMs: NO_TIMESTAMP }
  }
  const asked = await askController(context, {
    type: 'renewDelegationToken',
    tokenId: context.services.tokens.idOf(hmac),
    requester: principalText(context.principal),
    periodMs: Number(periodMs),
  })
  if (asked.failed === null) return asked.reply
  return { errorCode: asked.failed.errorCode, expiryTimestampMs: NO_TIMESTAMP }
})
