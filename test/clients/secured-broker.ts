import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import tls from 'node:tls'
import { AlterUserScramCredentials } from '../../protocol/messages/alter-user-scram-credentials.ts'
import { CreateAcls } from '../../protocol/messages/create-acls.ts'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { OffsetFetch } from '../../protocol/messages/offset-fetch.ts'
import { saltedPassword } from '../../src/security/sasl/scram.ts'
import { type Credential, TestAuthority } from '../support/certificates.ts'
import { AUDIENCE, ISSUER, SigningKey, keySetOf } from '../support/identity-provider.ts'
import { freePorts } from '../support/ports.ts'
import { RawClient } from '../support/raw-client.ts'
import { type NodeUnderTest, nodeOf, ottla } from './broker.ts'
import { type Protection, type Security } from './security.ts'

const modules = 'org.apache.kafka.common.security'
const scrams = ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
const mechanisms = ['PLAIN', ...scrams, 'OAUTHBEARER']

/** Kafka's numbers of what ACLs speak of. */
const acl = {
  topic: 2,
  group: 3,
  literal: 3,
  prefixed: 4,
  allow: 3,
  read: 3,
  write: 4,
  describe: 8,
} as const

/** Of each user the topics and groups begin with the user's name and this. */
const own = (user: string): string => `${user}.`

/** Who comes in without a name: over TLS that asks for no certificate. */
export const nobody = 'ANONYMOUS'

/** Topics that no user may write to: one they may describe, of the other they may not even know. */
const foreignTopics = ['shown', 'hidden']

/** A broker whose listeners protect themselves in every way that Ottla has, with ACLs in force. */
export class SecuredBroker implements NodeUnderTest {
  readonly #node: NodeUnderTest
  readonly #directory: string
  readonly #ports: Readonly<Record<'mutual' | 'ssl' | 'sasl', number>>
  readonly #authority: TestAuthority
  readonly #tokens: SigningKey
  readonly #admin: Credential
  readonly #users: readonly string[]
  readonly #written = new Map<string, Promise<void>>()

  /** @param users who may be let in, by any of the ways; they have rights on what is their own */
  static async make(directory: string, users: readonly string[]): Promise<SecuredBroker> {
    await mkdir(directory, { recursive: true })
    const [mutual, ssl, sasl] = (await freePorts(3)) as [number, number, number]
    const tokens = await SigningKey.make('one')
    await writeFile(path.join(directory, 'keys.json'), keySetOf(tokens))
    return new SecuredBroker(directory, users, { mutual, ssl, sasl }, tokens)
  }

  private constructor(
    directory: string,
    users: readonly string[],
    ports: Readonly<Record<'mutual' | 'ssl' | 'sasl', number>>,
    tokens: SigningKey,
  ) {
    this.#directory = directory
    this.#users = users
    this.#ports = ports
    this.#tokens = tokens
    this.#authority = new TestAuthority('ca')
    this.#admin = this.#authority.issue({ subject: [['CN', 'admin']] })
    this.#node = nodeOf(ottla(directory, ports.mutual, this.#settings()))
  }

  get bootstrap(): string {
    return this.#node.bootstrap
  }

  /** Where a client connects to. */
  bootstrapOf(protection: Protection): string {
    const { mutual, ssl, sasl } = this.#ports
    const port = protection === 'SSL' ? ssl : protection === 'mutual TLS' ? mutual : sasl
    return `127.0.0.1:${port}`
  }

  /** A topic of a user's own, or a group. */
  static ownedBy(user: string, name: string): string {
    return `${own(user)}${name}`
  }

  /** What a user's client has to say. */
  async securityOf(user: string, protection: Protection): Promise<Security> {
    const ca = await this.#file('ca.pem', this.#authority.certificate)
    if (protection === 'SSL') return { protocol: 'SSL', ca }
    if (protection === 'mutual TLS') {
      const credential = this.#authority.issue({ subject: [['CN', user]] })
      const cert = await this.#file(`${user}.pem`, credential.certificate)
      return { protocol: 'SSL', ca, cert, key: await this.#file(`${user}.key`, credential.key) }
    }
    const common = { protocol: 'SASL_SSL', ca, mechanism: protection } as const
    if (protection !== 'OAUTHBEARER') return { ...common, user, password: passwordOf(user) }
    return { ...common, token: await this.#file(`${user}.jwt`, await this.#token(user)) }
  }

  /** The same with what lets nobody in: another authority, no certificate, a wrong password, an expired token. */
  async wrongSecurityOf(user: string, protection: Protection): Promise<Security> {
    const right = await this.securityOf(user, protection)
    if (protection === 'mutual TLS') return { protocol: 'SSL', ca: right.ca }
    if (protection === 'SSL') {
      const { certificate } = new TestAuthority('ca')
      return { ...right, ca: await this.#file('stranger.pem', certificate) }
    }
    if (protection !== 'OAUTHBEARER') return { ...right, password: 'wrong' }
    const past = Date.now() / 1000 - 3600
    const expired = await this.#token(user, { iat: past - 60, exp: past })
    return { ...right, token: await this.#file(`${user}-expired.jwt`, expired) }
  }

  /** Starts it, and has its administrator make the users, their rights, and topics. */
  async start(): Promise<void> {
    await this.#node.start()
    const admin = await this.#connect()
    await this.#addUsers(admin)
    await this.#addRights(admin)
    for (const name of foreignTopics) await makeTopic(admin, name)
    admin.destroy()
  }

  async addTopics(names: readonly string[]): Promise<void> {
    const admin = await this.#connect()
    for (const name of names) await makeTopic(admin, name)
    admin.destroy()
  }

  /** What a group has committed of partition 0 of a topic; -1: nothing. */
  async committed(groupId: string, topic: string): Promise<number> {
    const admin = await this.#connect()
    const asked = { groupId, topics: [{ name: topic, partitionIndexes: [0] }] }
    const { groups } = await admin.request(OffsetFetch, 8, { groups: [asked] })
    admin.destroy()
    return Number(groups[0]!.topics[0]!.partitions[0]!.committedOffset)
  }

  kill9(): Promise<void> {
    return this.#node.kill9()
  }

  stop(): Promise<void> {
    return this.#node.stop()
  }

  tail(): string {
    return this.#node.tail()
  }

  #settings(): Record<string, string> {
    const { mutual, ssl, sasl } = this.#ports
    const broker = this.#authority.issue({ subject: [['CN', 'broker']], hosts: ['127.0.0.1'] })
    const users = this.#users.map((user) => `user_${user}="${passwordOf(user)}"`).join(' ')
    const bearer = 'listener.name.sasl.oauthbearer.sasl'
    return {
      listeners: `MUTUAL://127.0.0.1:${mutual},SSL://127.0.0.1:${ssl},SASL://127.0.0.1:${sasl}`,
      'listener.security.protocol.map': 'MUTUAL:SSL,SSL:SSL,SASL:SASL_SSL',
      'inter.broker.listener.name': 'MUTUAL',
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.key': broker.key,
      'ssl.keystore.certificate.chain': broker.certificate,
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.certificates': this.#authority.certificate,
      'listener.name.mutual.ssl.client.auth': 'required',
      'ssl.principal.mapping.rules': 'RULE:^CN=(.*)$/$1/',
      'sasl.enabled.mechanisms': mechanisms.join(','),
      'listener.name.sasl.plain.sasl.jaas.config': `${modules}.plain.PlainLoginModule required ${users};`,
      [`${bearer}.server.callback.handler.class`]: `${modules}.oauthbearer.OAuthBearerValidatorCallbackHandler`,
      [`${bearer}.jaas.config`]: `${modules}.oauthbearer.OAuthBearerLoginModule required;`,
      'sasl.oauthbearer.jwks.endpoint.url': `file://${path.join(this.#directory, 'keys.json')}`,
      'sasl.oauthbearer.expected.issuer': ISSUER,
      'sasl.oauthbearer.expected.audience': AUDIENCE,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:broker;User:admin',
      'group.initial.rebalance.delay.ms': '0',
      'offsets.topic.num.partitions': '5',
    }
  }

  /** The path of a file that is written once: what has been told of it may read it at any time. */
  async #file(name: string, text: string): Promise<string> {
    const file = path.join(this.#directory, name)
    const written = this.#written.get(file) ?? writeFile(file, text)
    this.#written.set(file, written)
    await written
    return file
  }

  #token(user: string, claims: object = {}): Promise<string> {
    return this.#tokens.token({ sub: user, scope: 'kafka', ...claims })
  }

  async #connect(): Promise<RawClient> {
    const { key, certificate: cert } = this.#admin
    const at = { host: '127.0.0.1', port: this.#ports.mutual }
    const socket = tls.connect({ ...at, ca: this.#authority.certificate, key, cert })
    await once(socket, 'secureConnect')
    return new RawClient(socket, 60_000)
  }

  /** A user may be named but once in a request, whatever the mechanism. */
  async #addUsers(admin: RawClient): Promise<void> {
    const salt = Buffer.from('some salt')
    for (const [index, algorithm] of scrams.entries()) {
      const upsertions = this.#users.map(async (name) => ({
        name,
        mechanism: index + 1,
        iterations: 4096,
        salt,
        saltedPassword: await saltedPassword(algorithm, passwordOf(name), salt, 4096),
      }))
      const { results } = await admin.request(AlterUserScramCredentials, 0, {
        deletions: [],
        upsertions: await Promise.all(upsertions),
      })
      expectNone(results)
    }
  }

  async #addRights(admin: RawClient): Promise<void> {
    const users = [...this.#users, nobody]
    const rights = [
      [acl.topic, acl.read],
      [acl.topic, acl.write],
      [acl.group, acl.read],
    ] as const
    const common = { host: '*', permissionType: acl.allow }
    const creations = users.flatMap((user) =>
      rights.map(([resourceType, operation]) => ({
        ...common,
        resourceType,
        resourceName: own(user),
        resourcePatternType: acl.prefixed,
        principal: `User:${user}`,
        operation,
      })),
    )
    const shown = {
      ...common,
      resourceType: acl.topic,
      resourceName: 'shown',
      resourcePatternType: acl.literal,
      principal: 'User:*',
      operation: acl.describe,
    }
    const { results } = await admin.request(CreateAcls, 3, { creations: [...creations, shown] })
    expectNone(results)
  }
}

const passwordOf = (user: string): string => `${user}-secret`

const expectNone = (results: readonly { errorCode: string; errorMessage: string | null }[]) => {
  const bad = results.find(({ errorCode }) => errorCode !== 'NONE')
  if (bad !== undefined) throw new Error(`${bad.errorCode}: ${bad.errorMessage}`)
}

const makeTopic = async (admin: RawClient, name: string): Promise<void> => {
  const { topics } = await admin.request(CreateTopics, 7, {
    topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
    timeoutMs: 30_000,
    validateOnly: false,
  })
  expectNone(topics)
}
