import { stringDeserializers, stringSerializers, Consumer, Producer } from '@platformatic/kafka'
import { Kafka, logLevel, type SASLOptions } from 'kafkajs'
import { AlterUserScramCredentials } from '../../../protocol/messages/alter-user-scram-credentials.ts'
import { DescribeUserScramCredentials } from '../../../protocol/messages/describe-user-scram-credentials.ts'
import { ListGroups } from '../../../protocol/messages/list-groups.ts'
import { SaslAuthenticate } from '../../../protocol/messages/sasl-authenticate.ts'
import { SaslHandshake } from '../../../protocol/messages/sasl-handshake.ts'
import { BrokerConfig } from '../../../src/config/broker-config.ts'
import { nodeHost } from '../../../src/host/node.ts'
import { startBroker, type RunningBroker } from '../../../src/index.ts'
import { ListenerSasl } from '../../../src/security/sasl/listener-sasl.ts'
import { plainToken } from '../../../src/security/sasl/plain.ts'
import { saltedPassword } from '../../../src/security/sasl/scram.ts'
import { until } from '../../clients/wait.ts'
import { TestAuthority } from '../../support/certificates.ts'
import { RawClient } from '../../support/raw-client.ts'
import { temporaryDirectories } from '../../support/temporary.ts'

const directories = temporaryDirectories()
const directory = directories.make()
const authority = new TestAuthority('ca')
const broker = authority.issue({ subject: [['CN', 'broker']], hosts: ['127.0.0.1'] })
const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const jaas = `${PLAIN} required user_alice="alice-secret" user_bob="bob-secret";`

const lines: string[] = []
const host = nodeHost({
  log: { level: 'info', destination: { write: (line: string) => void lines.push(line) } },
})
let running: RunningBroker
const portOf = (listener: string): number =>
  running.addresses.find((address) => address.listener === listener)!.port

const start = () =>
  startBroker({
    host,
    directory,
    settings: {
      listeners: ['PLAINTEXT', 'SASL_PLAINTEXT', 'SASL_SSL', 'SHORT']
        .map((name) => `${name}://127.0.0.1:0`)
        .join(','),
      'listener.security.protocol.map':
        'PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,SHORT:SASL_PLAINTEXT',
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
      'listener.name.sasl_plaintext.plain.sasl.jaas.config': jaas,
      'listener.name.sasl_ssl.plain.sasl.jaas.config': jaas,
      'listener.name.short.plain.sasl.jaas.config': jaas,
      'listener.name.short.plain.connections.max.reauth.ms': 1500,
      'connection.failed.authentication.delay.ms': 20,
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.key': broker.key,
      'ssl.keystore.certificate.chain': broker.certificate,
      // Of SASL_SSL no certificate is asked for by what is said for all listeners.
      'ssl.client.auth': 'required',
    },
  })

async function addScram(mechanism: 1 | 2, name: string, password: string): Promise<void> {
  const salt = Buffer.from('some salt')
  const algorithm = mechanism === 1 ? 'SCRAM-SHA-256' : 'SCRAM-SHA-512'
  const salted = await saltedPassword(algorithm, password, salt, 4096)
  const admin = await RawClient.connect(running)
  const upsertion = { name, mechanism, iterations: 4096, salt, saltedPassword: salted }
  const { results } = await admin.request(AlterUserScramCredentials, 0, {
    deletions: [],
    upsertions: [upsertion],
  })
  expect(results).toEqual([{ user: name, errorCode: 'NONE', errorMessage: null }])
  admin.destroy()
}

beforeAll(async () => {
  running = await start()
  await addScram(1, 'carol', 'carol-secret')
  await addScram(2, 'dave', 'dave-secret')
})
afterAll(async () => {
  await running?.close()
  await host.workers.close()
  directories.removeAll()
})

const ca = authority.certificate
const kafkajs = (listener: string, sasl?: SASLOptions) =>
  new Kafka({
    brokers: [`127.0.0.1:${portOf(listener)}`],
    ssl: listener === 'SASL_SSL' ? { ca } : false,
    // kafkajs writes into what it is given.
    ...(sasl === undefined ? {} : { sasl: { ...sasl } }),
    retry: { retries: 0 },
    connectionTimeout: 60_000,
    authenticationTimeout: 60_000,
    logLevel: logLevel.NOTHING,
  })

async function topicsSeenBy(listener: string, sasl?: SASLOptions): Promise<string[]> {
  const admin = kafkajs(listener, sasl).admin()
  try {
    await admin.connect()
    return await admin.listTopics()
  } finally {
    await admin.disconnect()
  }
}

const users = [
  { mechanism: 'plain', username: 'alice', password: 'alice-secret' },
  { mechanism: 'scram-sha-256', username: 'carol', password: 'carol-secret' },
  { mechanism: 'scram-sha-512', username: 'dave', password: 'dave-secret' },
] as const satisfies readonly SASLOptions[]

describe.each(['SASL_PLAINTEXT', 'SASL_SSL'])('on a listener of %s', (listener) => {
  test.each(users)('kafkajs is let in by $mechanism', async (sasl) => {
    expect(await topicsSeenBy(listener, sasl)).toEqual(expect.any(Array))
  })

  test.each(users)(
    'a wrong password and an unknown user are told the same by $mechanism',
    async (sasl) => {
      const told = async (wrong: object): Promise<string> => {
        const error = await topicsSeenBy(listener, { ...sasl, ...wrong } as SASLOptions).catch(
          (reason: Error) => reason,
        )
        if (Array.isArray(error)) return 'let in'
        const { message, cause } = error as Error
        return message || String(cause)
      }
      const wrong = await told({ password: 'not the one' })
      expect(wrong).toContain('Authentication failed')
      expect(await told({ username: 'mallory' })).toBe(wrong)
    },
  )
})

test.each([
  ['PLAIN', 'alice'],
  ['SCRAM-SHA-256', 'carol'],
  ['SCRAM-SHA-512', 'dave'],
] as const)('@platformatic/kafka writes and reads by %s over TLS', async (mechanism, username) => {
  const common = {
    clientId: 'platformatic',
    bootstrapBrokers: [`127.0.0.1:${portOf('SASL_SSL')}`],
    tls: { ca },
    sasl: { mechanism, username, password: `${username}-secret` },
    autocreateTopics: true,
  }
  const producer = new Producer({ ...common, serializers: stringSerializers })
  await producer.send({ messages: [{ topic: mechanism, key: 'k', value: username }] })
  await producer.close()
  const consumer = new Consumer({
    ...common,
    groupId: mechanism,
    deserializers: stringDeserializers,
  })
  const stream = await consumer.consume({ topics: [mechanism], mode: 'earliest' })
  for await (const message of stream) {
    expect(message.value).toBe(username)
    break
  }
  await consumer.close(true)
})

test('users of SCRAM are told without their secrets, and are there after a restart', async () => {
  await running.close()
  running = await start()
  expect(await topicsSeenBy('SASL_PLAINTEXT', users[1])).toEqual(expect.any(Array))
  const admin = await RawClient.connect(running)
  const { results } = await admin.request(DescribeUserScramCredentials, 0, { users: null })
  expect(results).toMatchObject([
    { user: 'carol', credentialInfos: [{ mechanism: 1, iterations: 4096 }] },
    { user: 'dave', credentialInfos: [{ mechanism: 2, iterations: 4096 }] },
  ])
  const deletions = [{ name: 'dave', mechanism: 2 }]
  await admin.request(AlterUserScramCredentials, 0, { deletions, upsertions: [] })
  await expect(topicsSeenBy('SASL_PLAINTEXT', users[2])).rejects.toThrow('Authentication failed')
  admin.destroy()
})

describe('before it has authenticated, a client', () => {
  const connected = (listener = 'SASL_PLAINTEXT') =>
    RawClient.connect({ host: '127.0.0.1', port: portOf(listener) })

  test('is served nothing else', async () => {
    const client = await connected()
    await expect(client.request(ListGroups, 4, { statesFilter: [] })).rejects.toThrow('closed')
  })

  test('may send no more than a token takes, and 2 GiB not at all', async () => {
    for (const size of [0x7fff_ffff, 600_000]) {
      const client = await connected()
      const length = Buffer.alloc(8)
      length.writeInt32BE(size)
      client.sendBytes(length)
      await client.closed
    }
    expect(lines.join('')).toContain('sasl.server.max.receive.size is 524288')
  })

  test('that asks for a mechanism which isn’t there is told which are, and loses the connection', async () => {
    const client = await connected()
    const answer = await client.request(SaslHandshake, 1, { mechanism: 'GSSAPI' })
    expect(answer).toEqual({
      errorCode: 'UNSUPPORTED_SASL_MECHANISM',
      mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'],
    })
    await client.closed
  })

  test('that sends tokens before it has picked one loses the connection', async () => {
    const client = await connected()
    const authBytes = plainToken('alice', 'alice-secret')
    const { errorCode } = await client.request(SaslAuthenticate, 2, { authBytes })
    expect(errorCode).toBe('ILLEGAL_SASL_STATE')
    await client.closed
  })

  test('is refused once: what it has sent behind a wrong password is not looked at', async () => {
    const client = await connected()
    client.send(SaslHandshake, 1, { mechanism: 'PLAIN' })
    client.send(SaslAuthenticate, 2, { authBytes: plainToken('alice', 'wrong') })
    client.send(SaslAuthenticate, 2, { authBytes: plainToken('alice', 'alice-secret') })
    await client.receive(SaslHandshake, 1)
    const { errorCode } = await client.receive(SaslAuthenticate, 2)
    expect(errorCode).toBe('SASL_AUTHENTICATION_FAILED')
    await client.closed
  })

  test.each([
    ['no name', '\0\0alice-secret'],
    ['no password', '\0alice\0'],
    ['two parts', 'alice\0alice-secret'],
    ['another to act for', 'bob\0alice\0alice-secret'],
    ['bytes that are no text', '\0alice\0\xff\xfe'],
  ])('that says %s is refused', async (_, token) => {
    const client = await connected()
    await client.request(SaslHandshake, 1, { mechanism: 'PLAIN' })
    const authBytes = Buffer.from(token, 'latin1')
    const { errorCode } = await client.request(SaslAuthenticate, 1, { authBytes })
    expect(errorCode).toBe('SASL_AUTHENTICATION_FAILED')
    await client.closed
  })

  test('may send its tokens without headers after a handshake of v0', async () => {
    const client = await connected()
    await client.request(SaslHandshake, 0, { mechanism: 'PLAIN' })
    client.sendFrame(plainToken('alice', 'alice-secret'))
    expect((await client.nextFrame())!.length).toBe(0)
    expect((await client.request(ListGroups, 4, { statesFilter: [] })).errorCode).toBe('NONE')
    client.destroy()
  })

  test('whose token of v0 is wrong loses the connection without an answer', async () => {
    const client = await connected()
    await client.request(SaslHandshake, 0, { mechanism: 'PLAIN' })
    client.sendFrame(plainToken('alice', 'wrong'))
    expect(await client.nextFrame()).toBeNull()
  })
})

describe('a session that ends', () => {
  const authenticate = async (client: RawClient, user = 'alice') => {
    const { errorCode } = await client.request(SaslHandshake, 1, { mechanism: 'PLAIN' })
    expect(errorCode).toBe('NONE')
    const authBytes = plainToken(user, `${user}-secret`)
    return client.request(SaslAuthenticate, 2, { authBytes })
  }
  const list = (client: RawClient) => client.request(ListGroups, 4, { statesFilter: [] })
  const passed = (ms: number) => {
    const since = performance.now()
    return until(() => performance.now() - since >= ms, 'time to pass')
  }

  /** All of it comes to the broker at once, so that no time passes on the way. */
  const authenticateAndList = async (client: RawClient): Promise<void> => {
    client.send(SaslHandshake, 1, { mechanism: 'PLAIN' })
    client.send(SaslAuthenticate, 2, { authBytes: plainToken('alice', 'alice-secret') })
    client.send(ListGroups, 4, { statesFilter: [] })
    client.send(SaslHandshake, 1, { mechanism: 'PLAIN' })
    expect((await client.receive(SaslHandshake, 1)).errorCode).toBe('NONE')
    const told = await client.receive(SaslAuthenticate, 2)
    expect(told).toMatchObject({ errorCode: 'NONE', sessionLifetimeMs: 1500 })
    expect((await client.receive(ListGroups, 4)).errorCode).toBe('NONE')
    // Not so soon once more.
    expect((await client.receive(SaslHandshake, 1)).errorCode).toBe('ILLEGAL_SASL_STATE')
  }

  test('tells for how long it lasts; who does not authenticate again is closed when he asks', async () => {
    const client = await RawClient.connect({ host: '127.0.0.1', port: portOf('SHORT') })
    await authenticateAndList(client)
    await passed(1600)
    await expect(list(client)).rejects.toThrow('closed')
  })

  test('goes on for who authenticates again on the same connection, as the same user', async () => {
    const client = await RawClient.connect({ host: '127.0.0.1', port: portOf('SHORT') })
    await authenticate(client)
    await passed(1600)
    await authenticateAndList(client)
    await passed(1600)
    expect((await authenticate(client, 'bob')).errorCode).toBe('SASL_AUTHENTICATION_FAILED')
    await client.closed
  })
})

test('the users of PLAIN are read once from what is set, and anew where that has changed', async () => {
  const setting = 'listener.name.x.plain.sasl.jaas.config'
  const config = new BrokerConfig({
    settings: {
      listeners: 'PLAINTEXT://:0,X://:0',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,X:SASL_PLAINTEXT',
      'sasl.enabled.mechanisms': 'PLAIN',
      [setting]: jaas,
    },
  })
  const sasl = await ListenerSasl.open(host, config, config.listeners.broker[1]!)
  const { users } = sasl
  expect([...users.keys()]).toEqual(['alice', 'bob'])
  expect(sasl.users).toBe(users)
  const usersAfter = (value: string): string[] => {
    const broker = new Map([[setting, value]])
    config.updateDynamic({ cluster: new Map(), broker })
    return [...sasl.users.keys()]
  }
  expect(usersAfter(`${PLAIN} required user_carol="c";`)).toEqual(['carol'])
  expect(usersAfter('none')).toEqual([])
  expect(usersAfter(jaas)).toEqual(['alice', 'bob'])
  sasl.close()
})

describe('a start is refused with what to do', () => {
  const listener = { listeners: 'PLAINTEXT://:0,SASL_PLAINTEXT://:0' }
  const own = 'listener.name.sasl_plaintext.plain.sasl.jaas.config'
  const PLAIN_ONLY = { 'sasl.enabled.mechanisms': 'PLAIN' }
  test.each([
    ['GSSAPI, which is Kafka’s default', {}, 'GSSAPI, which Ottla does not have'],
    ['a mechanism that nobody has', { 'sasl.enabled.mechanisms': 'PLAIN,EXTERNAL' }, 'EXTERNAL'],
    ['no users', PLAIN_ONLY, `${own} is not set`],
    ['users of nobody', { ...PLAIN_ONLY, [own]: `${PLAIN} required;` }, 'names no users'],
    ['what is no JAAS', { ...PLAIN_ONLY, [own]: 'secret words' }, 'It looks like this'],
    [
      'another module',
      { ...PLAIN_ONLY, [own]: 'a.B required user_a="secret words";' },
      'another login module',
    ],
  ])('%s', async (_, settings, expected) => {
    const config = new BrokerConfig({ settings: { ...listener, ...settings } })
    const opening = ListenerSasl.open(host, config, config.listeners.broker[1]!)
    const message = await opening.then(
      () => '',
      (error: Error) => error.message,
    )
    expect(message).toContain(expected)
    expect(message).not.toContain('secret words')
  })
})

test('no line of the log has a password', () => {
  const all = lines.join('')
  expect(all).toContain('Closing the connection: Authentication failed')
  expect(all).not.toMatch(/(alice|bob|carol|dave)-secret|not the one/)
})
