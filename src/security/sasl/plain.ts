import { sameSecret } from '../../host/digests.ts'
import { NOTHING, type SaslExchange, type SaslStep } from './mechanism.ts'

export const PLAIN_MODULE = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const USER_PREFIX = 'user_'

/** Users and their passwords, of a login module's options: `user_alice="secret"`. */
export function plainUsers(options: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const users = [...options].filter(([name]) => name.startsWith(USER_PREFIX))
  return new Map(users.map(([name, password]) => [name.slice(USER_PREFIX.length), password]))
}

const refused = (why: string): SaslStep => ({ refused: `Authentication failed: ${why}` })

/** [RFC 4616] One message with name and password. Who is unknown takes as long to refuse as whose password is wrong. */
export class PlainExchange implements SaslExchange {
  readonly #users: ReadonlyMap<string, string>

  constructor(users: ReadonlyMap<string, string>) {
    this.#users = users
  }

  step(token: Buffer): SaslStep {
    const parts = token.toString().split('\0')
    const [authorizationId, name, password] = parts
    if (parts.length !== 3) {
      return refused(`Invalid SASL/PLAIN response: expected 3 tokens, got ${parts.length}`)
    }
    if (!name) return refused('username not specified')
    if (!password) return refused('password not specified')
    const known = this.#users.get(name)
    const isRight = sameSecret(Buffer.from(password), Buffer.from(known ?? ''))
    if (known === undefined || !isRight) return refused('Invalid username or password')
    if (authorizationId !== '' && authorizationId !== name) {
      return refused('Client requested an authorization id that is different from username')
    }
    return { challenge: NOTHING, principal: { type: 'User', name } }
  }
}

/** What a client says. */
export function plainToken(name: string, password: string): Buffer {
  return Buffer.from(`\0${name}\0${password}`)
}
