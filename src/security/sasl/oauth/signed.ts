import type { Clock } from '../../../host/host.ts'
import { UnknownKeyError, WebTokenError, type Claims } from '../../../host/web-tokens.ts'
import { BadTokenError, type AcceptedToken, type TokenValidator } from './exchange.ts'
import type { KeySource } from './keys.ts'

export interface SignedTokenRules {
  readonly issuer: string | null
  readonly audiences: readonly string[]
  readonly skewSeconds: number
  readonly scopeClaim: string
  readonly subClaim: string
}

/** [KIP-768] Tokens that an identity provider has signed. */
export class SignedTokens implements TokenValidator {
  readonly #keys: KeySource
  readonly #rules: SignedTokenRules
  readonly #clock: Pick<Clock, 'now'>

  constructor(keys: KeySource, rules: SignedTokenRules, clock: Pick<Clock, 'now'>) {
    this.#keys = keys
    this.#rules = rules
    this.#clock = clock
  }

  async validate(token: string): Promise<AcceptedToken> {
    const { issuer, audiences, skewSeconds } = this.#rules
    let claims: Claims
    try {
      const nowMs = this.#clock.now()
      claims = await this.#keys.claimsOf(token, { issuer, audiences, skewSeconds, nowMs })
    } catch (error) {
      if (!(error instanceof WebTokenError || error instanceof UnknownKeyError)) throw error
      throw new BadTokenError(`Could not validate the access token: ${error.message}`)
    }
    return this.#accepted(claims)
  }

  close(): void {
    this.#keys.close()
  }

  #accepted(claims: Claims): AcceptedToken {
    const { scopeClaim, subClaim } = this.#rules
    // Both are there, and numbers.
    const [issuedAt, expires] = [claims['iat'] as number, claims['exp'] as number]
    if (issuedAt < 0 || expires <= issuedAt) {
      throw new BadTokenError('The access token is said to expire before it was issued')
    }
    const scope = claims[scopeClaim]
    const scopes: readonly unknown[] =
      typeof scope === 'string' ? [scope] : Array.isArray(scope) ? scope : []
    if (!scopes.every(isText) || new Set(scopes).size < scopes.length) {
      throw new BadTokenError(
        `The claim ${scopeClaim} of the access token has no scopes, or one twice`,
      )
    }
    const name = claims[subClaim]
    if (!isText(name)) {
      throw new BadTokenError(`The access token has no name in its claim ${subClaim}`)
    }
    return { name: name.trim(), expiresAtMs: Math.round(expires * 1000) }
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value.trim() !== ''
