import net from 'node:net'
import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { BrokerConfig } from '../../src/config/broker-config.ts'
import type { SecurityProtocol } from '../../src/config/listeners.ts'
import { nodeHost } from '../../src/host/node.ts'
import { startBroker, type RunningBroker } from '../../src/index.ts'
import { Connection } from '../../src/peer/connection.ts'
import { IN_THE_CLEAR, towards, type PeerSecurity } from '../../src/peer/security.ts'
import { NodeSecurity } from '../../src/security/listener-security.ts'
import { towardsNodes } from '../../src/security/outgoing.ts'
import { saslLogin } from '../../src/security/sasl/login.ts'
import { until } from '../clients/wait.ts'
import { TestAuthority, type Credential } from '../support/certificates.ts'

const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const SCRAM = 'org.apache.kafka.common.security.scram.ScramLoginModule'
const authority = new TestAuthority('ca')
const stranger = new TestAuthority('ca')
const subject = [['CN', 'node']] as const
const own = authority.issue({ subject, hosts: ['127.0.0.1'] })
const elsewhere = authority.issue({ subject, hosts: ['elsewhere'] })
const expired = authority.issue({ subject, hosts: ['127.0.0.1'], isExpired: true })
const strange = stranger.issue({ subject, hosts: ['127.0.0.1'] })

const keyOf = ({ key, certificate }: Credential, prefix = '') => ({
  [`${prefix}ssl.keystore.type`]: 'PEM',
  [`${prefix}ssl.keystore.key`]: key,
  [`${prefix}ssl.keystore.certificate.chain`]: certificate,
})
const trustOf = ({ certificate }: TestAuthority) => ({
  'ssl.truststore.type': 'PEM',
  'ssl.truststore.certificates': certificate,
})
const of = (listener: string, settings: Record<string, string | number>) =>
  Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [`listener.name.${listener}.${name}`, value]),
  )

const host = nodeHost({ log: { level: 'silent' } })
let running: RunningBroker

beforeAll(async () => {
  const listeners = ['PLAINTEXT', 'ONEWAY', 'MUTUAL', 'ELSEWHERE', 'EXPIRED', 'SASL', 'SHORT']
  running = await startBroker({
    host,
    settings: {
      listeners: listeners.map((name) => `${name}://127.0.0.1:0`).join(','),
      'listener.security.protocol.map':
        'PLAINTEXT:PLAINTEXT,ONEWAY:SSL,MUTUAL:SSL,ELSEWHERE:SSL,EXPIRED:SSL,SASL:SASL_SSL,SHORT:SASL_PLAINTEXT',
      ...keyOf(own),
      ...keyOf(elsewhere, 'listener.name.elsewhere.'),
      ...keyOf(expired, 'listener.name.expired.'),
      ...trustOf(authority),
      ...of('mutual', { 'ssl.client.auth': 'required' }),
      'sasl.enabled.mechanisms': 'PLAIN',
      'connection.failed.authentication.delay.ms': 1,
      ...of('sasl', { 'plain.sasl.jaas.config': `${PLAIN} required user_node="node-secret";` }),
      ...of('short', {
        'plain.sasl.jaas.config': `${PLAIN} required user_node="node-secret";`,
        'plain.connections.max.reauth.ms': 5000,
      }),
    },
  })
})
afterAll(async () => {
  await running?.close()
  await host.workers.close()
})

const portOf = (listener: string): number =>
  running.addresses.find((address) => address.listener === listener)!.port

/** How a node with these settings protects its connections to a listener of that protocol. */
function security(
  securityProtocol: SecurityProtocol,
  settings: Record<string, string | number>,
): Promise<PeerSecurity> {
  const config = new BrokerConfig({ settings })
  const listener = { listener: 'OTHERS', securityProtocol }
  return towardsNodes(host, config, listener, 'sasl.mechanism.inter.broker.protocol')
}

const login = (password: string, mechanism = 'PLAIN') => ({
  'sasl.mechanism.inter.broker.protocol': mechanism,
  ...of('others', {
    [`${mechanism.toLowerCase()}.sasl.jaas.config`]: `${mechanism === 'PLAIN' ? PLAIN : SCRAM} required username="node" password="${password}";`,
  }),
})

const timeouts = { connectTimeoutMs: 60_000, requestTimeoutMs: 60_000 }
const dial = (port: number, by: PeerSecurity) =>
  Connection.open(towards(host, by), { host: '127.0.0.1', port }, { clientId: 'node', ...timeouts })

/** Whether a listener takes such a node in; else why there is no connection. */
async function outcome(listener: string, by: PeerSecurity): Promise<string> {
  try {
    const connection = await dial(portOf(listener), by)
    // What TLS 1.3 has against a client's certificate comes after the handshake.
    await connection.request(ApiVersions, { clientSoftwareName: 'x', clientSoftwareVersion: '1' })
    connection.close()
    return 'taken in'
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`
  }
}

describe('to a listener with TLS', () => {
  test('a node is taken in that trusts its authority, and shows a certificate where one is asked for', async () => {
    const node = await security('SSL', { ...keyOf(own), ...trustOf(authority) })
    expect(await outcome('ONEWAY', node)).toBe('taken in')
    expect(await outcome('MUTUAL', node)).toBe('taken in')
  })

  test.each([
    ['another authority', 'ONEWAY', trustOf(stranger), /^CERTIFICATE_UNTRUSTED: .* trusted here/],
    [
      'another name',
      'ELSEWHERE',
      trustOf(authority),
      /^CERTIFICATE_MISNAMED: .* not one for 127.0.0.1/,
    ],
    [
      'a time that is over',
      'EXPIRED',
      trustOf(authority),
      /^CERTIFICATE_UNTRUSTED: .* has expired/,
    ],
  ])('a certificate of %s is refused', async (_, listener, settings, expected) => {
    expect(await outcome(listener, await security('SSL', settings))).toMatch(expected)
  })

  test('a certificate of another name is taken where none is looked at, and never that of another authority', async () => {
    const unnamed = { 'ssl.endpoint.identification.algorithm': '' }
    const any = await security('SSL', { ...trustOf(authority), ...unnamed })
    expect(await outcome('ELSEWHERE', any)).toBe('taken in')
    const other = await security('SSL', { ...trustOf(stranger), ...unnamed })
    expect(await outcome('ELSEWHERE', other)).toMatch(/^CERTIFICATE_UNTRUSTED/)
  })

  test.each([
    ['shows none', {}],
    ['shows one that the listener does not trust', keyOf(strange)],
  ])('a node that %s where one is demanded is told so', async (_, settings) => {
    const node = await security('SSL', { ...trustOf(authority), ...settings })
    // Its alert is lost where its machine ends the connection sooner.
    expect(await outcome('MUTUAL', node)).toMatch(
      /^(TLS_FAILED|CONNECTION_CLOSED): .* may demand a certificate/,
    )
  })

  test('TLS and what is none of it are told apart', async () => {
    const node = await security('SSL', trustOf(authority))
    expect(await outcome('PLAINTEXT', node)).toMatch(/^NOT_TLS: .* may be a listener without TLS/)
    expect(await outcome('ONEWAY', IN_THE_CLEAR)).toMatch(/it speaks TLS|closed the connection/)
  })

  test('a listener that says nothing in the handshake is given up', async () => {
    const server = net.createServer((socket) => socket.on('error', () => undefined))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as net.AddressInfo
    const by = towards(host, await security('SSL', trustOf(authority)))
    const limits = { clientId: 'node', connectTimeoutMs: 50, requestTimeoutMs: 50 }
    const opening = Connection.open(by, { host: '127.0.0.1', port }, limits)
    await expect(opening).rejects.toMatchObject({ code: 'CONNECT_TIMEOUT' })
    server.close()
  })
})

describe('to a listener with SASL', () => {
  test('a node logs in', async () => {
    const node = await security('SASL_SSL', { ...trustOf(authority), ...login('node-secret') })
    expect(await outcome('SASL', node)).toBe('taken in')
  })

  test.each([
    ['a wrong password', 'SASL', 'SASL_SSL', login('wrong'), /not let this client in by PLAIN/],
    [
      'another mechanism',
      'SASL',
      'SASL_SSL',
      login('node-secret', 'SCRAM-SHA-256'),
      /does not take SCRAM-SHA-256: it takes PLAIN/,
    ],
    ['no SASL there', 'ONEWAY', 'SSL', login('node-secret'), /is one without SASL/],
  ] as const)('%s is told', async (_, listener, protocol, settings, expected) => {
    const all = { ...trustOf(authority), ...settings }
    const { tls } = await security(protocol, all)
    const { login: as } = await security('SASL_SSL', all)
    const told = await outcome(listener, { protocol: 'SASL_SSL', tls, login: as })
    expect(told).toMatch(/^AUTHENTICATION_FAILED/)
    expect(told).toMatch(expected)
    expect(told).not.toContain('secret')
  })

  test('a name and a password that are changed count from then on; none that can not be used', async () => {
    const jaas = 'listener.name.others.plain.sasl.jaas.config'
    const told: string[] = []
    const config = new BrokerConfig({ settings: login('wrong') })
    const listener = { listener: 'OTHERS', securityProtocol: 'SASL_PLAINTEXT' } as const
    const noting = { ...host.log, error: (_: object, line: string) => void told.push(line) }
    const node = await towardsNodes(
      { ...host, log: noting },
      config,
      listener,
      'sasl.mechanism.inter.broker.protocol',
    )
    const change = (broker: Record<string, string>): Promise<string> => {
      config.updateDynamic({ cluster: new Map(), broker: new Map(Object.entries(broker)) })
      return outcome('SHORT', node)
    }
    expect(await change({})).toMatch(/^AUTHENTICATION_FAILED/)
    const right = `${PLAIN} required username="node" password="node-secret";`
    expect(await change({ [jaas]: right })).toBe('taken in')
    expect(told).toEqual([])
    expect(await change({ [jaas]: `${PLAIN} required user_node="secret words";` })).toBe('taken in')
    expect(await outcome('SHORT', node)).toBe('taken in')
    expect(told).toEqual([expect.stringContaining('it has no username')])
    expect(told[0]).toContain('goes on logging in to others by its former name and password')
    expect(told[0]).not.toContain('secret words')
  })

  test('a session that nears its end takes nothing more, and ends with its last answer', async () => {
    const node = await security('SASL_PLAINTEXT', login('node-secret'))
    const connection = await dial(portOf('SHORT'), node)
    expect(connection.isOpen).toBe(true)
    await until(() => !connection.isOpen, 'the end of the session')
    const all = { topics: [], allowAutoTopicCreation: false }
    await expect(connection.request(Metadata, all)).rejects.toMatchObject({
      code: 'CONNECTION_CLOSED',
    })
  })
})

test('who says that a SCRAM login is right without knowing the user is not believed', async () => {
  const credentials = () => ({ username: 'node', password: 'node-secret', isToken: false })
  const exchange = await saslLogin('SCRAM-SHA-256', credentials, host.random).begin()
  const first = (await exchange.next(null))!.toString()
  const nonce = /r=(.*)$/.exec(first)![1]!
  const answer = `r=${nonce}more,s=${Buffer.from('salt').toString('base64')},i=4096`
  expect(await exchange.next(Buffer.from(answer))).not.toBeNull()
  const proof = Buffer.from(`v=${Buffer.alloc(32).toString('base64')}`)
  await expect(exchange.next(proof)).rejects.toThrow('has not shown that it knows the user')
})

describe('a start is refused with what to do', () => {
  const problem = async (settings: Record<string, string | number>): Promise<string> => {
    const base = {
      listeners: 'OTHERS://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093',
      'process.roles': 'broker,controller',
      'node.id': 1,
      'controller.listener.names': 'CONTROLLER',
      'controller.quorum.voters': '1@127.0.0.1:9093,2@127.0.0.1:9094',
      'log.dirs': 'nowhere',
      'inter.broker.listener.name': 'OTHERS',
      'listener.security.protocol.map': 'OTHERS:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
      'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.others.plain.sasl.jaas.config': `${PLAIN} required username="node" password="node-secret" user_node="node-secret";`,
      'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    }
    try {
      await NodeSecurity.open(host, new BrokerConfig({ settings: { ...base, ...settings } }))
      return 'none'
    } catch (error) {
      return (error as Error).message
    }
  }
  const jaas = 'listener.name.others.plain.sasl.jaas.config'
  const controllers = {
    'listener.security.protocol.map': 'OTHERS:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT',
    'listener.name.controller.plain.sasl.jaas.config': `${PLAIN} required username="node" password="node-secret" user_node="node-secret";`,
  }

  test('and what is right is not', async () => {
    expect(await problem({})).toBe('none')
    const by = { 'sasl.mechanism.controller.protocol': 'PLAIN' }
    expect(await problem({ ...controllers, ...by })).toBe('none')
  })

  test.each([
    [
      'a mechanism that the own listener does not take',
      { 'sasl.mechanism.inter.broker.protocol': 'SCRAM-SHA-512' },
      'sasl.mechanism.inter.broker.protocol must be included in sasl.enabled.mechanisms',
    ],
    [
      'GSSAPI towards controllers, which is Kafka’s default',
      controllers,
      'sasl.mechanism.controller.protocol asks for GSSAPI',
    ],
    [
      'SCRAM among several controllers',
      { ...controllers, 'sasl.mechanism.controller.protocol': 'SCRAM-SHA-512' },
      'controllers learn of the users of SCRAM from their leader',
    ],
    [
      'no name of its own',
      { [jaas]: `${PLAIN} required user_a="secret words";` },
      'has no username',
    ],
    [
      'a plug-in',
      { 'listener.name.others.sasl.client.callback.handler.class': 'a.B' },
      'sasl.client.callback.handler.class asks for a plug-in',
    ],
    [
      'a delegation token, by which nodes would be let in for a while only',
      {
        'sasl.enabled.mechanisms': 'SCRAM-SHA-256',
        'sasl.mechanism.inter.broker.protocol': 'SCRAM-SHA-256',
        'listener.name.others.scram-sha-256.sasl.jaas.config':
          'org.apache.kafka.common.security.scram.ScramLoginModule required username="id" password="secret words" tokenauth="true";',
      },
      'tokenauth',
    ],
    [
      'another way to look at names',
      {
        ...keyOf(own),
        ...trustOf(authority),
        'listener.security.protocol.map': 'OTHERS:SASL_SSL,CONTROLLER:PLAINTEXT',
        'ssl.endpoint.identification.algorithm': 'LDAPS',
      },
      'ssl.endpoint.identification.algorithm=LDAPS is not known here',
    ],
  ])('%s', async (_, settings, expected) => {
    const message = await problem(settings)
    expect(message).toContain(expected)
    expect(message).not.toContain('secret words')
  })
})
