import net from 'node:net'
import { Duplex } from 'node:stream'
import tls from 'node:tls'
import { SaslAuthenticate } from '../../../protocol/messages/sasl-authenticate.ts'
import { SaslHandshake } from '../../../protocol/messages/sasl-handshake.ts'
import { PLAIN_MODULE, plainToken } from '../../../src/security/sasl/plain.ts'
import type { ListenerKind } from '../../../protocol/schema.ts'
import { TestAuthority } from '../../support/certificates.ts'
import { encodeRequest, RawClient } from '../../support/raw-client.ts'

/** One of each kind. */
export interface AttackedListener {
  readonly name: string
  readonly kind: ListenerKind
  readonly hasTls: boolean
  readonly hasSasl: boolean
  readonly port: number
}

const HOST = '127.0.0.1'
const authority = new TestAuthority('ca')
const identity = authority.issue({ subject: [['CN', 'broker']], hosts: [HOST] })
const ca = authority.certificate

export const PASSWORD = 'not-to-be-told'
/** Who may do everything; who may write, read and commit; and a node whose password an attacker has. */
export const USERS = { admin: 'admin', client: 'alice', node: 'node' } as const
const jaas = `${PLAIN_MODULE} required username="${USERS.node}" password="${PASSWORD}" ${Object.values(
  USERS,
)
  .map((user) => `user_${user}="${PASSWORD}"`)
  .join(' ')};`

/** @param ports five, that are free */
export function attackedListeners(ports: readonly number[]): AttackedListener[] {
  const names = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL', 'CONTROLLER'] as const
  return names.map((name, index) => ({
    name,
    kind: name === 'CONTROLLER' ? 'controller' : 'broker',
    hasTls: name.endsWith('SSL'),
    hasSasl: name.startsWith('SASL') || name === 'CONTROLLER',
    port: ports[index]!,
  }))
}

/** Of a node that is broker and controller, and has an authorizer. */
export function settingsOf(listeners: readonly AttackedListener[]): Record<string, string> {
  const sasl = listeners.filter(({ hasSasl }) => hasSasl).map(({ name }) => name.toLowerCase())
  const controller = listeners.find(({ kind }) => kind === 'controller')!
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    listeners: listeners.map(({ name, port }) => `${name}://${HOST}:${port}`).join(),
    'listener.security.protocol.map': listeners
      .map(({ name, kind }) => `${name}:${kind === 'controller' ? 'SASL_PLAINTEXT' : name}`)
      .join(),
    'controller.listener.names': controller.name,
    'controller.quorum.voters': `1@${HOST}:${controller.port}`,
    'sasl.mechanism.controller.protocol': 'PLAIN',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    ...Object.fromEntries(
      sasl.map((name) => [`listener.name.${name}.plain.sasl.jaas.config`, jaas]),
    ),
    'listener.name.controller.sasl.enabled.mechanisms': 'PLAIN',
    'connection.failed.authentication.delay.ms': '0',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.key': identity.key,
    'ssl.keystore.certificate.chain': identity.certificate,
    'authorizer.class.name': 'standard',
    'super.users': `User:${USERS.admin}`,
    'auto.create.topics.enable': 'false',
    'offsets.topic.num.partitions': '1',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
  }
}

/** A connection that has finished what TLS there is. */
export function connectTo({ port, hasTls }: AttackedListener): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const event = hasTls ? 'secureConnect' : 'connect'
    const socket = hasTls ? tls.connect({ host: HOST, port, ca }) : net.connect(port, HOST)
    socket.once('error', reject)
    socket.once(event, () => {
      socket.off('error', reject).on('error', () => undefined)
      resolve(socket)
    })
  })
}

/** A connection over which nothing was said. */
export function connectInTheClear(listener: AttackedListener): Promise<net.Socket> {
  return connectTo({ ...listener, hasTls: false })
}

/** A client that has said who it is, where that is asked for. */
export async function clientOf(
  listener: AttackedListener,
  user: string = USERS.admin,
): Promise<RawClient> {
  const client = new RawClient(await connectTo(listener), 60_000)
  if (!listener.hasSasl) return client
  await client.request(SaslHandshake, 1, { mechanism: 'PLAIN' })
  const authBytes = plainToken(user, PASSWORD)
  const { errorCode } = await client.request(SaslAuthenticate, 2, { authBytes })
  if (errorCode !== 'NONE') throw new Error(`${listener.name}: ${errorCode}`)
  return client
}

/** The two requests by which a user says who it is, without their lengths. */
export function logInFrames(user: string): Buffer[] {
  return [
    encodeRequest(SaslHandshake, 1, { mechanism: 'PLAIN' }),
    encodeRequest(SaslAuthenticate, 2, { authBytes: plainToken(user, PASSWORD) }),
  ]
}

/** What a client of TLS begins with. */
export function clientHello(): Buffer {
  const said: Buffer[] = []
  const nobody = new Duplex({
    read: () => undefined,
    write: (bytes: Buffer, _encoding, done) => {
      said.push(bytes)
      done()
    },
  })
  const client = tls.connect({ socket: nobody, servername: 'localhost' })
  client.on('error', () => undefined).destroy()
  return Buffer.concat(said)
}
