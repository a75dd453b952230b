import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeHost } from '../../src/host/node.ts'
import { startBroker, type RunningBroker } from '../../src/index.ts'
import { eventually } from '../clients/wait.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { apacheTest, apacheTool } from './apache-tool.ts'
import { ottla, type CallOptions, type Ended } from './command.ts'

const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const directories = temporaryDirectories()
const place = directories.make()
const host = nodeHost({ log: { level: 'silent' } })
let broker: RunningBroker
beforeAll(async () => {
  broker = await startBroker({
    host,
    directory: directories.make(),
    settings: {
      listeners: 'PLAINTEXT://127.0.0.1:0,SASL://127.0.0.1:0',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT',
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256',
      'listener.name.sasl.plain.sasl.jaas.config': `${PLAIN} required user_alice="alice-1" user_bob="bob-1";`,
      'delegation.token.secret.key': 'the secret of all tokens',
      'connection.failed.authentication.delay.ms': 1,
    },
  })
})
afterAll(async () => {
  await broker?.close()
  await host.workers.close()
  directories.removeAll()
})

function file(name: string, text: string): string {
  const path = join(place, name)
  writeFileSync(path, text)
  return path
}
const config = (user: string): string =>
  file(
    `${user}.properties`,
    `security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config=${PLAIN} required username="${user}" password="${user}-1";\n`,
  )
const secured = (): string => {
  const { port } = broker.addresses.find(({ listener }) => listener === 'SASL')!
  return `127.0.0.1:${port}`
}
const by = (user: string, args: string, options: CallOptions = {}): Promise<Ended> =>
  ottla([...args.split(' '), '--command-config', config(user)], {
    bootstrap: secured(),
    ...options,
  })

interface Made {
  readonly tokenId: string
  readonly hmac: string
  readonly expires: string
  readonly endsAtLast: string
}

async function make(args: string): Promise<Made> {
  const made = await by('alice', `tokens create --json ${args}`.trim())
  if (made.code !== 0) throw new Error(made.stderr)
  return JSON.parse(made.stdout) as Made
}
async function listed(user: string, args = ''): Promise<(Made & object)[]> {
  const { stdout } = await by(user, `tokens list --json ${args}`.trim())
  return JSON.parse(stdout) as Made[]
}
const isListed = (token: Made, expires = token.expires): Promise<void> =>
  eventually(
    async () =>
      (await listed('alice')).some(
        (each) => each.tokenId === token.tokenId && each.expires === expires,
      ),
    'the token to be listed',
  )
const minutesLeft = (text: string): number => (Date.parse(text) - Date.now()) / 60_000

test('a token is made, listed without its secret, renewed by its renewer, and ended', async () => {
  const token = await make('--renewer User:bob --max-lifetime 2h')
  expect(Buffer.from(token.hmac, 'base64')).toHaveLength(64)
  expect(token).toMatchObject({ owner: 'User:alice', renewers: ['User:bob'] })
  expect(minutesLeft(token.endsAtLast)).toBeGreaterThan(100)
  expect(minutesLeft(token.endsAtLast)).toBeLessThanOrEqual(120)
  await isListed(token)
  for (const user of ['alice', 'bob']) {
    const list = await by(user, 'tokens list')
    expect(list.stdout).toMatch(
      new RegExp(`^${token.tokenId} +User:alice +User:alice +User:bob`, 'm'),
    )
    expect(list.stdout).not.toContain(token.hmac)
    expect(JSON.stringify(await listed(user))).not.toContain(token.hmac)
  }
  expect(await listed('alice', '--show-hmacs')).toMatchObject([{ hmac: token.hmac }])
  expect((await by('alice', 'tokens list --show-hmacs')).stdout).toContain(token.hmac)
  expect(await listed('alice', '--owner User:carol')).toEqual([])
  expect(await listed('alice', '--owner User:carol --owner User:bob')).toHaveLength(1)

  const hmac = file('token.hmac', `${token.hmac}\n`)
  const renewed = await by('bob', `tokens renew --for 30m --json --hmac-file ${hmac}`)
  const { expires } = JSON.parse(renewed.stdout) as Made
  expect(minutesLeft(expires)).toBeGreaterThan(20)
  expect(minutesLeft(expires)).toBeLessThanOrEqual(30)
  await isListed(token, expires)
  const longest = await by('bob', 'tokens renew', { input: `${token.hmac}\n` })
  expect(longest.stdout).toBe(`The token expires at ${token.endsAtLast}.\n`)
  const sooner = await by('bob', 'tokens expire --in 10m', { typed: [token.hmac] })
  expect(sooner.stderr).toBe('HMAC of the token: ')
  expect(sooner.stdout).toMatch(/^The token expires at .*Z\.\n$/)
  expect((await by('alice', `tokens expire --hmac-file ${hmac}`)).stdout).toBe(
    'The token is over.\n',
  )
  await eventually(async () => (await listed('alice')).length === 0, 'the token to be gone')
  expect(await by('alice', 'tokens list')).toMatchObject({
    code: 0,
    stdout: 'There are no tokens that you may see.\n',
  })
  expect(await by('alice', `tokens renew --hmac-file ${hmac}`)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('DELEGATION_TOKEN_NOT_FOUND'),
  })
})

test('who may not is told what to do, without any secret', async () => {
  const open = await ottla(['tokens', 'create'], { bootstrap: broker.bootstrap })
  expect(open).toMatchObject({ code: 1, stdout: '' })
  expect(open.stderr).toMatch(/DELEGATION_TOKEN_REQUEST_NOT_ALLOWED[^]*Log in/)
  const token = await make('')
  await isListed(token)
  const other = await by('bob', 'tokens renew', { input: token.hmac })
  expect(other.stderr).toMatch(/DELEGATION_TOKEN_OWNER_MISMATCH[^]*--renewer/)
  expect(other.stderr).not.toContain(token.hmac)
  expect((await by('alice', 'tokens create --renewer Group:g')).stderr).toContain(
    'INVALID_PRINCIPAL_TYPE',
  )
  expect((await by('alice', 'tokens expire', { input: token.hmac })).code).toBe(0)
})

test.each([
  ['create --owner alice', {}, 'as User:alice'],
  ['create --renewer User:', {}, 'as User:alice'],
  ['create --max-lifetime soon', {}, 'a duration'],
  ['create --max-lifetime 0s', {}, 'above 0'],
  ['expire --in 0s', { input: 'c2VjcmV0' }, 'above 0'],
  ['renew', { input: 'no base64' }, 'it is no Base64'],
  ['expire', { typed: [''] }, 'nothing was typed'],
  ['renew --hmac-file /nowhere', {}, "--hmac-file can't be read"],
])('tokens %s is a mistake of usage before anything is asked', async (args, options, expected) => {
  // Nobody listens there.
  const { code, stderr } = await ottla(`tokens ${args}`.split(' '), options)
  expect(stderr).toContain(expected)
  expect(stderr).not.toContain('no base64')
  expect(code).toBe(2)
})

apacheTest(
  "Apache's kafka-delegation-tokens describes a token of these commands (needs OTTLA_KAFKA_JARS)",
  async () => {
    const token = await make('--renewer User:bob')
    await isListed(token)
    const as = ['--bootstrap-server', secured(), '--command-config', config('alice')]
    const ofAlice = ['--describe', '--owner-principal=User:alice']
    const described = await apacheTool('DelegationTokenCommand', ...as, ...ofAlice)
    expect(described).toContain(token.tokenId)
    expect(described).toContain(token.hmac)
  },
)
