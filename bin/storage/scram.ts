import { systemRandom } from '../../src/host/random.ts'
import type { MetadataFact } from '../../src/metadata/facts.ts'
import {
  LEAST_ITERATIONS,
  MOST_ITERATIONS,
  saltedPassword,
  scramCredential,
  scramNumber,
  type ScramMechanism,
} from '../../src/security/sasl/scram.ts'
import { UsageError } from '../errors.ts'

const FORM =
  "SCRAM-SHA-256=[name=NAME,password=PASSWORD], with iterations=NUMBER and salt='BASE64' too"
/** Of a new salt. */
export const SALT_BYTES = 20
const NAMES = ['name', 'password', 'salt', 'saltedpassword', 'iterations']

/**
 * The record of a user that a cluster begins with, of an `--add-scram` in the form of Kafka's kafka-storage. The key is worked out
 * on the thread pool.
 * @throws UsageError, which has no password in it
 */
export async function scramRecord(text: string): Promise<MetadataFact> {
  const [, name, inner] = /^(SCRAM-SHA-256|SCRAM-SHA-512)=\[(.*)\]$/s.exec(text.trim()) ?? []
  if (name === undefined || inner === undefined) throw new UsageError(`--add-scram takes ${FORM}`)
  const mechanism = name as ScramMechanism
  const values = new Map<string, string>()
  for (const [, key = '', double, single, bare] of inner.matchAll(PAIR)) {
    if (!NAMES.includes(key)) throw new UsageError(`--add-scram knows no ${key}: it takes ${FORM}`)
    values.set(key, double ?? single ?? bare ?? '')
  }
  const user = values.get('name')
  const password = values.get('password')
  const salted = values.get('saltedpassword')
  const salt = values.get('salt')
  if (!user) throw new UsageError('--add-scram needs name=NAME')
  if ((password === undefined) === (salted === undefined)) {
    throw new UsageError('--add-scram needs either password or saltedpassword')
  }
  if (salted !== undefined && salt === undefined) {
    throw new UsageError('--add-scram needs the salt of its saltedpassword')
  }
  const iterations = Number(values.get('iterations') ?? LEAST_ITERATIONS)
  if (!(iterations >= LEAST_ITERATIONS && iterations <= MOST_ITERATIONS)) {
    throw new UsageError(
      `--add-scram takes iterations from ${LEAST_ITERATIONS} to ${MOST_ITERATIONS}`,
    )
  }
  const saltBytes =
    salt === undefined ? systemRandom().bytes(SALT_BYTES) : Buffer.from(salt, 'base64')
  const key =
    salted === undefined
      ? await saltedPassword(mechanism, password!, saltBytes, iterations)
      : Buffer.from(salted, 'base64')
  return {
    type: 'UserScramCredentialRecord',
    version: 0,
    value: {
      name: user,
      mechanism: scramNumber(mechanism),
      ...scramCredential(mechanism, key, saltBytes, iterations),
    },
  }
}

const PAIR = /([a-z]+)=(?:"([^"]*)"|'([^']*)'|([^,]*))(?:,|$)/g
