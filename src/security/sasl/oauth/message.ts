/** What a client says of itself (RFC 7628). */
export interface OAuthMessage {
  readonly token: string
  /** Who is to be acted for; empty: whom the token is for. */
  readonly authorizationId: string
}

const SEPARATOR = '\x01'
/** No channel binding, and who is to be acted for, with commas and equals signs as SASL has them in names. */
const HEADER = /^n,(?:a=((?:[\x01-\x2b\x2d-\x3c\x3e-\x7f]|=2C|=3D)+))?,$/
const EXTENSION = /^[A-Za-z]+=[\x21-\x7e \t\r\n]+$/
const AUTHORIZATION = /^(\w+) +([-_~+/.a-zA-Z0-9]+=*)$/

/**
 * Reads a client's only message. What it says besides the token (KIP-342) is for plug-ins, which aren't here: it is read over.
 * @throws SyntaxError that says what is wrong, and nothing of what stands there
 */
export function parseOAuthMessage(bytes: Buffer): OAuthMessage {
  const text = bytes.toString()
  const end = text.indexOf(`,${SEPARATOR}`) + 1
  const header = HEADER.exec(text.slice(0, end))
  const pairs = text.slice(end + 1).split(SEPARATOR)
  // A separator ends each pair, and one more all of them.
  const isEnded = pairs.pop() === '' && pairs.pop() === ''
  if (header === null || !isEnded || !pairs.every((pair) => EXTENSION.test(pair))) {
    throw new SyntaxError('Invalid OAUTHBEARER client first message')
  }
  const auth = pairs.findLast((pair) => pair.startsWith('auth='))
  if (auth === undefined) {
    throw new SyntaxError("Invalid OAUTHBEARER client first message: 'auth' not specified")
  }
  const [, scheme, token] = AUTHORIZATION.exec(auth.slice('auth='.length)) ?? []
  if (scheme?.toLowerCase() !== 'bearer') {
    throw new SyntaxError("Invalid OAUTHBEARER client first message: invalid 'auth' format")
  }
  return { token: token!, authorizationId: header[1] ?? '' }
}
