import { api, bytes, errorCode } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** A broker forwards a client's request to the active controller, in the client's name (KIP-590). */
export const Envelope = api({
  key: 58,
  name: 'Envelope',
  versions: [0, 0],
  flexible: 0,
  listeners: ['controller'],
  request: {
    /** A whole request: header and body, without the size before it. */
    requestData: bytes,
    /** The authenticated client, as an int16 version and DefaultPrincipalData. */
    requestPrincipal: bytes.nullable(),
    /** The client's IP address: 4 bytes or 16. */
    clientHostAddress: bytes,
  },
  response: {
    /** A whole response: header and body. */
    responseData: bytes.nullable().default(null),
    /** Of the forwarding; the request's own error is inside. */
    errorCode,
  },
})

export type EnvelopeRequest = RequestOf<typeof Envelope>
export type EnvelopeResponse = ResponseOf<typeof Envelope>
