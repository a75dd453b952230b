import type { Clock } from '../../../host/host.ts'
import { readToken, type Claims } from '../../../host/web-tokens.ts'
import { BadTokenError, type AcceptedToken, type TokenValidator } from './exchange.ts'

const OPTION = 'unsecuredValidator'
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/**
 * [KIP-255] Tokens that nobody has signed: whoever writes a name into one is let in by it. For tests, as Kafka has it, with the
 * options of the login module that Kafka has for it.
 */
export class UnsecuredTokens implements TokenValidator {
  readonly #clock: Pick<Clock, 'now'>
  readonly #nameClaim: string
  readonly #scopeClaim: string
  readonly #requiredScopes: readonly string[]
  readonly #skewMs: number

  /** @throws SyntaxError where an option has no value that it can have */
  constructor(options: ReadonlyMap<string, string>, clock: Pick<Clock, 'now'>) {
    const option = (name: string): string => options.get(OPTION + name)?.trim() ?? ''
    this.#clock = clock
    this.#nameClaim = option('PrincipalClaimName') || 'sub'
    this.#scopeClaim = option('ScopeClaimName') || 'scope'
    this.#requiredScopes = option('RequiredScope').split(' ').filter(Boolean)
    if (!this.#requiredScopes.every((scope) => SCOPE.test(scope))) {
      throw new SyntaxError(`${OPTION}RequiredScope is no list of scopes`)
    }
    const skew = option('AllowableClockSkewMs') || '0'
    if (!/^\d{1,9}$/.test(skew)) {
      throw new SyntaxError(`${OPTION}AllowableClockSkewMs is no number of milliseconds`)
    }
    this.#skewMs = Number(skew)
  }

  validate(token: string): Promise<AcceptedToken> {
    // What is thrown is to come as a promise does.
    return Promise.resolve().then(() => this.#accepted(token))
  }

  close(): void {}

  #accepted(text: string): AcceptedToken {
    const token = readToken(text)
    if (token?.header['alg'] !== 'none' || token.signature !== '') {
      throw new BadTokenError(
        'It is no unsecured token: header with "alg" none, claims, no signature',
      )
    }
    const { claims } = token
    const name = claims[this.#nameClaim]
    if (typeof name !== 'string' || name.trim() === '') {
      throw new BadTokenError(`The token has no name in its claim ${this.#nameClaim}`)
    }
    const [issuedAtMs, expiresAtMs] = [timeOf(claims, 'iat'), timeOf(claims, 'exp')]
    if (expiresAtMs === null) throw new BadTokenError('The token has no time at which it expires')
    const nowMs = this.#clock.now()
    if (nowMs - this.#skewMs >= expiresAtMs) throw new BadTokenError('The token has expired')
    if (issuedAtMs !== null && issuedAtMs > nowMs + this.#skewMs) {
      throw new BadTokenError('The token has been issued in the future')
    }
    if (issuedAtMs !== null && expiresAtMs <= issuedAtMs) {
      throw new BadTokenError('The token is said to expire before it was issued')
    }
    this.#checkScope(claims[this.#scopeClaim])
    return { name, expiresAtMs }
  }

  #checkScope(claimed: unknown): void {
    const scopes: readonly unknown[] = Array.isArray(claimed) ? claimed : [claimed]
    const has = (scope: string): boolean =>
      scopes.some((other) => typeof other === 'string' && other.trim() === scope)
    if (this.#requiredScopes.every(has)) return
    const scope = `[${this.#requiredScopes.join(', ')}]`
    const told = `{"status":"insufficient_scope", "scope":"${scope}"}`
    throw new BadTokenError(`The token lacks a scope of ${scope}`, told)
  }
}

/** In milliseconds; null where it isn't there. */
function timeOf(claims: Claims, name: string): number | null {
  const seconds = claims[name]
  if (seconds === undefined || seconds === null) return null
  if (typeof seconds !== 'number')
    throw new BadTokenError(`The claim ${name} of the token is no number`)
  return Math.round(seconds * 1000)
}
