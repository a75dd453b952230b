import { api, bytes, errorCode, int64, string } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** One step of a SASL exchange (KIP-152). v1 limits the session's life (KIP-368). */
export const SaslAuthenticate = api({
  key: 36,
  name: 'SaslAuthenticate',
  versions: [0, 2],
  flexible: 2,
  listeners: ['broker', 'controller'],
  request: {
    /** In the mechanism's own format. */
    authBytes: bytes,
  },
  response: {
    errorCode,
    errorMessage: string.nullable(),
    authBytes: bytes,
    /** After so long the client must authenticate again on this connection; 0 for no limit. */
    sessionLifetimeMs: int64.default(0).since(1),
  },
})
export type SaslAuthenticateRequest = RequestOf<typeof SaslAuthenticate>
export type SaslAuthenticateResponse = ResponseOf<typeof SaslAuthenticate>
