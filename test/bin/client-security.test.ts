import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { nodeHost } from '../../src/host/node.ts'
import { startBroker, type RunningBroker } from '../../src/index.ts'
import { TestAuthority } from '../support/certificates.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { ottla, type Ended } from './command.ts'

const directories = temporaryDirectories()
const place = directories.make()
const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const authority = new TestAuthority('ca')
const own = authority.issue({ subject: [['CN', 'broker']], hosts: ['127.0.0.1'] })
const elsewhere = authority.issue({ subject: [['CN', 'broker']], hosts: ['elsewhere'] })
const alice = authority.issue({ subject: [['CN', 'alice']] })

function file(name: string, content: string): string {
  const path = join(place, name)
  writeFileSync(path, content)
  return path
}
const ca = file('ca.pem', authority.certificate)
const stranger = file('stranger.pem', new TestAuthority('other').certificate)
const certificate = file('alice.pem', alice.certificate)
const key = file('alice.key', alice.key)
const password = file('password', 'alice-secret\n')
const properties = file(
  'client.properties',
  [
    'security.protocol=SASL_SSL',
    'ssl.truststore.type=PEM',
    `ssl.truststore.location=${ca}`,
    'sasl.mechanism=PLAIN',
    `sasl.jaas.config=${PLAIN} required username="alice" \\\n  password="alice-secret";`,
  ].join('\n'),
)

const host = nodeHost({ log: { level: 'silent' } })
let running: RunningBroker
beforeAll(async () => {
  const names = ['PLAINTEXT', 'SSL', 'MUTUAL', 'ELSEWHERE', 'SASL_PLAINTEXT', 'SASL_SSL']
  const jaas = `${PLAIN} required user_alice="alice-secret";`
  running = await startBroker({
    host,
    settings: {
      listeners: names.map((name) => `${name}://127.0.0.1:0`).join(','),
      'listener.security.protocol.map':
        'PLAINTEXT:PLAINTEXT,SSL:SSL,MUTUAL:SSL,ELSEWHERE:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL',
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.key': own.key,
      'ssl.keystore.certificate.chain': own.certificate,
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.certificates': authority.certificate,
      'listener.name.mutual.ssl.client.auth': 'required',
      'listener.name.elsewhere.ssl.keystore.key': elsewhere.key,
      'listener.name.elsewhere.ssl.keystore.certificate.chain': elsewhere.certificate,
      'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.sasl_plaintext.plain.sasl.jaas.config': jaas,
      'listener.name.sasl_ssl.plain.sasl.jaas.config': jaas,
      'connection.failed.authentication.delay.ms': 1,
    },
  })
})
afterAll(async () => {
  await running?.close()
  await host.workers.close()
  directories.removeAll()
})

function topics(listener: string, ...args: string[]): Promise<Ended> {
  const { port } = running.addresses.find((address) => address.listener === listener)!
  return ottla(['topics', 'list', ...args], { bootstrap: `127.0.0.1:${port}` })
}
const DONE = { code: 0, stderr: '' }

describe('a command speaks to a listener', () => {
  test('with TLS and SASL by a client.properties of Kafka’s', async () => {
    expect(await topics('SASL_SSL', '--command-config', properties)).toMatchObject(DONE)
  })

  test('with TLS by the authority alone, and with a certificate of its own', async () => {
    expect(await topics('SSL', '--tls-ca', ca)).toMatchObject(DONE)
    const shown = ['--tls-cert', certificate, '--tls-key', key]
    expect(await topics('MUTUAL', '--tls-ca', ca, ...shown)).toMatchObject(DONE)
  })

  test('with SASL by a name, and a password that no list of processes shows', async () => {
    const by = ['--sasl-mechanism', 'PLAIN', '--sasl-user', 'alice']
    const from = ['--sasl-password-file', password]
    expect(await topics('SASL_PLAINTEXT', ...by, ...from)).toMatchObject(DONE)
    expect(await topics('SASL_SSL', '--tls-ca', ca, ...by, ...from)).toMatchObject(DONE)
  })

  test('of another host, where the settings have it look at no names', async () => {
    const any = file('any.properties', 'ssl.endpoint.identification.algorithm=\n')
    const by = ['--command-config', any, '--tls-ca', ca]
    expect(await topics('ELSEWHERE', ...by)).toMatchObject(DONE)
  })
})

const inOneLine = (pem: string): string => pem.replaceAll(/\r?\n/g, ' ')

test('options come on top of the file, whatever kind of store it has', async () => {
  const stores = file(
    'stores.properties',
    [
      'security.protocol=SSL',
      'ssl.keystore.type=JKS',
      `ssl.keystore.location=${resolve('test/fixtures/tls/keystore.jks')}`,
      'ssl.keystore.password=changeit',
      'ssl.key.password=changeit',
      'ssl.truststore.type=JKS',
      `ssl.truststore.location=${resolve('test/fixtures/tls/truststore.jks')}`,
      'ssl.truststore.password=changeit',
    ].join('\n'),
  )
  const inline = file(
    'inline.properties',
    [
      'security.protocol=SSL',
      'ssl.keystore.type=PEM',
      `ssl.keystore.key=${inOneLine(alice.key)}`,
      `ssl.keystore.certificate.chain=${inOneLine(alice.certificate)}`,
      'ssl.truststore.type=PEM',
      `ssl.truststore.certificates=${inOneLine(authority.certificate)}`,
    ].join('\n'),
  )
  const both = file('both.pem', alice.key + alice.certificate)
  for (const config of [stores, inline]) {
    for (const shown of [
      ['--tls-cert', certificate, '--tls-key', key],
      ['--tls-cert', both],
    ]) {
      const by = ['--command-config', config, '--tls-ca', ca, ...shown]
      expect(await topics('MUTUAL', ...by)).toMatchObject(DONE)
    }
  }
  // What no option says stays the file's.
  expect(await topics('MUTUAL', '--command-config', inline, '--tls-ca', ca)).toMatchObject(DONE)
  expect(await topics('MUTUAL', '--command-config', inline, '--tls-cert', both)).toMatchObject(DONE)
})

test('what means nothing in a client.properties is warned of, and the rest counts', async () => {
  const more = file('more.properties', 'security.protocol=SSL\nacks=all\nssl.provider=x\n')
  const { code, stderr } = await topics('SSL', '--command-config', more, '--tls-ca', ca)
  expect([code, stderr]).toEqual([0, `ottla: ${more}: not used here: acks, ssl.provider\n`])
})

test('the rest of a value is not printed, though it may look like a name', async () => {
  const secrets = ['deadbeef-1f2a-4c3d', 'correcthorse', 'deadbeef1f2a4c3d']
  const text = `security.protocol=SSL\nclient.secret=\n${secrets.join('\n')}\n`
  const path = file('broken-off.properties', text)
  const { stderr } = await topics('SSL', '--command-config', path, '--tls-ca', ca)
  expect(stderr).toContain('not used here: client.secret, 3 that are no setting')
  for (const secret of secrets) expect(stderr).not.toContain(secret)
})

test('of a private key that goes over several lines none is printed', async () => {
  const pasted = file(
    'pasted.properties',
    `security.protocol=SSL\nacks=all\nssl.keystore.key=${alice.key}`,
  )
  const { stderr } = await topics('SSL', '--command-config', pasted, '--tls-ca', ca)
  expect(stderr).toMatch(/not used here: acks, \d+ that are no setting: end each line/)
  for (const line of alice.key.split('\n').slice(1, -2))
    expect(stderr).not.toContain(line.slice(0, 20))
})

describe('who is refused is told why, and what to do', () => {
  const sasl = (name: string, secret: string, mechanism = 'PLAIN') => {
    const path = file(`${name}-${secret}`, secret)
    const by = ['--sasl-mechanism', mechanism, '--sasl-user', name]
    return [...by, '--sasl-password-file', path]
  }
  test.each([
    ['SSL', ['--tls-ca', stranger], /can't be trusted[^]*ssl.truststore.location/],
    ['SSL', ['--tls'], /can't be trusted[^]*--tls-ca/],
    ['ELSEWHERE', ['--tls-ca', ca], /is not one for 127.0.0.1[^]*endpoint.identification/],
    ['MUTUAL', ['--tls-ca', ca], /demand a certificate[^]*--tls-cert/],
    ['PLAINTEXT', ['--tls-ca', ca], /listener without TLS[^]*security.protocol is PLAINTEXT/],
    ['SSL', [], /(speaks TLS|closed the connection)[^]*--tls-ca/],
    ['SASL_PLAINTEXT', [], /closed the connection[^]*--command-config/],
    ['SASL_PLAINTEXT', sasl('alice', 'wrong'), /Invalid username or password[^]*--sasl-user/],
    ['SASL_PLAINTEXT', sasl('alice', 'x', 'SCRAM-SHA-256'), /it takes PLAIN/],
    ['PLAINTEXT', sasl('alice', 'x'), /one without SASL[^]*security.protocol/],
  ])('at %s with %j', async (listener, args, expected) => {
    const { code, stderr } = await topics(listener, ...args)
    expect(stderr).toMatch(expected)
    expect(code).toBe(1)
  })

  test.each([
    [['--command-config', '/nowhere'], 2, "The file of --command-config, /nowhere, can't be read"],
    [['--tls-key', key], 2, 'name that with --tls-cert'],
    [['--sasl-user', 'alice'], 2, 'set OTTLA_PASSWORD'],
    [['--sasl-mechanism', 'GSSAPI'], 1, 'sasl.mechanism asks for GSSAPI'],
    [['--sasl-mechanism', 'PLAIN'], 1, 'Nothing says who logs in'],
    [['--tls-ca', key], 1, 'has no certificate'],
  ])('of %j before anything is asked', async (args, exitCode, expected) => {
    const { code, stderr } = await topics('SASL_SSL', ...args)
    expect(stderr).toContain(expected)
    expect(code).toBe(exitCode)
  })

  test('and no secret is told', async () => {
    const wrong = file(
      'wrong.properties',
      `security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.jaas.config=${PLAIN} password="secret words"\n`,
    )
    const { stderr } = await topics('SASL_SSL', '--command-config', wrong, '--tls-ca', ca)
    expect(stderr).toContain('sasl.jaas.config')
    expect(stderr).not.toContain('secret words')
  })

  test.each([[[]], [['--json']]])('nor of a file that is malformed, with %j', async (more) => {
    const malformed = file(
      'malformed.properties',
      `security.protocol=SASL_SSL\nsasl.jaas.config=${PLAIN} required password="secret words\\u12";\n`,
    )
    const by = ['--command-config', malformed, ...more]
    const { code, stdout, stderr } = await topics('SASL_SSL', ...by)
    expect(code).toBe(2)
    expect(stdout + stderr).toContain('encoding in line 2')
    expect(stdout + stderr).not.toContain('secret words')
  })
})
