import { SaslHandshake } from '../../protocol/messages/sasl-handshake.ts'
import { anyone } from './access.ts'
import { handle } from './handler.ts'

/**
 * SaslHandshake: v0-1. A client picks its mechanism; after v0 its tokens follow as they are, after v1 in SaslAuthenticate
 * (KIP-152). Where nobody has to say who he is, and in mid-session, it is ILLEGAL_SASL_STATE; KIP-368 has clients begin again.
 */
export const saslHandshake = handle(SaslHandshake, {
  access: anyone(),
  listeners: ['broker', 'controller'],
  beforeAuthentication: true,
}).by(({ mechanism }, context) => {
  const { services, version, connection } = context
  if (connection.sasl === null) return { errorCode: 'ILLEGAL_SASL_STATE', mechanisms: [] }
  const begun = connection.sasl.handshake(version, mechanism, services)
  const { errorCode, mechanisms, isEnd } = begun
  if (isEnd) context.afterSent(() => connection.end())
  return { errorCode, mechanisms: [...mechanisms] }
})
