import type { Host } from '../../host/host.ts'
import type { SaslClientExchange, SaslLogin } from '../../peer/security.ts'
import type { JaasEntry } from './jaas.ts'
import { PLAIN_MODULE, plainToken } from './plain.ts'
import { SCRAM_MODULE, ScramClient } from './scram.ts'

/** What a process of ours can say who it is by. */
export const LOGIN_MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
export type LoginMechanism = (typeof LOGIN_MECHANISMS)[number]
const NONCE_BYTES = 18

export const isLoginMechanism = (name: string): name is LoginMechanism =>
  (LOGIN_MECHANISMS as readonly string[]).includes(name)

export interface Credentials {
  readonly username: string
  readonly password: string
  /** [KIP-48] The name is the id of a delegation token, and the password its secret. */
  readonly isToken: boolean
}

/** How the option of a mechanism looks, for who has set another one. */
export function jaasExample(mechanism: LoginMechanism): string {
  return `${moduleOf(mechanism)} required username="NAME" password="PASSWORD";`
}

const moduleOf = (mechanism: LoginMechanism): string =>
  mechanism === 'PLAIN' ? PLAIN_MODULE : SCRAM_MODULE

/**
 * Name and password that a login module has for its own side.
 * @throws SyntaxError that says what is missing, and nothing of what is there
 */
export function credentialsIn(
  { module, options }: JaasEntry,
  mechanism: LoginMechanism,
): Credentials {
  if (module !== moduleOf(mechanism)) {
    throw new SyntaxError(`its login module is not that of ${mechanism}`)
  }
  const isToken = options.get('tokenauth')?.toLowerCase() === 'true'
  if (isToken && mechanism === 'PLAIN') {
    throw new SyntaxError('it is for a delegation token (tokenauth), which goes with SCRAM alone')
  }
  const username = options.get('username')
  const password = options.get('password')
  if (!username) throw new SyntaxError('it has no username to log in with')
  if (!password) throw new SyntaxError('it has no password to log in with')
  return { username, password, isToken }
}

/** @param credentials as they are at that time: they may be changed at run time. What it throws, `begin` throws */
export function saslLogin(
  mechanism: LoginMechanism,
  credentials: () => Credentials,
  random: Pick<Host['random'], 'bytes'>,
): SaslLogin {
  return {
    mechanism,
    begin: () => {
      const { username, password, isToken } = credentials()
      if (mechanism === 'PLAIN') return new PlainLogin(username, password)
      const nonce = random.bytes(NONCE_BYTES)
      return new ScramLogin(new ScramClient(mechanism, username, password, nonce, isToken))
    },
  }
}

/** [RFC 4616] One message; the other side shows nothing. */
class PlainLogin implements SaslClientExchange {
  readonly #token: Buffer

  constructor(username: string, password: string) {
    this.#token = plainToken(username, password)
  }

  next(challenge: Buffer | null): Promise<Buffer | null> {
    return Promise.resolve(challenge === null ? this.#token : null)
  }
}

/** [RFC 5802] Who takes this client in has to show that it knows the user, too. */
class ScramLogin implements SaslClientExchange {
  readonly #client: ScramClient
  #said = 0

  constructor(client: ScramClient) {
    this.#client = client
  }

  async next(challenge: Buffer | null): Promise<Buffer | null> {
    if (challenge === null) return this.#client.first()
    this.#said++
    if (this.#said === 1) {
      const final = await this.#client.final(challenge)
      if (final === null) throw new Error('its first message is none of that mechanism')
      return final
    }
    if (this.#client.isProved(challenge)) return null
    throw new Error('it has not shown that it knows the user')
  }
}
