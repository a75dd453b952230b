import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { nodeHost } from '../../src/host/node.ts'
import { startBroker, type RunningBroker } from '../../src/index.ts'
import { eventually } from '../clients/wait.ts'
import { TestAuthority } from '../support/certificates.ts'
import {
  AUDIENCE,
  IdentityProvider,
  ISSUER,
  keySetOf,
  SigningKey,
} from '../support/identity-provider.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { apacheTest, apacheTool } from './apache-tool.ts'
import { ottla, type CallOptions, type Ended } from './command.ts'

const PACKAGE = 'org.apache.kafka.common.security.oauthbearer'
const MODULE = `${PACKAGE}.OAuthBearerLoginModule`
const HANDLER = `sasl.login.callback.handler.class=${PACKAGE}.OAuthBearerLoginCallbackHandler`
const ENDPOINT = 'sasl.oauthbearer.token.endpoint.url'
const RETRIEVER = 'sasl.oauthbearer.jwt.retriever.class'
const ID = 'sasl.oauthbearer.client.credentials.client.id'
const SECRET = 'sasl.oauthbearer.client.credentials.client.secret'
const directories = temporaryDirectories()
const place = directories.make()
const host = nodeHost({ log: { level: 'silent' } })
const authority = new TestAuthority('idp')
const own = authority.issue({ subject: [['CN', 'tokens']], hosts: ['127.0.0.1'] })
let key: SigningKey
let provider: IdentityProvider
let secured: IdentityProvider
let broker: RunningBroker

function file(name: string, text: string): string {
  const path = join(place, name)
  writeFileSync(path, text)
  return path
}

beforeAll(async () => {
  key = await SigningKey.make('one')
  provider = await IdentityProvider.start('')
  secured = await IdentityProvider.start('', own)
  const keys = pathToFileURL(file('keys.json', keySetOf(key))).href
  broker = await startBroker({
    host,
    settings: {
      listeners: 'SASL://127.0.0.1:0',
      'listener.security.protocol.map': 'SASL:SASL_PLAINTEXT',
      'inter.broker.listener.name': 'SASL',
      'sasl.enabled.mechanisms': 'OAUTHBEARER,SCRAM-SHA-256',
      'sasl.mechanism.inter.broker.protocol': 'SCRAM-SHA-256',
      'listener.name.sasl.scram-sha-256.sasl.jaas.config':
        'org.apache.kafka.common.security.scram.ScramLoginModule required username="node" password="node-1";',
      'listener.name.sasl.oauthbearer.sasl.server.callback.handler.class': `${PACKAGE}.OAuthBearerValidatorCallbackHandler`,
      'sasl.oauthbearer.jwks.endpoint.url': keys,
      'sasl.oauthbearer.expected.issuer': ISSUER,
      'sasl.oauthbearer.expected.audience': AUDIENCE,
      'delegation.token.secret.key': 'the secret of all tokens',
      'connection.failed.authentication.delay.ms': 1,
    },
  })
})
afterAll(async () => {
  await broker?.close()
  provider?.close()
  secured?.close()
  await host.workers.close()
  directories.removeAll()
})

let files = 0
const properties = (...lines: string[]): string =>
  file(
    `${++files}.properties`,
    ['security.protocol=SASL_PLAINTEXT', 'sasl.mechanism=OAUTHBEARER', ...lines].join('\n'),
  )
const oauth = (...lines: string[]): string =>
  properties(HANDLER, `sasl.jaas.config=${MODULE} required;`, ...lines)
const run = (args: readonly string[], options: CallOptions = {}): Promise<Ended> =>
  ottla(args, { bootstrap: broker.bootstrap, ...options })
const topics = (config: string, ...more: string[]): Promise<Ended> =>
  run(['topics', 'list', '--command-config', config, ...more])
const fileUrl = (path: string): string => `${ENDPOINT}=${pathToFileURL(path).href}`
const DONE = { code: 0, stderr: '' }

describe('a command logs in by OAUTHBEARER', () => {
  test.each([[null], ['FileJwtRetriever'], ['DefaultJwtRetriever']])(
    'with the token of a file, by %s',
    async (retriever) => {
      const token = file('a token', `${await key.token()}\n`)
      const more = retriever === null ? [] : [`${RETRIEVER}=${PACKAGE}.${retriever}`]
      expect(await topics(oauth(fileUrl(token), ...more))).toMatchObject(DONE)
    },
  )

  test('with a file that an option names', async () => {
    const token = file('token', await key.token())
    expect(await run(['topics', 'list', '--sasl-token-file', token])).toMatchObject(DONE)
    const other = properties('sasl.jaas.config=nothing of that')
    expect(await topics(other, '--sasl-token-file', token)).toMatchObject(DONE)
  })

  test('with a token that an identity provider gives to who knows a secret', async () => {
    const answer = { access_token: await key.token(), token_type: 'Bearer', expires_in: 600 }
    provider.answer = { body: JSON.stringify(answer) }
    const asked = provider.requests.length
    const config = oauth(
      `${ENDPOINT}=${provider.url}`,
      `${ID}=me:&`,
      `${SECRET}=s+1`,
      'sasl.oauthbearer.scope=a b&c',
    )
    expect(await topics(config)).toMatchObject(DONE)
    // Once for the connections of one command.
    expect(provider.requests.slice(asked)).toEqual([
      {
        method: 'POST',
        authorization: `Basic ${Buffer.from('me:&:s+1').toString('base64')}`,
        type: 'application/x-www-form-urlencoded',
        body: 'grant_type=client_credentials&scope=a+b%26c',
      },
    ])
    provider.answer = { body: JSON.stringify({ id_token: await key.token() }) }
    const jaas = `sasl.jaas.config=${MODULE} required clientId="me:&" clientSecret="s+1";`
    const encoded = properties(
      HANDLER,
      jaas,
      `${ENDPOINT}=${provider.url}`,
      'sasl.oauthbearer.header.urlencode=true',
      `${RETRIEVER}=${PACKAGE}.ClientCredentialsJwtRetriever`,
    )
    expect(await topics(encoded)).toMatchObject(DONE)
    expect(provider.requests.at(-1)).toMatchObject({
      authorization: `Basic ${Buffer.from('me%3A%26:s%2B1').toString('base64')}`,
      body: 'grant_type=client_credentials',
    })
  })

  test('with one that comes over TLS, from whom the login module trusts', async () => {
    secured.answer = { body: JSON.stringify({ access_token: await key.token() }) }
    const ca = file('idp.pem', authority.certificate)
    const config = (options: string): string =>
      properties(
        HANDLER,
        `sasl.jaas.config=${MODULE} required clientId="me" clientSecret="secret-1" ${options};`,
        `${ENDPOINT}=${secured.url}`,
      )
    const trusting = config(`ssl.truststore.type="PEM" ssl.truststore.location="${ca}"`)
    expect(await topics(trusting)).toMatchObject(DONE)
    const asked = secured.requests.length
    const { code, stderr } = await topics(config(''))
    expect(code).toBe(1)
    expect(stderr).toMatch(/can't be asked: .*certificate/)
    expect(stderr).not.toContain('secret-1')
    expect(secured.requests.length).toBe(asked)
  })

  test('and says what is wrong with a token, and not the token', async () => {
    const stranger = await SigningKey.make('two')
    const now = Math.floor(Date.now() / 1000)
    const tokens: readonly (readonly [string, RegExp])[] = [
      [await stranger.token(), /has not let this client in by OAUTHBEARER: .*invalid_token/],
      [await key.token({ exp: now - 60 }), /has expired \d+ s ago/],
      [await key.token({ exp: undefined }), /does not say when it expires/],
      ['no.token', /has not the form of a JWT/],
      [`${await key.token()}\x01team=x`, /has not the form of a JWT/],
    ]
    for (const [token, expected] of tokens) {
      const { code, stderr } = await topics(oauth(fileUrl(file('bad', token))))
      expect(stderr).toMatch(expected)
      expect(stderr).not.toContain(token)
      expect(code).toBe(1)
    }
    const missing = await topics(oauth(fileUrl(join(place, 'nowhere'))))
    expect(missing.stderr).toMatch(/nowhere can't be read: ENOENT/)
  })

  test('and says what the identity provider says is wrong', async () => {
    const url = provider.url.replace('//', '//me:url-secret@')
    const config = oauth(`${ENDPOINT}=${url}?key=url-secret`, `${ID}=me`, `${SECRET}=secret-1`)
    const refused = { error: 'invalid_client', error_description: 'no\x1bsuch client' }
    const answers: readonly (readonly [number, string, RegExp])[] = [
      [401, JSON.stringify(refused), /its status is 401: invalid_client, no such client/],
      [500, '<html>', /its status is 500\n/],
      [302, '', /its status is 302\n/],
      [200, '{"token":"x"}', /no access_token in what it answers/],
      [200, '[', /no access_token in what it answers/],
      [200, 'x'.repeat(1_048_577), /more than 1048576 bytes/],
    ]
    for (const [status, body, expected] of answers) {
      provider.answer = { status, body }
      const { code, stderr } = await topics(config)
      expect(stderr).toMatch(expected)
      expect(stderr).not.toMatch(/secret/)
      expect(code).toBe(1)
    }
  })
})

test.each([
  [() => properties(), /callback.handler.class is not set/],
  [() => properties(`${HANDLER}x`), /OAuthBearerLoginCallbackHandlerx, and Ottla's commands don't/],
  [() => oauth(), /token.endpoint.url is not set/],
  [() => oauth(`${ENDPOINT}=idp`), /token.endpoint.url is no address/],
  [() => oauth(`${ENDPOINT}=ftp://idp/t`), /begins with ftp:/],
  [() => oauth(`${ENDPOINT}=file://elsewhere/t`), /no address of a file/],
  [() => oauth(`${ENDPOINT}=file:///a%zz`), /no address of a file/],
  [() => oauth(`${ENDPOINT}=http://127.0.0.1:1/`), /client.id is not set/],
  [() => oauth(`${ENDPOINT}=http://127.0.0.1:1/`, `${ID}=me`), /client.secret is not set/],
  [() => oauth(`${RETRIEVER}=${PACKAGE}.JwtBearerJwtRetriever`), /JwtBearerJwtRetriever, which/],
  [
    () => oauth(`${RETRIEVER}=${PACKAGE}.FileJwtRetriever`, `${ENDPOINT}=http://127.0.0.1:1/`),
    /does not go with http:/,
  ],
  [
    () => oauth(`${RETRIEVER}=${PACKAGE}.ClientCredentialsJwtRetriever`, `${ENDPOINT}=file:///t`),
    /does not go with file:/,
  ],
  [() => oauth('sasl.oauthbearer.assertion.file=/a'), /assertion.file has the client sign/],
  [() => oauth('sasl.oauthbearer.jwt.validator.class=x.Y'), /validator.class asks for x.Y/],
  [
    () =>
      oauth(
        `${ENDPOINT}=http://127.0.0.1:1/`,
        `${ID}=a`,
        `${SECRET}=b`,
        'sasl.oauthbearer.header.urlencode=1',
      ),
    /urlencode is 1, and may be true or false/,
  ],
  [
    () => properties(HANDLER, `sasl.jaas.config=a.B required;`, `${ENDPOINT}=file:///t`),
    /not that of OAUTHBEARER/,
  ],
  [
    () =>
      properties(
        HANDLER,
        `sasl.jaas.config=${MODULE} required extension_auth="x";`,
        `${ENDPOINT}=file:///t`,
      ),
    /extension_auth can't be said/,
  ],
])('settings for tokens that can not be used are told: %#', async (config, expected) => {
  const { code, stderr } = await topics(config())
  expect(stderr).toMatch(expected)
  expect(code).toBe(1)
})

test.each([
  [['--sasl-token-file', 't', '--sasl-user', 'u'], /exclude each other/],
  [['--sasl-token-file', 't', '--sasl-mechanism', 'PLAIN'], /--sasl-mechanism OAUTHBEARER/],
  [['--sasl-mechanism', 'OAUTHBEARER', '--sasl-user', 'u'], /--sasl-token-file/],
])('%j is a mistake of usage', async (args, expected) => {
  const { code, stderr } = await run(['topics', 'list', ...args])
  expect(stderr).toMatch(expected)
  expect(code).toBe(2)
})

test('options that say another way to log in come on top of a file that says how to get a token', async () => {
  const config = oauth(`${ENDPOINT}=http://127.0.0.1:1/`, `${ID}=me`, `${SECRET}=secret-1`)
  const byToken = ['--sasl-token-file', file('on-top', await key.token())]
  expect(await topics(config, ...byToken)).toMatchObject(DONE)
  const by = ['--sasl-mechanism', 'SCRAM-SHA-256', '--sasl-user', 'nobody']
  const password = ['--sasl-password-file', file('nobody.password', 'secret-2')]
  const { stderr } = await topics(config, ...by, ...password)
  expect(stderr).toMatch(/^ottla: \S+ has not let this client in by SCRAM-SHA-256/)
})

test('a command logs in by a delegation token, as its owner', async () => {
  const token = oauth(fileUrl(file('owner', await key.token())))
  const made = await run(['tokens', 'create', '--json', '--command-config', token])
  const { tokenId, hmac } = JSON.parse(made.stdout) as { tokenId: string; hmac: string }
  const bearer = (secret: string): string =>
    file(
      'bearer.properties',
      [
        'security.protocol=SASL_PLAINTEXT',
        'sasl.mechanism=SCRAM-SHA-256',
        `sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\\n username="${tokenId}" password="${secret}" tokenauth="true";`,
      ].join('\n'),
    )
  // What is committed comes to the broker a moment later.
  await eventually(async () => (await topics(bearer(hmac))).code === 0, 'the token to be known')
  const refused = await run(['tokens', 'create', '--command-config', bearer(hmac)])
  expect(refused.stderr).toContain('DELEGATION_TOKEN_REQUEST_NOT_ALLOWED')
  const wrong = await topics(bearer('c2VjcmV0'))
  expect(wrong.stderr).toContain('has not let this client in by SCRAM-SHA-256')
  const plain = file(
    'plain.properties',
    `security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="a" password="b" tokenauth="true";\n`,
  )
  expect((await topics(plain)).stderr).toContain('goes with SCRAM alone')
})

apacheTest("Apache's tools take the same client.properties (needs OTTLA_KAFKA_JARS)", async () => {
  provider.answer = { body: JSON.stringify({ access_token: await key.token() }) }
  const config = oauth(`${ENDPOINT}=${provider.url}`, `${ID}=me`, `${SECRET}=secret-1`)
  expect(await topics(config)).toMatchObject(DONE)
  const [ours] = provider.requests.slice(-1)
  const by = ['--bootstrap-server', broker.bootstrap, '--command-config', config]
  const allowed = `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${provider.url}`
  expect(await apacheTool('TopicCommand', ...by, '--list', allowed)).not.toContain('Exception')
  expect(provider.requests.at(-1)).toEqual(ours)
})
