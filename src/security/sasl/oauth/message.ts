/** What a client says of itself (RFC 7628). */
export interface OAuthMessage {
  readonly token: string
  /** Who is to be acted for; empty: whom the token is for. */
  readonly authorizationId: string
}

const SEPARATOR = '\x01'
/** By which a client says that it has seen what is wrong with its token. */
export const OAUTH_SEEN = Buffer.from(SEPARATOR)
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

const EXTENSION_NAME = /^[A-Za-z]+$/
const EXTENSION_VALUE = /^[\x21-\x7e \t\r\n]+$/

/** Whether this can be said besides the token. */
export const isExtension = (name: string, value: string): boolean =>
  name !== 'auth' && EXTENSION_NAME.test(name) && EXTENSION_VALUE.test(value)

/** A client's only message. @param extensions what it says besides the token (KIP-342) */
export function oauthMessage(token: string, extensions: ReadonlyMap<string, string>): Buffer {
  const pairs = [
    `auth=Bearer ${token}`,
    ...Array.from(extensions, ([name, value]) => `${name}=${value}`),
  ]
  return Buffer.from(`n,,${SEPARATOR}${pairs.map((pair) => pair + SEPARATOR).join('')}${SEPARATOR}`)
}
