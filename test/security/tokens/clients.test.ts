import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CreateDelegationToken } from '../../../protocol/messages/create-delegation-token.ts'
import { DescribeDelegationToken } from '../../../protocol/messages/describe-delegation-token.ts'
import { ExpireDelegationToken } from '../../../protocol/messages/expire-delegation-token.ts'
import { ListGroups } from '../../../protocol/messages/list-groups.ts'
import { RenewDelegationToken } from '../../../protocol/messages/renew-delegation-token.ts'
import { SaslAuthenticate } from '../../../protocol/messages/sasl-authenticate.ts'
import { SaslHandshake } from '../../../protocol/messages/sasl-handshake.ts'
import { nodeCodecs } from '../../../src/host/codecs.ts'
import { nodeHost } from '../../../src/host/node.ts'
import { startBroker, type RunningBroker } from '../../../src/index.ts'
import { localSettings, openLocalCluster } from '../../../src/local-cluster.ts'
import { plainToken } from '../../../src/security/sasl/plain.ts'
import { ScramClient, type ScramMechanism } from '../../../src/security/sasl/scram.ts'
import { eventually } from '../../clients/wait.ts'
import { quickJava } from '../../support/quick-java.ts'
import { RawClient } from '../../support/raw-client.ts'
import { temporaryDirectories } from '../../support/temporary.ts'

const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const SCRAM = 'org.apache.kafka.common.security.scram.ScramLoginModule'
const SECRET = 'the secret of all tokens'
const directories = temporaryDirectories()
const directory = directories.make()
const lines: string[] = []
const host = nodeHost({
  log: { level: 'info', destination: { write: (line: string) => void lines.push(line) } },
})
const jars = process.env['OTTLA_KAFKA_JARS']
let brokers: RunningBroker[] = []

/** Three brokers that are controllers, too. */
async function start(): Promise<void> {
  const cluster = await openLocalCluster({ host, codecs: nodeCodecs(), directory, brokers: 3 })
  brokers = await Promise.all(
    cluster.nodes.map((node) => {
      const settings = localSettings(directory, cluster, node)
      return startBroker({
        host,
        settings: {
          ...settings,
          listeners: `${settings['listeners']},SASL://127.0.0.1:0`,
          'listener.security.protocol.map':
            'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT',
          'inter.broker.listener.name': 'PLAINTEXT',
          'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
          'listener.name.sasl.plain.sasl.jaas.config': `${PLAIN} required user_alice="alice-secret" user_bob="bob-secret" user_carol="carol-secret";`,
          'delegation.token.secret.key': SECRET,
          'connection.failed.authentication.delay.ms': 20,
        },
      })
    }),
  )
}

beforeAll(start)
afterAll(async () => {
  await Promise.all(brokers.map((broker) => broker.close()))
  await host.workers.close()
  directories.removeAll()
})

const portOf = ({ addresses }: RunningBroker, listener: string): number =>
  addresses.find((address) => address.listener === listener)!.port
const connected = (broker = brokers[0]!, listener = 'SASL') =>
  RawClient.connect({ host: '127.0.0.1', port: portOf(broker, listener) })

async function asUser(name: string, broker = brokers[0]!): Promise<RawClient> {
  const client = await connected(broker)
  await client.request(SaslHandshake, 1, { mechanism: 'PLAIN' })
  const authBytes = plainToken(name, `${name}-secret`)
  expect(await client.request(SaslAuthenticate, 2, { authBytes })).toMatchObject({
    errorCode: 'NONE',
  })
  return client
}

interface Token {
  readonly tokenId: string
  readonly hmac: Buffer
}

/** What the broker says in the end to who authenticates by a token. */
async function byToken(
  client: RawClient,
  { tokenId, hmac }: Token,
  mechanism: ScramMechanism = 'SCRAM-SHA-256',
) {
  await client.request(SaslHandshake, 1, { mechanism })
  const nonce = Buffer.from('client nonce')
  const scram = new ScramClient(mechanism, tokenId, hmac.toString('base64'), nonce, true)
  const first = await client.request(SaslAuthenticate, 2, { authBytes: scram.first() })
  if (first.errorCode !== 'NONE') return first
  const authBytes = (await scram.final(first.authBytes))!
  return client.request(SaslAuthenticate, 2, { authBytes })
}

async function create(client: RawClient, body: object = {}) {
  return client.request(CreateDelegationToken, 3, {
    ownerPrincipalType: null,
    ownerPrincipalName: null,
    renewers: [{ principalType: 'User', principalName: 'bob' }],
    maxLifetimeMs: -1n,
    ...body,
  })
}

const describeAll = async (client: RawClient, owners: { name: string }[] | null = null) => {
  const named = owners?.map(({ name }) => ({ principalType: 'User', principalName: name })) ?? null
  return client.request(DescribeDelegationToken, 3, { owners: named })
}

/** A token of Alice, once the broker that she asks knows it: what is committed comes to all brokers, one after the other. */
async function tokenOf(alice: RawClient): Promise<Awaited<ReturnType<typeof create>>> {
  const token = await create(alice)
  expect(token.errorCode).toBe('NONE')
  await isKnown(alice, token)
  return token
}

async function isKnown(alice: RawClient, { tokenId }: Token): Promise<void> {
  await eventually(async () => {
    const { tokens } = await describeAll(alice)
    return tokens.some((token) => token.tokenId === tokenId)
  }, 'the token to be known')
}

test('lets its bearer in by each mechanism, on each broker, until it expires', async () => {
  const alice = await asUser('alice')
  const token = await create(alice)
  expect(token).toMatchObject({
    errorCode: 'NONE',
    principalName: 'alice',
    tokenRequesterPrincipalName: 'alice',
  })
  expect(token.hmac.length).toBe(64)
  for (const broker of brokers) {
    const here = await asUser('alice', broker)
    await isKnown(here, token)
    here.destroy()
    for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
      const client = await connected(broker)
      const end = await byToken(client, token, mechanism)
      expect(end.errorCode).toBe('NONE')
      const lifetimeMs = Number(end.sessionLifetimeMs)
      expect(lifetimeMs).toBeGreaterThan(86_000_000)
      expect(lifetimeMs).toBeLessThanOrEqual(86_400_000)
      expect((await client.request(ListGroups, 4, { statesFilter: [] })).errorCode).toBe('NONE')
      client.destroy()
    }
  }
  alice.destroy()
})

test('is worth nothing without its secret, as a user’s name, or once it is over', async () => {
  const alice = await asUser('alice')
  const token = await tokenOf(alice)
  const attempts = [
    { ...token, hmac: Buffer.from('another secret') },
    { ...token, tokenId: 'AAAAAAAAAAAAAAAAAAAAAA' },
    { ...token, tokenId: 'alice' },
  ]
  for (const attempt of attempts) {
    const client = await connected()
    expect((await byToken(client, attempt)).errorCode).toBe('SASL_AUTHENTICATION_FAILED')
    await client.closed
  }
  const { hmac } = token
  const ended = await alice.request(ExpireDelegationToken, 2, { hmac, expiryTimePeriodMs: -1n })
  expect(ended.errorCode).toBe('NONE')
  await eventually(async () => {
    const client = await connected()
    const { errorCode } = await byToken(client, token)
    client.destroy()
    return errorCode === 'SASL_AUTHENTICATION_FAILED'
  }, 'the token to be gone')
  alice.destroy()
})

test('makes no other tokens, and sees none', async () => {
  const alice = await asUser('alice')
  const token = await tokenOf(alice)
  const bearer = await connected()
  expect((await byToken(bearer, token)).errorCode).toBe('NONE')
  const refused = 'DELEGATION_TOKEN_REQUEST_NOT_ALLOWED'
  expect(await create(bearer)).toMatchObject({ errorCode: refused, tokenId: '' })
  const { hmac } = token
  const renewed = await bearer.request(RenewDelegationToken, 2, { hmac, renewPeriodMs: -1n })
  expect(renewed).toMatchObject({ errorCode: refused, expiryTimestampMs: -1 })
  expect(await describeAll(bearer)).toMatchObject({ errorCode: refused, tokens: [] })
  const open = await connected(brokers[0], 'PLAINTEXT')
  expect((await create(open)).errorCode).toBe(refused)
  for (const client of [alice, bearer, open]) client.destroy()
})

test('is renewed by whom it names, on any broker, and shown to no others than an authorizer lets', async () => {
  const alice = await asUser('alice')
  const token = await tokenOf(alice)
  const { hmac } = token
  for (const broker of brokers) {
    const bob = await asUser('bob', broker)
    const renewed = await bob.request(RenewDelegationToken, 2, { hmac, renewPeriodMs: -1n })
    expect(renewed.errorCode).toBe('NONE')
    const carol = await asUser('carol', broker)
    const other = await carol.request(RenewDelegationToken, 2, { hmac, renewPeriodMs: -1n })
    expect(other.errorCode).toBe('DELEGATION_TOKEN_OWNER_MISMATCH')
    for (const client of [bob, carol]) client.destroy()
  }
  const none = await alice.request(RenewDelegationToken, 2, {
    hmac: Buffer.from('x'),
    renewPeriodMs: -1n,
  })
  expect(none.errorCode).toBe('DELEGATION_TOKEN_NOT_FOUND')
  const renewers = [{ principalType: 'Group', principalName: 'g' }]
  expect((await create(alice, { renewers })).errorCode).toBe('INVALID_PRINCIPAL_TYPE')
  const ofBob = await describeAll(alice, [{ name: 'bob' }])
  expect(ofBob.tokens.map(({ tokenId }) => tokenId)).toContain(token.tokenId)
  expect((await describeAll(alice, [{ name: 'carol' }])).tokens).toEqual([])
  expect((await describeAll(alice, [])).tokens).toEqual([])
  alice.destroy()
})

test('is there when brokers have died and come back, and new ones are made meanwhile', async () => {
  const alice = await asUser('alice')
  const token = await create(alice)
  alice.destroy()
  await brokers[0]!.close()
  let second: Awaited<ReturnType<typeof create>>
  await eventually(async () => {
    const again = await asUser('alice', brokers[1])
    second = await create(again)
    again.destroy()
    return second.errorCode === 'NONE'
  }, 'another controller')
  await Promise.all(brokers.slice(1).map((broker) => broker.close()))
  await start()
  for (const broker of brokers) {
    const here = await asUser('alice', broker)
    for (const known of [token, second!]) {
      await isKnown(here, known)
      const client = await connected(broker)
      expect((await byToken(client, known, 'SCRAM-SHA-512')).errorCode).toBe('NONE')
      client.destroy()
    }
    here.destroy()
  }
})

;(jars === undefined ? test.skip : test)(
  "Apache's kafka-delegation-tokens makes, renews, describes and ends them, and its clients log in by one (needs OTTLA_KAFKA_JARS)",
  async () => {
    const place = directories.make()
    const client = (name: string, mechanism: string, jaas: string): string => {
      const path = join(place, name)
      writeFileSync(
        path,
        `security.protocol=SASL_PLAINTEXT\nsasl.mechanism=${mechanism}\nsasl.jaas.config=${jaas}\n`,
      )
      return path
    }
    const bootstrap = ['--bootstrap-server', `127.0.0.1:${portOf(brokers[2]!, 'SASL')}`]
    const tool = (name: string, config: string, ...args: string[]): Promise<string> =>
      new Promise((resolve) => {
        const all = [...bootstrap, '--command-config', config, ...args]
        const java = [...quickJava(jars), `org.apache.kafka.tools.${name}`, ...all]
        execFile('java', java, (error, stdout, stderr) => resolve(error ? stdout + stderr : stdout))
      })
    const user = `${PLAIN} required username="alice" password="alice-secret";`
    const alice = client('alice', 'PLAIN', user)
    const tokens = (...args: string[]) => tool('DelegationTokenCommand', alice, ...args)
    const made = await tokens(
      '--create',
      '--max-life-time-period=-1',
      '--renewer-principal=User:bob',
    )
    const [, tokenId, hmac] = /^(\S{22})\s+(\S{88})\s+User:alice/m.exec(made) ?? [made]
    expect(hmac).toBeDefined()
    const login = `${SCRAM} required username="${tokenId}" password="${hmac}" tokenauth="true";`
    const bearer = client('bearer', 'SCRAM-SHA-256', login)
    const described = () => tokens('--describe', '--owner-principal=User:alice')
    await eventually(async () => (await described()).includes(tokenId!), 'the token to be known')
    expect(await tool('GroupsCommand', bearer, '--list')).toMatch(/^GROUP|^\s*$/)
    expect(await tokens('--renew', '--renew-time-period=-1', `--hmac=${hmac}`)).toContain(
      'Completed renew operation',
    )
    expect(await tokens('--expire', '--expiry-time-period=-1', `--hmac=${hmac}`)).toContain(
      'Completed expire operation',
    )
    await eventually(
      async () => (await tool('GroupsCommand', bearer, '--list')).includes('invalid credentials'),
      'the token to be gone',
    )
  },
)

test('no line of the log has a secret', () => {
  expect(lines.join('')).toContain('Closing the connection: Authentication failed')
  expect(lines.join('')).not.toContain(SECRET)
})
