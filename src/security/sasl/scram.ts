import { derivedKey, digest, hmac, sameSecret, type DigestAlgorithm } from '../../host/digests.ts'
import type { Principal } from '../authentication.ts'
import type { SaslExchange, SaslStep } from './mechanism.ts'

export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
export const SCRAM_MODULE = 'org.apache.kafka.common.security.scram.ScramLoginModule'
export const LEAST_ITERATIONS = 4096
/** More would keep a client busy for seconds. */
export const MOST_ITERATIONS = 16384

/** By Kafka's numbers, which records and requests have. */
export const SCRAM_MECHANISMS: ReadonlyMap<number, ScramMechanism> = new Map([
  [1, 'SCRAM-SHA-256'],
  [2, 'SCRAM-SHA-512'],
])

export function scramNumber(mechanism: ScramMechanism): number {
  return mechanism === 'SCRAM-SHA-256' ? 1 : 2
}

/** What is known of a user: enough to see that it knows its password, and not that. */
export interface ScramCredential {
  readonly salt: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
  readonly iterations: number
}

export type FindCredential = (mechanism: ScramMechanism, user: string) => ScramCredential | null

/** Whom a client proves to be by a delegation token, and until when. */
export interface TokenBearer {
  readonly credential: ScramCredential
  /** The owner's name. */
  readonly owner: string
  /** By the wall clock. */
  readonly expiresAtMs: number
}

/** Resolves to null where there is no such token, or it has expired. */
export type FindToken = (mechanism: ScramMechanism, tokenId: string) => Promise<TokenBearer | null>

const algorithmOf = (mechanism: ScramMechanism): DigestAlgorithm =>
  mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512'

/** @param saltedPassword what the password comes to with salt and iterations */
export function scramCredential(
  mechanism: ScramMechanism,
  saltedPassword: Uint8Array,
  salt: Buffer,
  iterations: number,
): ScramCredential {
  const algorithm = algorithmOf(mechanism)
  const clientKey = hmac(algorithm, saltedPassword, CLIENT_KEY)
  return {
    salt,
    storedKey: digest(algorithm, clientKey),
    serverKey: hmac(algorithm, saltedPassword, SERVER_KEY),
    iterations,
  }
}

/** The costly part, off the event loop. */
export function saltedPassword(
  mechanism: ScramMechanism,
  password: string,
  salt: Uint8Array,
  iterations: number,
): Promise<Buffer> {
  return derivedKey(algorithmOf(mechanism), password, salt, iterations)
}

const CLIENT_KEY = Buffer.from('Client Key')
const SERVER_KEY = Buffer.from('Server Key')
/** No channel binding; who is to be acted for; reserved; name; nonce; extensions. */
const CLIENT_FIRST = /^([ny],(?:a=([^,]*))?,)((?:m=[^,]*,)?n=([^,]+),r=([^,]+)((?:,[^,]+)*))$/s
const CLIENT_FINAL = /^(c=([^,]+),r=([^,]+)(?:,[^,]+)*),p=([^,]+)$/s
const REFUSED: SaslStep = { refused: '' }

/** Who the client is, once it has shown what it knows. */
interface Proved {
  readonly principal: Principal
  /** Of the token that it has shown to know. */
  readonly tokenId?: string
}

/** A client's first message. */
interface First {
  readonly header: string
  readonly bare: string
  readonly nonce: string
}

interface Begun extends Proved {
  readonly credential: ScramCredential
  readonly channel: string
  readonly nonce: string
  /** What both have said up to now, as it is signed. */
  readonly said: string
}

/** [RFC 5802] The server's side: four messages, none of which has the password in it. */
export class ScramExchange implements SaslExchange {
  readonly #mechanism: ScramMechanism
  readonly #find: FindCredential
  readonly #findToken: FindToken
  readonly #ownNonce: string
  #begun: Begun | null = null

  /** @param nonce random, of this exchange alone */
  constructor(
    mechanism: ScramMechanism,
    find: FindCredential,
    findToken: FindToken,
    nonce: Buffer,
  ) {
    this.#mechanism = mechanism
    this.#find = find
    this.#findToken = findToken
    this.#ownNonce = nonce.toString('base64url')
  }

  step(token: Buffer): SaslStep | Promise<SaslStep> {
    const message = token.toString()
    return this.#begun === null ? this.#first(message) : this.#final(message, this.#begun)
  }

  #first(message: string): SaslStep | Promise<SaslStep> {
    const [, header, authorizationId, bare, saslName, nonce, extensions] =
      CLIENT_FIRST.exec(message) ?? []
    const user = saslName === undefined ? null : decodedName(saslName)
    if (header === undefined || user === null) return REFUSED
    if (authorizationId !== undefined && decodedName(authorizationId) !== user) return REFUSED
    const first: First = { header, bare: bare!, nonce: nonce! }
    // [KIP-48] The name is that of a token, then, and its secret the password.
    if (/,tokenauth=true(,|$)/i.test(extensions ?? '')) return this.#firstOfToken(user, first)
    const credential = this.#find(this.#mechanism, user)
    if (credential === null) return REFUSED
    return this.#begin(first, credential, { principal: { type: 'User', name: user } })
  }

  async #firstOfToken(tokenId: string, first: First): Promise<SaslStep> {
    const bearer = await this.#findToken(this.#mechanism, tokenId)
    if (bearer === null) return REFUSED
    const { credential, owner: name } = bearer
    const principal = { type: 'User', name, tokenAuthenticated: true }
    return this.#begin(first, credential, { principal, tokenId })
  }

  #begin({ header, bare, nonce }: First, credential: ScramCredential, proved: Proved): SaslStep {
    const both = nonce + this.#ownNonce
    const { salt, iterations } = credential
    const answer = `r=${both},s=${salt.toString('base64')},i=${iterations}`
    this.#begun = {
      ...proved,
      credential,
      channel: Buffer.from(header).toString('base64'),
      nonce: both,
      said: `${bare},${answer}`,
    }
    return { challenge: Buffer.from(answer), principal: null }
  }

  #final(message: string, begun: Begun): SaslStep | Promise<SaslStep> {
    const { credential, channel, nonce, said, principal, tokenId } = begun
    const [, bare, itsChannel, itsNonce, proof] = CLIENT_FINAL.exec(message) ?? []
    // librdkafka says its own part twice, which Kafka takes: what is signed has this exchange's nonce in it all the same.
    const isOurs = itsChannel === channel && itsNonce?.endsWith(nonce) === true
    if (bare === undefined || !isOurs) return REFUSED
    const algorithm = algorithmOf(this.#mechanism)
    const signed = Buffer.from(`${said},${bare}`)
    const { storedKey, serverKey } = credential
    const signature = hmac(algorithm, storedKey, signed)
    const given = Buffer.from(proof!, 'base64')
    if (given.length !== signature.length) return REFUSED
    const clientKey = Buffer.from(given.map((byte, at) => byte ^ signature[at]!))
    if (!sameSecret(digest(algorithm, clientKey), storedKey)) return REFUSED
    const challenge = Buffer.from(`v=${hmac(algorithm, serverKey, signed).toString('base64')}`)
    if (tokenId === undefined) return { challenge, principal }
    return this.#stillGood(tokenId, { challenge, principal })
  }

  /** A token may have ended since the client's first message. */
  async #stillGood(tokenId: string, step: SaslStep): Promise<SaslStep> {
    const bearer = await this.#findToken(this.#mechanism, tokenId)
    return bearer === null ? REFUSED : { ...step, expiresAtMs: bearer.expiresAtMs }
  }
}

/** Null where an equals sign stands for nothing. */
function decodedName(text: string): string | null {
  if (/=(?!2C|3D)/.test(text)) return null
  return text.replaceAll('=2C', ',').replaceAll('=3D', '=')
}

/** [RFC 5802] The client's side. */
export class ScramClient {
  readonly #mechanism: ScramMechanism
  readonly #password: string
  readonly #nonce: string
  readonly #bare: string
  #expected: string | null = null

  /** @param isToken the user is the id of a delegation token (KIP-48), and the password its secret in Base64 */
  constructor(
    mechanism: ScramMechanism,
    user: string,
    password: string,
    nonce: Buffer,
    isToken = false,
  ) {
    this.#mechanism = mechanism
    this.#password = password
    this.#nonce = nonce.toString('base64url')
    const name = user.replaceAll('=', '=3D').replaceAll(',', '=2C')
    this.#bare = `n=${name},r=${this.#nonce}${isToken ? ',tokenauth=true' : ''}`
  }

  first(): Buffer {
    return Buffer.from(`n,,${this.#bare}`)
  }

  /** Answers the server's first message; null where that isn't one. */
  async final(answer: Buffer): Promise<Buffer | null> {
    const text = answer.toString()
    const [, nonce, salt, rounds] = /^r=([^,]+),s=([^,]+),i=(\d+)/.exec(text) ?? []
    const iterations = Number(rounds)
    const isGood = nonce?.startsWith(this.#nonce) === true && nonce.length > this.#nonce.length
    if (!isGood || iterations < LEAST_ITERATIONS || iterations > MOST_CLIENT_ITERATIONS) return null
    const saltBytes = Buffer.from(salt!, 'base64')
    const salted = await saltedPassword(this.#mechanism, this.#password, saltBytes, iterations)
    const algorithm = algorithmOf(this.#mechanism)
    const bare = `c=${Buffer.from('n,,').toString('base64')},r=${nonce}`
    const signed = Buffer.from(`${this.#bare},${text},${bare}`)
    const { storedKey, serverKey } = scramCredential(this.#mechanism, salted, saltBytes, iterations)
    const clientKey = hmac(algorithm, salted, CLIENT_KEY)
    const signature = hmac(algorithm, storedKey, signed)
    const proof = Buffer.from(clientKey.map((byte, at) => byte ^ signature[at]!))
    this.#expected = hmac(algorithm, serverKey, signed).toString('base64')
    return Buffer.from(`${bare},p=${proof.toString('base64')}`)
  }

  /** Whether the server has shown that it knows the user, too. */
  isProved(answer: Buffer): boolean {
    return this.#expected !== null && answer.toString() === `v=${this.#expected}`
  }
}

/** A server that asks for more is none of Kafka's. */
const MOST_CLIENT_ITERATIONS = 1_000_000
