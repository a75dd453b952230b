import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { Kafka, logLevel } from 'kafkajs'
import { ListGroups } from '../../../../protocol/messages/list-groups.ts'
import { SaslAuthenticate } from '../../../../protocol/messages/sasl-authenticate.ts'
import { SaslHandshake } from '../../../../protocol/messages/sasl-handshake.ts'
import { BrokerConfig } from '../../../../src/config/broker-config.ts'
import { nodeHost } from '../../../../src/host/node.ts'
import { startBroker, type RunningBroker } from '../../../../src/index.ts'
import { ListenerSasl } from '../../../../src/security/sasl/listener-sasl.ts'
import { until } from '../../../clients/wait.ts'
import { TestAuthority } from '../../../support/certificates.ts'
import {
  AUDIENCE,
  base64,
  IdentityProvider,
  ISSUER,
  keySetOf,
  SigningKey,
} from '../../../support/identity-provider.ts'
import { quickJava } from '../../../support/quick-java.ts'
import { RawClient } from '../../../support/raw-client.ts'
import { temporaryDirectories } from '../../../support/temporary.ts'

const PACKAGE = 'org.apache.kafka.common.security.oauthbearer'
const SIGNED = `${PACKAGE}.OAuthBearerValidatorCallbackHandler`
const UNSECURED = `${PACKAGE}.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler`
const directories = temporaryDirectories()
const directory = directories.make()
const keyFile = join(directories.make(), 'keys of tokens.json')
const certificates = new TestAuthority('ca')
const lines: string[] = []
const host = nodeHost({
  log: { level: 'info', destination: { write: (line: string) => void lines.push(line) } },
})

let running: RunningBroker
let key: SigningKey
let idp: IdentityProvider
let secured: IdentityProvider
const portOf = (listener: string): number =>
  running.addresses.find((address) => address.listener === listener)!.port

beforeAll(async () => {
  key = await SigningKey.make('one')
  idp = await IdentityProvider.start(keySetOf(key))
  const credential = certificates.issue({ subject: [['CN', 'idp']], hosts: ['127.0.0.1'] })
  secured = await IdentityProvider.start(keySetOf(key), credential)
  writeFileSync(keyFile, keySetOf(key))
  const names = ['HTTP', 'HTTPS', 'FILE', 'UNSECURED', 'LOST']
  const handler = 'sasl.server.callback.handler.class'
  const url = 'sasl.oauthbearer.jwks.endpoint.url'
  const own = (listener: string, setting: string) =>
    `listener.name.${listener}.oauthbearer.${setting}`
  const trusted = certificates.certificate.replaceAll('\n', '\\\n')
  running = await startBroker({
    host,
    directory,
    settings: {
      listeners: ['PLAINTEXT', ...names].map((name) => `${name}://127.0.0.1:0`).join(','),
      'listener.security.protocol.map': `PLAINTEXT:PLAINTEXT,${names.map((name) => `${name}:SASL_PLAINTEXT`).join(',')}`,
      'sasl.enabled.mechanisms': 'OAUTHBEARER',
      'sasl.oauthbearer.expected.issuer': ISSUER,
      'sasl.oauthbearer.expected.audience': `${AUDIENCE},other`,
      [url]: idp.url,
      [own('http', handler)]: SIGNED,
      [own('https', handler)]: SIGNED,
      [own('https', url)]: secured.url,
      [own('https', 'sasl.jaas.config')]:
        `${PACKAGE}.OAuthBearerLoginModule required ssl.truststore.type="PEM" ssl.truststore.certificates="${trusted}";`,
      [own('file', handler)]: SIGNED,
      [`listener.name.file.${url}`]: `file://${encodeURI(keyFile)}`,
      [own('unsecured', handler)]: UNSECURED,
      [own('lost', handler)]: SIGNED,
      [own('lost', url)]: 'http://127.0.0.1:1/keys',
      'connection.failed.authentication.delay.ms': 20,
    },
  })
})
afterAll(async () => {
  await running?.close()
  await host.workers.close()
  idp?.close()
  secured?.close()
  directories.removeAll()
})

const unsecuredToken = () =>
  `${base64({ alg: 'none' })}.${base64({ sub: 'alice', exp: Date.now() / 1000 + 600 })}.`
const tokenFor = (listener: string): Promise<string> =>
  listener === 'UNSECURED' ? Promise.resolve(unsecuredToken()) : key.token()

const kafkajs = (listener: string, token: () => Promise<string>) =>
  new Kafka({
    brokers: [`127.0.0.1:${portOf(listener)}`],
    sasl: {
      mechanism: 'oauthbearer',
      oauthBearerProvider: async () => ({ value: await token() }),
    },
    retry: { retries: 0 },
    connectionTimeout: 60_000,
    authenticationTimeout: 60_000,
    logLevel: logLevel.NOTHING,
  })

async function topicsSeen(listener: string, token: () => Promise<string>): Promise<string[]> {
  const admin = kafkajs(listener, token).admin()
  try {
    await admin.connect()
    return await admin.listTopics()
  } finally {
    await admin.disconnect()
  }
}

test.each(['HTTP', 'HTTPS', 'FILE', 'UNSECURED'])('kafkajs is let in on %s', async (listener) => {
  expect(await topicsSeen(listener, () => tokenFor(listener))).toEqual(expect.any(Array))
})

test('@platformatic/kafka writes and reads', async () => {
  const common = {
    clientId: 'platformatic',
    bootstrapBrokers: [`127.0.0.1:${portOf('HTTP')}`],
    sasl: { mechanism: 'OAUTHBEARER' as const, token: await key.token() },
    autocreateTopics: true,
  }
  const producer = new Producer({ ...common, serializers: stringSerializers })
  await producer.send({ messages: [{ topic: 'oauth', key: 'k', value: 'v' }] })
  await producer.close()
  const consumer = new Consumer({ ...common, groupId: 'g', deserializers: stringDeserializers })
  const stream = await consumer.consume({ topics: ['oauth'], mode: 'earliest' })
  for await (const message of stream) {
    expect(message.value).toBe('v')
    break
  }
  await consumer.close(true)
})

const connected = (listener = 'HTTP') =>
  RawClient.connect({ host: '127.0.0.1', port: portOf(listener) })
const messageOf = (token: string, who = '') =>
  Buffer.from(`n,${who},\x01auth=Bearer ${token}\x01\x01`)
const authenticate = async (client: RawClient, authBytes: Buffer) => {
  await client.request(SaslHandshake, 1, { mechanism: 'OAUTHBEARER' })
  return client.request(SaslAuthenticate, 2, { authBytes })
}
const list = (client: RawClient) => client.request(ListGroups, 4, { statesFilter: [] })

describe('a client whose token is not good', () => {
  const bad = () => key.token({ exp: 1_000_000_000, iat: 999_999_000 })

  test('is told so by RFC 7628, and refused once it has seen that', async () => {
    const client = await connected()
    const told = await authenticate(client, messageOf(await bad()))
    expect(told).toMatchObject({ errorCode: 'NONE', errorMessage: null, sessionLifetimeMs: 0 })
    expect(told.authBytes.toString()).toBe('{"status":"invalid_token"}')
    const end = await client.request(SaslAuthenticate, 2, { authBytes: Buffer.from('\x01') })
    expect(end).toMatchObject({
      errorCode: 'SASL_AUTHENTICATION_FAILED',
      errorMessage: '{"status":"invalid_token"}',
    })
    await client.closed
  })

  test('is served nothing before that', async () => {
    const client = await connected()
    await authenticate(client, messageOf(await bad()))
    await expect(list(client)).rejects.toThrow('closed')
  })

  test('has no second try on its connection', async () => {
    const client = await connected()
    await authenticate(client, messageOf(await bad()))
    const authBytes = messageOf(await key.token())
    const end = await client.request(SaslAuthenticate, 2, { authBytes })
    expect(end.errorCode).toBe('SASL_AUTHENTICATION_FAILED')
    await client.closed
  })

  test('waits for the judgement: what it has sent behind its token is not looked at', async () => {
    const client = await connected()
    client.send(SaslHandshake, 1, { mechanism: 'OAUTHBEARER' })
    client.send(SaslAuthenticate, 2, { authBytes: messageOf(await bad()) })
    client.send(ListGroups, 4, { statesFilter: [] })
    await client.receive(SaslHandshake, 1)
    await client.receive(SaslAuthenticate, 2)
    await client.closed
  })

  test.each([
    ['is larger than a token may be', () => Promise.resolve('a'.repeat(600_000))],
    ['is unsigned', () => Promise.resolve(unsecuredToken())],
  ])('%s', async (_, token) => {
    await expect(topicsSeen('HTTP', token)).rejects.toThrow()
  })
})

test.each([
  [
    'what is no message of OAUTHBEARER',
    Buffer.from('\0alice\0secret'),
    'due to invalid credentials',
  ],
  ['nothing', Buffer.alloc(0), 'due to invalid credentials'],
])('a client that says %s is refused', async (_, message, expected) => {
  const client = await connected()
  const end = await authenticate(client, message)
  expect(end.errorCode).toBe('SASL_AUTHENTICATION_FAILED')
  expect(end.errorMessage).toContain(expected)
  await client.closed
})

test('a client acts for nobody but whom its token is for', async () => {
  const client = await connected()
  const end = await authenticate(client, messageOf(await key.token(), 'a=bob'))
  expect(end.errorCode).toBe('SASL_AUTHENTICATION_FAILED')
  expect(end.errorMessage).toContain('an authorization id (bob)')
  await client.closed
  const own = await connected()
  expect((await authenticate(own, messageOf(await key.token(), 'a=alice'))).errorCode).toBe('NONE')
  own.destroy()
})

test('a token may come without a header after a handshake of v0', async () => {
  const client = await connected()
  await client.request(SaslHandshake, 0, { mechanism: 'OAUTHBEARER' })
  client.sendFrame(messageOf(await key.token()))
  expect((await client.nextFrame())!.length).toBe(0)
  expect((await list(client)).errorCode).toBe('NONE')
  client.destroy()
})

test('a session ends with its token, and goes on with another one of the same user', async () => {
  const client = await connected()
  const now = Math.floor(Date.now() / 1000)
  const short = await key.token({ exp: now + 10 })
  const { sessionLifetimeMs } = await authenticate(client, messageOf(short))
  expect(sessionLifetimeMs).toBeGreaterThan(0)
  expect(sessionLifetimeMs).toBeLessThanOrEqual(10_000)
  expect((await list(client)).errorCode).toBe('NONE')
  await until(() => Date.now() >= (now + 10) * 1000, 'the token to expire')
  const again = await authenticate(client, messageOf(await key.token()))
  expect(Number(again.sessionLifetimeMs)).toBeGreaterThan(500_000)
  expect((await list(client)).errorCode).toBe('NONE')
  await until(() => Date.now() >= (now + 12) * 1000, 'a second to pass')
  const other = await authenticate(client, messageOf(await key.token({ sub: 'bob' })))
  expect(other.errorCode).toBe('SASL_AUTHENTICATION_FAILED')
  await client.closed
})

test.each([
  ['in microseconds', 1e14, 0],
  ['beyond any number of milliseconds', 1e306, 0],
  ['in two hundred years', 200 * 365 * 86_400 + Math.floor(Date.now() / 1000), 6e12],
])('a token that expires %s lets its bearer in', async (_, exp, leastMs) => {
  const client = await connected()
  const told = await authenticate(client, messageOf(await key.token({ exp })))
  expect(told).toMatchObject({ errorCode: 'NONE', errorMessage: null })
  expect(Number(told.sessionLifetimeMs)).toBeGreaterThanOrEqual(leastMs)
  expect(Number(told.sessionLifetimeMs)).toBeLessThanOrEqual(leastMs * 1.1)
  expect((await list(client)).errorCode).toBe('NONE')
  client.destroy()
})

test('a token that has expired within the skew of the clocks is good for nothing but to be let in', async () => {
  const client = await connected()
  const now = Math.floor(Date.now() / 1000)
  const old = await key.token({ iat: now - 60, exp: now - 1 })
  expect((await authenticate(client, messageOf(old))).errorCode).toBe('NONE')
  await expect(list(client)).rejects.toThrow('closed')
})

test('where no keys could be fetched, nobody is let in, and nobody has to wait', async () => {
  const client = await connected('LOST')
  const told = await authenticate(client, messageOf(await key.token()))
  expect(told.authBytes.toString()).toBe('{"status":"invalid_token"}')
  client.destroy()
  expect(lines.join('')).toContain('The keys that tokens are signed with could not be fetched')
})

test('who is known goes on being let in while the identity provider says nothing; a new key waits', async () => {
  const next = await SigningKey.make('next')
  idp.answer = null
  const { asked } = idp
  const stranger = await connected()
  await stranger.request(SaslHandshake, 1, { mechanism: 'OAUTHBEARER' })
  stranger.send(SaslAuthenticate, 2, { authBytes: messageOf(await next.token()) })
  await until(() => idp.asked > asked, 'the broker to ask for the new key')
  expect(await topicsSeen('HTTP', () => key.token())).toEqual(expect.any(Array))
  idp.hangUp()
  const told = await stranger.receive(SaslAuthenticate, 2)
  expect(told.authBytes.toString()).toBe('{"status":"invalid_token"}')
  stranger.destroy()
  idp.answer = { body: keySetOf(key, next) }
})

describe('a start is refused with what to do', () => {
  const handler = 'listener.name.x.oauthbearer.sasl.server.callback.handler.class'
  const url = 'sasl.oauthbearer.jwks.endpoint.url'
  const good = {
    listeners: 'PLAINTEXT://:0,X://:0',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,X:SASL_PLAINTEXT',
    'sasl.enabled.mechanisms': 'OAUTHBEARER',
    [handler]: SIGNED,
    [url]: 'http://127.0.0.1:1/keys',
    'sasl.oauthbearer.expected.issuer': ISSUER,
    'sasl.oauthbearer.expected.audience': AUDIENCE,
  }
  const jaas = 'listener.name.x.oauthbearer.sasl.jaas.config'
  const module = `${PACKAGE}.OAuthBearerLoginModule`
  test.each([
    ['no handler', { [handler]: undefined }, `${handler} is not set`],
    ['a plug-in', { [handler]: 'com.example.Mine' }, 'asks for com.example.Mine'],
    ['no audience', { 'sasl.oauthbearer.expected.audience': '' }, 'expected.audience is not set'],
    ['no issuer', { 'sasl.oauthbearer.expected.issuer': undefined }, 'expected.issuer is not set'],
    ['no keys', { [url]: undefined }, `${url} is not set`],
    ['an address that is none', { [url]: 'keys' }, 'is no address'],
    ['an address of another kind', { [url]: 'ftp://x/y' }, 'begins with ftp:'],
    ['a file of another machine', { [url]: 'file://x/y' }, 'is no address of a file here'],
    ['a path that is none', { [url]: 'file:///a%zz' }, 'is no address of a file here'],
    [
      'a file that is not there',
      { [url]: 'file:///nowhere/keys.json' },
      '/nowhere/keys.json can’t',
    ],
    ['a file that has no keys', { [url]: 'file:///etc/passwd' }, 'no set of keys'],
    [
      'a validator that checks no signatures',
      { 'sasl.oauthbearer.jwt.validator.class': `${PACKAGE}.ClientJwtValidator` },
      'sasl.oauthbearer.jwt.validator.class asks for',
    ],
    ['no name of a claim', { 'sasl.oauthbearer.sub.claim.name': ' ' }, 'sub.claim.name is empty'],
    ['clocks that go back', { 'sasl.oauthbearer.clock.skew.seconds': '-1' }, 'at least 0'],
    ['no pause', { 'sasl.oauthbearer.jwks.endpoint.refresh.ms': '0' }, 'refresh.ms is 0'],
    [
      'another module',
      { [jaas]: 'a.B required password="secret words";' },
      'another login module than that of OAUTHBEARER',
    ],
    [
      'a trust store that is not there',
      { [url]: 'https://x/y', [jaas]: `${module} required ssl.truststore.location="/nowhere";` },
      `ssl.truststore.location in ${jaas}`,
    ],
    [
      'an option that is none',
      {
        [handler]: UNSECURED,
        [jaas]: `${module} required unsecuredValidatorAllowableClockSkewMs="x";`,
      },
      'unsecuredValidatorAllowableClockSkewMs',
    ],
  ])('%s', async (_, changes, expected) => {
    const settings = Object.entries({ ...good, ...changes }).filter(
      ([, value]) => value !== undefined,
    )
    const config = new BrokerConfig({
      settings: Object.fromEntries(settings) as Record<string, string>,
    })
    const opening = ListenerSasl.open(host, config, config.listeners.broker[1]!)
    const message = await opening.then(
      (sasl) => (sasl.close(), ''),
      (error: Error) => error.message,
    )
    expect(message).toContain(expected.replace('’', "'"))
    expect(message).not.toContain('secret words')
  })
})

const jars = process.env['OTTLA_KAFKA_JARS']
const told = (command: string, ...args: string[]): Promise<string> =>
  new Promise((resolve) =>
    execFile(command, args, (error, stdout, stderr) => resolve(error ? stderr + stdout : stdout)),
  )

;(jars === undefined ? test.skip : test)(
  "Apache's tools are let in by a token in a file (needs OTTLA_KAFKA_JARS)",
  async () => {
    const place = directories.make()
    const token = `file://${join(place, 'token')}`
    writeFileSync(join(place, 'token'), await key.token({ scope: 'kafka' }))
    const config = join(place, 'client.properties')
    const login = `sasl.login.callback.handler.class=${PACKAGE}.OAuthBearerLoginCallbackHandler`
    writeFileSync(
      config,
      `security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\nsasl.jaas.config=${PACKAGE}.OAuthBearerLoginModule required;\n${login}\nsasl.oauthbearer.token.endpoint.url=${token}\n`,
    )
    const allowed = `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${token}`
    const tool = 'org.apache.kafka.tools.GroupsCommand'
    const bootstrap = ['--bootstrap-server', `127.0.0.1:${portOf('HTTP')}`]
    const java = [
      ...quickJava(jars),
      allowed,
      tool,
      ...bootstrap,
      '--command-config',
      config,
      '--list',
    ]
    expect(await told('java', ...java)).toMatch(/^GROUP\s+TYPE/)
  },
)

test('no line of the log has a token', async () => {
  const all = lines.join('')
  expect(all).toContain('invalid_token')
  expect(all).toContain('claim timestamp check failed')
  expect(all).not.toContain((await key.token()).split('.')[0])
})
