import {
  createLocalJWKSet,
  errors,
  jwtVerify,
  type JSONWebKeySet,
  type JWTVerifyOptions,
} from 'jose'

/** The claims of a token that somebody has signed who is trusted. */
export type Claims = Readonly<Record<string, unknown>>

/** What a token must be, besides signed. */
export interface TokenRules {
  /** Null: any. */
  readonly issuer: string | null
  /** One of these; none: any. */
  readonly audiences: readonly string[]
  /** How far the clock of who has issued it may be from this one. */
  readonly skewSeconds: number
  /** The wall clock. */
  readonly nowMs: number
}

/** A token names a key that is not among those that are known. */
export class UnknownKeyError extends Error {
  override readonly name = 'UnknownKeyError'
}

/** What is wrong with a token or a set of keys; nothing of what stands in it. */
export class WebTokenError extends Error {
  override readonly name = 'WebTokenError'
}

/**
 * Of key pairs only. `none` is no signature, and whoever could check one by a secret could make it, too: a public key, which
 * all know, would be taken for that secret.
 */
const ALGORITHMS = ['RS', 'PS', 'ES'].flatMap((family) =>
  [256, 384, 512].map((n) => `${family}${n}`),
)

/** Public keys that tokens are signed with (RFC 7517). */
export class WebKeys {
  readonly #keyOf: ReturnType<typeof createLocalJWKSet>

  /** @throws WebTokenError where the text is no set of keys */
  constructor(text: string) {
    let value: unknown
    try {
      value = JSON.parse(text)
      this.#keyOf = createLocalJWKSet(value as JSONWebKeySet)
    } catch (cause) {
      throw new WebTokenError('it is no set of keys: JSON with a list "keys" (RFC 7517)', { cause })
    }
  }

  /**
   * What is claimed by a token that one of these keys has signed (RFC 7519). Work of the thread pool.
   * Rejects with UnknownKeyError, or WebTokenError where anything else is wrong
   */
  async claimsOf(
    token: string,
    { issuer, audiences, skewSeconds, nowMs }: TokenRules,
  ): Promise<Claims> {
    const options: JWTVerifyOptions = {
      algorithms: [...ALGORITHMS, 'EdDSA'],
      clockTolerance: skewSeconds,
      currentDate: new Date(nowMs),
      requiredClaims: ['exp', 'iat'],
      ...(issuer === null ? {} : { issuer }),
      ...(audiences.length === 0 ? {} : { audience: [...audiences] }),
    }
    try {
      return (await jwtVerify(token, this.#keyOf, options)).payload
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw toldOf(error)
      return signedByOneOf(error, token, options)
    }
  }
}

/** A token that doesn't say by which key it is signed. */
async function signedByOneOf(
  keys: errors.JWKSMultipleMatchingKeys,
  token: string,
  options: JWTVerifyOptions,
): Promise<Claims> {
  let unusable: TypeError | null = null
  for await (const key of keys) {
    try {
      return (await jwtVerify(token, key, options)).payload
    } catch (error) {
      if (error instanceof TypeError) unusable = error
      else if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw toldOf(error)
    }
  }
  const others = unusable === null ? '' : `, and one of them can't be used: ${unusable.message}`
  throw new WebTokenError(`none of the keys has signed it${others}`, { cause: unusable })
}

/**
 * jose's words: they name what is wrong, and nothing of the token. A key of the set that can't be used, RSA of less than 2048 bits
 * say, is told of by a TypeError.
 */
function toldOf(error: unknown): unknown {
  if (error instanceof errors.JWKSNoMatchingKey) {
    return new UnknownKeyError('the key that it is signed with is not known')
  }
  const isTold = error instanceof errors.JOSEError || error instanceof TypeError
  return isTold ? new WebTokenError(error.message, { cause: error }) : error
}

/** The header and the claims of a token, whoever has made it; null where the text is none. */
export function readToken(
  token: string,
): { readonly header: Claims; readonly claims: Claims; readonly signature: string } | null {
  const [header, claims, signature, ...more] = token.split('.')
  if (signature === undefined || more.length > 0) return null
  const [readHeader, readClaims] = [objectOf(header!), objectOf(claims!)]
  return readHeader === null || readClaims === null
    ? null
    : { header: readHeader, claims: readClaims, signature }
}

function objectOf(part: string): Claims | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Claims)
      : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
