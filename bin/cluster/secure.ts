import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { escapedValue, parseProperties } from '../../src/config/properties.ts'
import type { LocalSecurity } from '../../src/local-cluster.ts'
import { PLAIN_MODULE } from '../../src/security/sasl/plain.ts'
import { SCRAM_MODULE } from '../../src/security/sasl/scram.ts'
import { pemContents } from '../../src/security/tls/pem.ts'
import { CommandError } from '../errors.ts'
import { scramRecord } from '../storage/scram.ts'
import { isDue, newAuthority, newCertificate } from './certificates.ts'

const DIRECTORY = 'security'
const PASSWORD_BYTES = 24
const MECHANISM = 'SCRAM-SHA-512'
/** Of a directory and of files that only their owner may read. */
const OWN_DIRECTORY = 0o700
const OWN_FILE = 0o600

/** A super user, for whoever tries the cluster, and the one that the nodes are to each other. */
const ADMIN = 'admin'
const NODE = 'node'

const CA = 'ca.pem'
const CA_KEY = 'ca.key'
/** The nodes' certificate, and its key. */
const CERTIFICATE = 'nodes.pem'
const USERS = 'users.properties'
const NODES = 'nodes.properties'
const CLIENT = 'client.properties'
const FILES = [CA, CA_KEY, CERTIFICATE, USERS, NODES, CLIENT]
/** An entry that names a file which is in the directory; others somebody has put there. */
const OWN_LOCATION =
  /^(ssl\.(?:keystore|truststore)\.location=).*\/security\/((?:ca|nodes)\.pem)$/gm

/** Where a secured cluster's authority, certificates and passwords are. */
export interface SecuredCluster {
  readonly security: LocalSecurity
  /** What a client is told, the commands among them: the super user's. */
  readonly clientProperties: string
}

/**
 * The security of a cluster on this machine: made with it. An authority, a certificate of all nodes for this machine's own
 * names, users of SCRAM, and what the nodes and their clients are told of it. Only their owner may read these files. What is there
 * is brought to where the directory is by now, and a certificate that ends soon is issued again.
 * @throws CommandError where some of them are missing or damaged
 */
export async function secureCluster(options: {
  readonly directory: string
  /** What a cluster has lost is not made anew: its metadata know the old passwords. */
  readonly isNew: boolean
  readonly nowMs: number
}): Promise<SecuredCluster> {
  const { directory, isNew, nowMs } = options
  const place = `${directory}/${DIRECTORY}`
  if (isNew && !existsSync(place)) await make(place, nowMs)
  checkWhole(directory, place)
  for (const name of [NODES, CLIENT]) bringTo(place, name)
  await renew(place, nowMs)
  const [nodes, users] = [properties(`${place}/${NODES}`), properties(`${place}/${USERS}`)]
  const credentials = [...users].map(([name, password]) =>
    scramRecord(`${MECHANISM}=[name=${name},password=${password}]`),
  )
  return {
    security: { settings: Object.fromEntries(nodes), credentials: await Promise.all(credentials) },
    clientProperties: `${place}/${CLIENT}`,
  }
}

function checkWhole(directory: string, place: string): void {
  const missing = existsSync(place)
    ? FILES.map((name) => `${place}/${name}`).filter((path) => !existsSync(path))
    : [place]
  if (missing.length === 0) return
  throw new CommandError(
    'DAMAGED',
    `The cluster in ${directory} speaks TLS and SASL, and can't start without what is missing: ${missing.join(', ')}`,
    'Bring it back from a copy, or choose another directory for a new cluster.',
  )
}

/** @param error of reading a file: it has nothing of what stands there */
function damaged(path: string, error: unknown): CommandError {
  return new CommandError(
    'DAMAGED',
    `${path} can't be read: ${(error as Error).message}`,
    'Bring it back, or choose another directory for a new cluster.',
  )
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw damaged(path, error)
  }
}

function properties(path: string): ReadonlyMap<string, string> {
  const text = read(path)
  try {
    return parseProperties(text)
  } catch (error) {
    throw damaged(path, error)
  }
}

/** Its locations are absolute, so that clients may be anywhere; the directory may have been moved since. */
function bringTo(place: string, name: string): void {
  const path = `${place}/${name}`
  const text = read(path)
  const moved = text.replace(
    OWN_LOCATION,
    (_, entry: string, file: string) => entry + escapedValue(`${place}/${file}`),
  )
  if (moved !== text) replace(path, moved)
}

async function renew(place: string, nowMs: number): Promise<void> {
  const [path, caPath, keyPath] = [
    `${place}/${CERTIFICATE}`,
    `${place}/${CA}`,
    `${place}/${CA_KEY}`,
  ]
  const [current, authority] = [pemContents(read(path)).certificates[0] ?? '', read(caPath)]
  try {
    if (!isDue(current, authority, nowMs)) return
  } catch (error) {
    throw damaged(`${path} or ${caPath}`, error)
  }
  try {
    const { certificate, key } = await newCertificate(
      { certificate: authority, key: read(keyPath) },
      NODE,
      nowMs,
    )
    replace(path, key + certificate)
  } catch (error) {
    if (error instanceof CommandError) throw error
    throw damaged(`${keyPath} with ${caPath}`, error)
  }
}

/** The old one or the new one is there, whatever happens. */
function replace(path: string, text: string): void {
  const unfinished = `${path}.new`
  rmSync(unfinished, { force: true })
  writeFileSync(unfinished, text, { mode: OWN_FILE })
  renameSync(unfinished, path)
}

/** All of it or nothing: a start that is interrupted leaves what the next one begins anew. */
async function make(place: string, nowMs: number): Promise<void> {
  const unfinished = `${place}.new`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { recursive: true, mode: OWN_DIRECTORY })
  const write = (name: string, text: string): void =>
    writeFileSync(`${unfinished}/${name}`, text, { mode: OWN_FILE })
  const lines = (settings: Readonly<Record<string, string>>): string =>
    Object.entries(settings)
      .map(([name, value]) => `${name}=${escapedValue(value)}\n`)
      .join('')
  const authority = await newAuthority(nowMs)
  const node = await newCertificate(authority, NODE, nowMs)
  write(CA, authority.certificate)
  write(CA_KEY, authority.key)
  write(CERTIFICATE, node.key + node.certificate)
  const [admin, nodes, controllers] = [newPassword(), newPassword(), newPassword()]
  write(USERS, lines({ [ADMIN]: admin, [NODE]: nodes }))
  const trust = { 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': `${place}/${CA}` }
  const plain = `${PLAIN_MODULE} required username="${NODE}" password="${controllers}" user_${NODE}="${controllers}";`
  write(
    NODES,
    lines({
      'security.inter.broker.protocol': 'SASL_SSL',
      'listener.security.protocol.map': 'SASL_SSL:SASL_SSL,CONTROLLER:SASL_SSL',
      'sasl.enabled.mechanisms': MECHANISM,
      'sasl.mechanism.inter.broker.protocol': MECHANISM,
      [`listener.name.sasl_ssl.${MECHANISM.toLowerCase()}.sasl.jaas.config`]: scramJaas(
        NODE,
        nodes,
      ),
      'sasl.mechanism.controller.protocol': 'PLAIN',
      'listener.name.controller.sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.controller.plain.sasl.jaas.config': plain,
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': `${place}/${CERTIFICATE}`,
      ...trust,
      'authorizer.class.name': 'standard',
      'super.users': `User:${ADMIN};User:${NODE}`,
    }),
  )
  write(
    CLIENT,
    lines({
      'security.protocol': 'SASL_SSL',
      ...trust,
      'sasl.mechanism': MECHANISM,
      'sasl.jaas.config': scramJaas(ADMIN, admin),
    }),
  )
  renameSync(unfinished, place)
}

const newPassword = (): string => randomBytes(PASSWORD_BYTES).toString('base64url')

const scramJaas = (username: string, password: string): string =>
  `${SCRAM_MODULE} required username="${username}" password="${password}";`
