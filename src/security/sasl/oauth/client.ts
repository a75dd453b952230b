import type { Clock } from '../../../host/host.ts'
import { readToken } from '../../../host/web-tokens.ts'
import type { SaslClientExchange, SaslLogin } from '../../../peer/security.ts'
import { OAUTH_SEEN, oauthMessage } from './message.ts'

/** Where a client has its token from. */
export interface TokenSource {
  /** Rejects with an Error that says why there is none, and has no secret. */
  token(): Promise<string>
  /** In words, as in "the token of /run/token". */
  readonly name: string
}

/** A token is asked for again when so much of its life is over, as Kafka's clients do it (`sasl.login.refresh.window.factor`). */
const REFRESH_FACTOR = 0.8

interface Held {
  readonly token: string
  readonly refreshAtMs: number
  readonly expiresAtMs: number
}

/** [KIP-255, KIP-768] Logs in by a token, the same one on all connections for the most part of its life. */
export class OAuthLogin implements SaslLogin {
  readonly mechanism = 'OAUTHBEARER'
  readonly #source: TokenSource
  readonly #extensions: ReadonlyMap<string, string>
  readonly #clock: Pick<Clock, 'now'>
  #held: Held | null = null
  #asking: Promise<Held> | null = null

  /** @param extensions what is said besides the token (KIP-342) */
  constructor(
    source: TokenSource,
    extensions: ReadonlyMap<string, string>,
    clock: Pick<Clock, 'now'>,
  ) {
    this.#source = source
    this.#extensions = extensions
    this.#clock = clock
  }

  async begin(): Promise<SaslClientExchange> {
    const { token } = await this.#current()
    return new OAuthClientExchange(oauthMessage(token, this.#extensions))
  }

  /** Who comes while a token is asked for waits for the same one; where none comes, the one before is good until it ends. */
  async #current(): Promise<Held> {
    const held = this.#held
    if (held !== null && this.#clock.now() < held.refreshAtMs) return held
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null
    })
    try {
      return (this.#held = await this.#asking)
    } catch (error) {
      if (held !== null && this.#clock.now() < held.expiresAtMs) return held
      throw error
    }
  }

  async #ask(): Promise<Held> {
    const text = (await this.#source.token()).trim()
    const nowMs = this.#clock.now()
    const wrong = (why: string): Error => new Error(`the token of ${this.#source.name} ${why}`)
    const read = /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text) ? readToken(text) : null
    if (read === null) throw wrong('is none: it has not the form of a JWT')
    const { exp: expires } = read.claims
    if (typeof expires !== 'number') throw wrong('does not say when it expires (exp)')
    const lifeMs = expires * 1000 - nowMs
    if (lifeMs <= 0) throw wrong(`has expired ${Math.ceil(-lifeMs / 1000)} s ago`)
    const refreshAtMs = nowMs + lifeMs * REFRESH_FACTOR
    return { token: text, refreshAtMs, expiresAtMs: nowMs + lifeMs }
  }
}

/** [RFC 7628] One message, and one more by which the other side learns that its reason has come. */
class OAuthClientExchange implements SaslClientExchange {
  readonly #message: Buffer
  #isRefused = false

  constructor(message: Buffer) {
    this.#message = message
  }

  next(challenge: Buffer | null): Promise<Buffer | null> {
    if (challenge === null) return Promise.resolve(this.#message)
    if (this.#isRefused) return Promise.reject(new Error('it has refused the token, and goes on'))
    if (challenge.length === 0) return Promise.resolve(null)
    this.#isRefused = true
    return Promise.resolve(OAUTH_SEEN)
  }
}
