import { api, array, errorCode, string } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * A client picks its SASL mechanism. After v0 the mechanism's tokens follow as bare frames, after v1 in SaslAuthenticate
 * requests (KIP-152).
 */
export const SaslHandshake = api({
  key: 17,
  name: 'SaslHandshake',
  versions: [0, 1],
  listeners: ['broker', 'controller'],
  request: { mechanism: string },
  response: {
    errorCode,
    /** What the listener accepts, also when the client's pick is refused. */
    mechanisms: array(string),
  },
})
export type SaslHandshakeRequest = RequestOf<typeof SaslHandshake>
export type SaslHandshakeResponse = ResponseOf<typeof SaslHandshake>
