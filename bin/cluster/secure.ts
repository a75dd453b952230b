import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { parseProperties } from '../../src/config/properties.ts'
import type { LocalSecurity } from '../../src/local-cluster.ts'
import { PLAIN_MODULE } from '../../src/security/sasl/plain.ts'
import { SCRAM_MODULE } from '../../src/security/sasl/scram.ts'
import { CommandError } from '../errors.ts'
import { scramRecord } from '../storage/scram.ts'

const DIRECTORY = 'security'
const VALID_MS = 365 * 86_400_000
const PASSWORD_BYTES = 24
const MECHANISM = 'SCRAM-SHA-512'
/** Of a directory and of files that only their owner may read. */
const OWN_DIRECTORY = 0o700
const OWN_FILE = 0o600

/** A super user, for whoever tries the cluster, and the one that the nodes are to each other. */
const ADMIN = 'admin'
const NODE = 'node'

/** Where a secured cluster's authority, certificates and passwords are. */
export interface SecuredCluster {
  readonly security: LocalSecurity
  /** What a client is told, the commands among them: the super user's. */
  readonly clientProperties: string
}

export const isSecured = (directory: string): boolean => existsSync(`${directory}/${DIRECTORY}`)

/**
 * The security of a cluster on this machine: made the first time. An authority, a certificate of all nodes for this machine's own
 * names, users of SCRAM, and what the nodes and their clients are told of it. Only their owner may read these files.
 * @throws CommandError where some of them are missing
 */
export async function secureCluster(directory: string): Promise<SecuredCluster> {
  const place = `${directory}/${DIRECTORY}`
  if (!isSecured(directory)) await make(place)
  const [nodes, users] = [read(`${place}/nodes.properties`), read(`${place}/users.properties`)]
  const credentials = [...users].map(([name, password]) =>
    scramRecord(`${MECHANISM}=[name=${name},password=${password}]`),
  )
  return {
    security: { settings: Object.fromEntries(nodes), credentials: await Promise.all(credentials) },
    clientProperties: `${place}/client.properties`,
  }
}

function read(path: string): ReadonlyMap<string, string> {
  try {
    return parseProperties(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new CommandError(
      'DAMAGED',
      `${path} can't be read: ${(error as Error).message}`,
      'Bring it back, or choose another directory for a new cluster.',
    )
  }
}

/** All of it or nothing: a start that is interrupted leaves what the next one begins anew. */
async function make(place: string): Promise<void> {
  const unfinished = `${place}.new`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { recursive: true, mode: OWN_DIRECTORY })
  const write = (name: string, text: string): void =>
    writeFileSync(`${unfinished}/${name}`, text, { mode: OWN_FILE })
  const lines = (settings: Readonly<Record<string, string>>): string =>
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join('')
  const { authority, authorityKey, node, nodeKey } = await certificates()
  write('ca.pem', authority)
  write('ca.key', authorityKey)
  write('nodes.pem', nodeKey + node)
  const [admin, nodes, controllers] = [newPassword(), newPassword(), newPassword()]
  write('users.properties', lines({ [ADMIN]: admin, [NODE]: nodes }))
  const trust = { 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': `${place}/ca.pem` }
  const plain = `${PLAIN_MODULE} required username="${NODE}" password="${controllers}" user_${NODE}="${controllers}";`
  write(
    'nodes.properties',
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
      'ssl.keystore.location': `${place}/nodes.pem`,
      ...trust,
      'authorizer.class.name': 'standard',
      'super.users': `User:${ADMIN};User:${NODE}`,
    }),
  )
  write(
    'client.properties',
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

const newKeys = () =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })

/** An authority, and a certificate that it vouches for: of whoever is reached by this machine's own names. As PEM. */
async function certificates() {
  const { md, pki } = (await import('node-forge')).default
  const own = newKeys()
  const node = newKeys()
  const authorityName = [{ shortName: 'CN', value: 'Ottla local cluster' }]
  const sign = (publicKey: string, serial: string, name: string, extensions: object[]): string => {
    const certificate = pki.createCertificate()
    certificate.publicKey = pki.publicKeyFromPem(publicKey)
    certificate.serialNumber = serial
    certificate.validity.notBefore = new Date()
    certificate.validity.notAfter = new Date(Date.now() + VALID_MS)
    certificate.setSubject([{ shortName: 'CN', value: name }])
    certificate.setIssuer(authorityName)
    certificate.setExtensions(extensions)
    certificate.sign(pki.privateKeyFromPem(own.privateKey), md.sha256.create())
    return pki.certificateToPem(certificate)
  }
  const altNames = [
    { type: 2, value: 'localhost' },
    { type: 7, ip: '127.0.0.1' },
    { type: 7, ip: '::1' },
  ]
  return {
    authority: sign(own.publicKey, '01', authorityName[0]!.value, [
      { name: 'basicConstraints', cA: true, critical: true },
    ]),
    authorityKey: own.privateKey,
    node: sign(node.publicKey, '02', NODE, [{ name: 'subjectAltName', altNames }]),
    nodeKey: node.privateKey,
  }
}
