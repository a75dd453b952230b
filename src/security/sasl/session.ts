import type { ErrorName } from '../../../protocol/errors.ts'
import type { Host, Timer } from '../../host/host.ts'
import { ANONYMOUS, type Authentication, type Principal } from '../authentication.ts'
import type { ListenerSasl, SaslMechanism } from './listener-sasl.ts'
import type { SaslExchange } from './mechanism.ts'
import { OAuthExchange } from './oauth/exchange.ts'
import { PlainExchange } from './plain.ts'
import { ScramExchange, type FindCredential, type FindToken } from './scram.ts'

/** How long a client may take until it has authenticated; Kafka's clients give up earlier. */
export const AUTHENTICATION_MS = 30_000
/** A client that authenticates again and again would have the broker do nothing else. */
const LEAST_SESSION_MS = 1000
/**
 * 292 years: Kafka's Java client counts a session in nanoseconds, as a long. What lasts longer is one that never ends; tokens that
 * expire in microseconds by mistake have such sessions.
 */
const ENDLESS_MS = 2 ** 63 / 1e6
const NONCE_BYTES = 18

/** What a client's pick of a mechanism comes to. */
export interface Handshake {
  readonly errorCode: ErrorName
  readonly mechanisms: readonly string[]
  /** The connection ends when this was said. */
  readonly isEnd: boolean
}

/** What a client's token comes to. */
export type Authenticated =
  | {
      readonly refused: string
      readonly errorCode: ErrorName
      /** What is for the log alone. */
      readonly detail?: string | undefined
    }
  | { readonly challenge: Buffer; readonly lifetimeMs: number }

/** Where SCRAM finds what it knows of users and tokens. */
interface Credentials {
  readonly scramCredential: FindCredential
  readonly tokens: { readonly bearer: FindToken }
}

interface Exchange {
  readonly mechanism: SaslMechanism
  readonly exchange: SaslExchange
}

/** Who the client of one connection is, and the exchanges in which it says so: the first one, and those of KIP-368. */
export class SaslSession implements Authentication {
  readonly #sasl: ListenerSasl
  readonly #host: Pick<Host, 'clock' | 'random'>
  readonly #timer: Timer
  #principal: Principal | null = null
  #mechanism: SaslMechanism | null = null
  #exchange: Exchange | null = null
  #isRaw = false
  #begunMs = -Infinity
  expiresAtMs: number | undefined = undefined

  /** @param onLate called when the client has not authenticated in time */
  constructor(sasl: ListenerSasl, host: Pick<Host, 'clock' | 'random'>, onLate: () => void) {
    this.#sasl = sasl
    this.#host = host
    this.#timer = host.clock.after(AUTHENTICATION_MS, onLate)
  }

  get principal(): Principal {
    return this.#principal ?? ANONYMOUS
  }

  get isPending(): boolean {
    return this.#principal === null
  }

  get maxReceiveBytes(): number {
    return this.#sasl.maxReceiveBytes
  }

  /** Whether frames are tokens without a header, as after a handshake of v0. */
  get isRaw(): boolean {
    return this.#isRaw && this.#exchange !== null
  }

  /** The connection has ended. */
  close(): void {
    this.#timer.cancel()
  }

  /** [SaslHandshake] Begins an exchange. */
  handshake(version: number, name: string, find: Credentials): Handshake {
    const { mechanisms } = this.#sasl
    const nowMs = this.#host.clock.monotonic()
    const isAgain = this.#principal !== null
    const isTooSoon = isAgain && nowMs - this.#begunMs < LEAST_SESSION_MS
    if (this.#exchange !== null || isTooSoon || (isAgain && version === 0)) {
      return { errorCode: 'ILLEGAL_SASL_STATE', mechanisms, isEnd: !isAgain }
    }
    const mechanism = mechanisms.find((known) => known === name)
    if (mechanism === undefined) {
      return { errorCode: 'UNSUPPORTED_SASL_MECHANISM', mechanisms, isEnd: true }
    }
    this.#begunMs = nowMs
    this.#isRaw = version === 0
    this.#exchange = { mechanism, exchange: this.#exchangeOf(mechanism, find) }
    return { errorCode: 'NONE', mechanisms, isEnd: false }
  }

  /** [SaslAuthenticate] Goes on with it. Who is refused is told so after a while, and never asked again. */
  async authenticate(token: Buffer): Promise<Authenticated> {
    if (this.#exchange === null) {
      const when = this.isPending ? 'before the handshake' : 'after successful authentication'
      return {
        errorCode: 'ILLEGAL_SASL_STATE',
        refused: `SaslAuthenticate request received ${when}`,
      }
    }
    const { mechanism, exchange } = this.#exchange
    const taken = exchange.step(token)
    const step = taken instanceof Promise ? await taken : taken
    if ('refused' in step) {
      return this.#refused(step.refused || invalid(mechanism, !this.isPending), step.detail)
    }
    const { challenge, principal } = step
    if (principal === null) return { challenge, lifetimeMs: 0 }
    if (this.#principal !== null && this.#principal.name !== principal.name) {
      return this.#refused('Cannot change principals during re-authentication')
    }
    if (this.#mechanism !== null && this.#mechanism !== mechanism) {
      return this.#refused('Cannot change the SASL mechanism during re-authentication')
    }
    return { challenge, lifetimeMs: this.#begin(mechanism, principal, step.expiresAtMs) }
  }

  #refused(refused: string, detail?: string): Authenticated {
    this.#exchange = null
    return { errorCode: 'SASL_AUTHENTICATION_FAILED', refused, detail }
  }

  /** @returns after how long the client has to authenticate again; 0: never */
  #begin(mechanism: SaslMechanism, principal: Principal, goodUntilMs = Infinity): number {
    this.#timer.cancel()
    this.#exchange = null
    this.#principal = principal
    this.#mechanism = mechanism
    const { clock } = this.#host
    const mostMs = this.#sasl.maxSessionMs(mechanism)
    const leftMs = goodUntilMs - clock.now()
    const lifetimeMs = Math.max(0, mostMs > 0 ? Math.min(mostMs, leftMs) : leftMs)
    if (lifetimeMs >= ENDLESS_MS) {
      this.expiresAtMs = undefined
      return 0
    }
    this.expiresAtMs = clock.monotonic() + lifetimeMs
    return lifetimeMs
  }

  #exchangeOf(mechanism: SaslMechanism, find: Credentials): SaslExchange {
    if (mechanism === 'PLAIN') return new PlainExchange(this.#sasl.users)
    if (mechanism === 'OAUTHBEARER') return new OAuthExchange(this.#sasl.validator!)
    const { scramCredential, tokens } = find
    const findToken: FindToken = (...token) => tokens.bearer(...token)
    const nonce = this.#host.random.bytes(NONCE_BYTES)
    return new ScramExchange(mechanism, scramCredential, findToken, nonce)
  }
}

function invalid(mechanism: SaslMechanism, isAgain: boolean): string {
  const what = isAgain ? 're-authentication' : 'authentication'
  return `Authentication failed during ${what} due to invalid credentials with SASL mechanism ${mechanism}`
}
