import { NOTHING, type SaslExchange, type SaslStep } from '../mechanism.ts'
import { OAUTH_SEEN, parseOAuthMessage, type OAuthMessage } from './message.ts'

/** Whom a token is for, and until when, by the wall clock. */
export interface AcceptedToken {
  readonly name: string
  readonly expiresAtMs: number
}

/** A token that isn't good, in the words that clients are told of it, and those that are for the log. */
export class BadTokenError extends Error {
  override readonly name = 'BadTokenError'
  /** By RFC 7628, as JSON. */
  readonly told: string

  constructor(message: string, told = '{"status":"invalid_token"}') {
    super(message)
    this.told = told
  }
}

export interface TokenValidator {
  /** Rejects with BadTokenError. */
  validate(token: string): Promise<AcceptedToken>
  /** Fetches nothing more. */
  close(): void
}

/** [RFC 7628, KIP-255] One message with a token. Who is refused is told why, and once that is seen the exchange has failed. */
export class OAuthExchange implements SaslExchange {
  readonly #validator: TokenValidator
  #failure: BadTokenError | null = null

  constructor(validator: TokenValidator) {
    this.#validator = validator
  }

  async step(bytes: Buffer): Promise<SaslStep> {
    if (this.#failure !== null) {
      const { told, message } = this.#failure
      const isSeen = bytes.equals(OAUTH_SEEN)
      return { refused: isSeen ? told : '', detail: message }
    }
    let message: OAuthMessage
    try {
      message = parseOAuthMessage(bytes)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      return { refused: '', detail: error.message }
    }
    let accepted: AcceptedToken
    try {
      accepted = await this.#validator.validate(message.token)
    } catch (error) {
      if (!(error instanceof BadTokenError)) throw error
      this.#failure = error
      return { challenge: Buffer.from(error.told), principal: null }
    }
    const { name, expiresAtMs } = accepted
    const { authorizationId } = message
    if (authorizationId !== '' && authorizationId !== name) {
      return {
        refused: `Authentication failed: Client requested an authorization id (${authorizationId}) that is different from the token's principal name (${name})`,
      }
    }
    return { challenge: NOTHING, principal: { type: 'User', name }, expiresAtMs }
  }
}
