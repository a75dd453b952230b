import { createServer, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'
import type { Credential } from './certificates.ts'

export const ISSUER = 'https://idp.test'
export const AUDIENCE = 'kafka'

/** A key pair as an identity provider has it. */
export class SigningKey {
  readonly kid: string
  readonly alg: string
  readonly #private: CryptoKey
  readonly jwk: JWK

  static async make(kid: string, alg = 'RS256'): Promise<SigningKey> {
    const { privateKey, publicKey } = await generateKeyPair(alg)
    return new SigningKey(kid, alg, privateKey, await exportJWK(publicKey))
  }

  private constructor(kid: string, alg: string, privateKey: CryptoKey, jwk: JWK) {
    this.kid = kid
    this.alg = alg
    this.#private = privateKey
    this.jwk = { ...jwk, kid, alg, use: 'sig' }
  }

  /** A good token of `alice`, but for what is said. @param nowMs when it is issued */
  token(claims: object = {}, nowMs = Date.now(), header: object = {}): Promise<string> {
    const now = Math.floor(nowMs / 1000)
    const good = { iss: ISSUER, aud: AUDIENCE, sub: 'alice', iat: now, exp: now + 600 }
    return new SignJWT({ ...good, ...claims })
      .setProtectedHeader({ alg: this.alg, kid: this.kid, ...header })
      .sign(this.#private)
  }
}

export const keySetOf = (...keys: readonly SigningKey[]): string =>
  JSON.stringify({ keys: keys.map(({ jwk }) => jwk) })

export const base64 = (value: object): string =>
  Buffer.from(JSON.stringify(value)).toString('base64url')

export interface Sent {
  readonly method: string | undefined
  readonly authorization: string | undefined
  readonly type: string | undefined
  readonly body: string
}

/** Serves a set of keys, or tokens, and counts who asks. */
export class IdentityProvider {
  /** What it answers; null: nothing at all. */
  answer: { readonly status?: number; readonly body: string } | null
  asked = 0
  /** What was sent to it. */
  readonly requests: Sent[] = []
  readonly #server: Server
  readonly #scheme: string

  static async start(body: string, secured?: Credential): Promise<IdentityProvider> {
    const provider = new IdentityProvider(body, secured)
    await new Promise<void>((resolve) => provider.#server.listen(0, '127.0.0.1', resolve))
    return provider
  }

  private constructor(body: string, secured: Credential | undefined) {
    this.answer = { body }
    this.#scheme = secured === undefined ? 'http' : 'https'
    const listener: Parameters<typeof createServer>[1] = (request, response) => {
      this.asked++
      let body = ''
      request.on('data', (bytes: Buffer) => (body += bytes.toString()))
      request.on('end', () => {
        const { method, headers } = request
        const { authorization, 'content-type': type } = headers
        this.requests.push({ method, authorization, type, body })
        if (this.answer === null) return
        response.statusCode = this.answer.status ?? 200
        response.end(this.answer.body)
      })
    }
    this.#server =
      secured === undefined
        ? createServer(listener)
        : createSecureServer({ key: secured.key, cert: secured.certificate }, listener)
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}/keys`
  }

  /** Ends what it has not answered. */
  hangUp(): void {
    this.#server.closeAllConnections()
  }

  close(): void {
    this.#server.close()
    this.hangUp()
  }
}
