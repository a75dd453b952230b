import { formatAddress, type Address } from '../host/address.ts'
import { PeerError, type PeerErrorCode } from './errors.ts'

/** What Node and OpenSSL say where nobody vouches for a certificate, or not now. */
const UNTRUSTED: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: 'it comes from an authority that is not trusted here',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it vouches for itself, and is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'it comes from an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT: 'it comes from an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'it comes from an authority that is not trusted here',
  CERT_SIGNATURE_FAILURE: 'it was not signed by the authority that is trusted here',
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  CERT_REVOKED: 'it was revoked',
  INVALID_PURPOSE: 'it is not one for servers',
}
const ALERT = /^ERR_SSL_.*_ALERT_|^ERR_SSL_ALERT_/
/** TLS tells so with an alert, after the handshake where it is 1.3. */
const OF_TLS = /^ERR_(SSL|TLS)_/

/** Whether a connection has ended by what TLS says. */
export function isOfTls(error: Error | undefined): boolean {
  return OF_TLS.test((error as NodeJS.ErrnoException | undefined)?.code ?? '')
}

/** What a refusal without a reason may mean. */
export const MAY_DEMAND = 'it may demand a certificate, and one that it trusts'

/** Why there is no connection over TLS, and what that means. */
export function tlsFailure(address: Address, cause: Error): PeerError {
  const where = formatAddress(address)
  const failure = (code: PeerErrorCode, message: string): PeerError =>
    new PeerError(code, address, message, { cause })
  const { code = '', message } = cause as NodeJS.ErrnoException
  const why = UNTRUSTED[code]
  if (why !== undefined) {
    return failure('CERTIFICATE_UNTRUSTED', `The certificate of ${where} can't be trusted: ${why}`)
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const { reason = message } = cause as { readonly reason?: string }
    return failure(
      'CERTIFICATE_MISNAMED',
      `The certificate of ${where} is not one for ${address.host}: ${reason}`,
    )
  }
  if (code === 'NOT_TLS') {
    return failure('NOT_TLS', `${where} does not speak TLS, which is asked for here`)
  }
  if (ALERT.test(code)) {
    const { reason = message } = cause as { readonly reason?: string }
    const refused = `${where} has refused the handshake of TLS (${reason})`
    return failure('TLS_FAILED', `${refused}: ${MAY_DEMAND}`)
  }
  if (code === 'ECONNRESET' || code === 'EPIPE' || code === 'CLOSED_IN_HANDSHAKE') {
    const what =
      'it may be a listener without TLS, or one that refuses the certificate it was shown'
    return failure('NOT_TLS', `${where} has ended the handshake of TLS: ${what}`)
  }
  return failure('TLS_FAILED', `The handshake of TLS with ${where} has failed: ${message}`)
}
