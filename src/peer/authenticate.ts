import { SaslAuthenticate } from '../../protocol/messages/sasl-authenticate.ts'
import { SaslHandshake } from '../../protocol/messages/sasl-handshake.ts'
import type { Api, Decoded, Encoded, Shape } from '../../protocol/schema.ts'
import { formatAddress, type Address } from '../host/address.ts'
import { PeerError } from './errors.ts'
import type { SaslClientExchange, SaslLogin } from './security.ts'

/** [KIP-152] From which on tokens follow in SaslAuthenticate. */
const WITH_REQUESTS = 1
/** [KIP-368] The first version whose answer says how long the session lasts; Kafka has it since 2.2. */
const WITH_LIFETIME = 1
/** More than any mechanism takes: who asks for more has no end. */
const MOST_TOKENS = 8

/** Asks on the connection that is to be authenticated. */
type Ask = <Q extends Shape, R extends Shape>(
  api: Api<Q, R>,
  version: number,
  body: Encoded<Q>,
) => Promise<Decoded<R>>

/**
 * Says who this process is, before anything else is asked.
 * Rejects with PeerError, AUTHENTICATION_FAILED where it is refused; no secret is in its message
 * @returns after how many milliseconds it has to be said again; 0: never
 */
export async function authenticate(login: SaslLogin, address: Address, ask: Ask): Promise<number> {
  const { mechanism } = login
  const where = formatAddress(address)
  const failed = (why: string, cause?: unknown): PeerError =>
    new PeerError('AUTHENTICATION_FAILED', address, why, { cause })
  const { errorCode, mechanisms } = await ask(SaslHandshake, WITH_REQUESTS, { mechanism })
  if (errorCode === 'UNSUPPORTED_SASL_MECHANISM') {
    const theirs = mechanisms.join(', ') || 'none'
    throw failed(`${where} does not take ${mechanism}: it takes ${theirs}`)
  }
  if (errorCode === 'ILLEGAL_SASL_STATE') {
    throw failed(`${where} does not ask who its clients are: its listener is one without SASL`)
  }
  if (errorCode !== 'NONE') throw failed(`${where} refuses to authenticate: ${errorCode}`)
  let exchange: SaslClientExchange
  try {
    exchange = await login.begin()
  } catch (error) {
    const why = (error as Error).message
    throw failed(`There is nothing to log in to ${where} with by ${mechanism}: ${why}`, error)
  }
  const next = async (challenge: Buffer | null): Promise<Buffer | null> => {
    try {
      return await exchange.next(challenge)
    } catch (error) {
      throw failed(`${where} answers ${mechanism} as it shouldn't: ${(error as Error).message}`)
    }
  }
  let token = await next(null)
  for (let tokens = 0; token !== null && tokens < MOST_TOKENS; tokens++) {
    const answer = await ask(SaslAuthenticate, WITH_LIFETIME, { authBytes: token })
    if (answer.errorCode !== 'NONE') {
      const why = answer.errorMessage ?? answer.errorCode
      throw failed(`${where} has not let this client in by ${mechanism}: ${why}`)
    }
    token = await next(answer.authBytes)
    if (token === null) return answer.sessionLifetimeMs
  }
  throw failed(`${where} has no end of ${mechanism}`)
}
