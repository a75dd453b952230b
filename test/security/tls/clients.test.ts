import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import {
  Admin,
  Consumer,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { ApiVersions } from '../../../protocol/messages/api-versions.ts'
import { IncrementalAlterConfigs } from '../../../protocol/messages/incremental-alter-configs.ts'
import { BrokerConfig } from '../../../src/config/broker-config.ts'
import { nodeHost } from '../../../src/host/node.ts'
import { startBroker, type RunningBroker } from '../../../src/index.ts'
import { ListenerTls, type SecuredClient } from '../../../src/security/tls/listener-tls.ts'
import { until } from '../../clients/wait.ts'
import { TestAuthority, type Credential } from '../../support/certificates.ts'
import { RawClient } from '../../support/raw-client.ts'
import { useTemporaryDirectories } from '../../support/temporary.ts'

const authority = new TestAuthority('ca')
const stranger = new TestAuthority('ca')
const broker = authority.issue({ subject: [['CN', 'broker']], hosts: ['localhost', '127.0.0.1'] })
const alice = authority.issue({
  subject: [
    ['O', 'Acme'],
    ['CN', 'alice'],
  ],
})
const identity = {
  'ssl.keystore.type': 'PEM',
  'ssl.keystore.key': broker.key,
  'ssl.keystore.certificate.chain': broker.certificate,
}
const identityOf = (listener: string) =>
  Object.fromEntries(
    Object.entries(identity).map(([name, value]) => [`listener.name.${listener}.${name}`, value]),
  )
const trust = { 'ssl.truststore.type': 'PEM', 'ssl.truststore.certificates': authority.certificate }

const makeDirectory = useTemporaryDirectories()
const lines: string[] = []
const host = nodeHost({
  log: { level: 'info', destination: { write: (line: string) => void lines.push(line) } },
})
/** Whether it has, since there were so many lines. */
const hasTold = (before: number, text: string): boolean =>
  lines.slice(before).some((line) => line.includes(text))
let running: RunningBroker
const portOf = (listener: string): number =>
  running.addresses.find((address) => address.listener === listener)!.port

beforeAll(async () => {
  const names = ['PLAINTEXT', 'ONEWAY', 'MUTUAL', 'JAVA']
  running = await startBroker({
    host,
    settings: {
      listeners: names.map((name) => `${name}://127.0.0.1:0`).join(','),
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,ONEWAY:SSL,MUTUAL:SSL,JAVA:SSL',
      ...identityOf('oneway'),
      ...identityOf('mutual'),
      ...trust,
      'listener.name.mutual.ssl.client.auth': 'required',
      'listener.name.oneway.ssl.enabled.protocols': 'TLSv1.2',
      'listener.name.oneway.ssl.cipher.suites': 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
      'listener.name.java.ssl.keystore.type': 'JKS',
      'listener.name.java.ssl.keystore.location': 'test/fixtures/tls/keystore.jks',
      'listener.name.java.ssl.keystore.password': 'changeit',
    },
  })
})
afterAll(async () => {
  await running?.close()
  await host.workers.close()
})

const ca = authority.certificate
const shown = ({ key, certificate: cert }: Credential) => ({ ca, key, cert })
const kafkajs = (port: number, ssl: tls.ConnectionOptions | boolean) =>
  new Kafka({
    brokers: [`127.0.0.1:${port}`],
    ssl,
    retry: { retries: 0 },
    connectionTimeout: 60_000,
    logLevel: logLevel.NOTHING,
  })

describe('clients over TLS', () => {
  test('kafkajs writes and reads, with a certificate of its own', async () => {
    const kafka = kafkajs(portOf('MUTUAL'), shown(alice))
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    // More than one record of TLS, and more than what a socket takes at once.
    const value = 'x'.repeat(700_000)
    await producer.send({ topic: 'kafkajs', messages: [{ value }, { value: 'small' }] })
    await producer.disconnect()
    const consumer = kafka.consumer({ groupId: 'kafkajs', maxBytes: 1e7 })
    await consumer.connect()
    await consumer.subscribe({ topic: 'kafkajs', fromBeginning: true })
    const values: string[] = []
    await consumer.run({
      eachMessage: ({ message }) => Promise.resolve(void values.push(message.value!.toString())),
    })
    await until(() => values.length === 2, 'both records')
    await consumer.disconnect()
    expect(values).toEqual([value, 'small'])
  })

  test('@platformatic/kafka writes and reads, by TLS 1.2 and the suite that the listener takes', async () => {
    const common = {
      clientId: 'platformatic',
      bootstrapBrokers: [`127.0.0.1:${portOf('ONEWAY')}`],
      tls: { ca },
      autocreateTopics: true,
    }
    const producer = new Producer({ ...common, serializers: stringSerializers })
    const consumer = new Consumer({
      ...common,
      groupId: 'platformatic',
      deserializers: stringDeserializers,
    })
    await producer.send({ messages: [{ topic: 'platformatic', key: 'k', value: 'hello' }] })
    const stream = await consumer.consume({ topics: ['platformatic'], mode: 'earliest' })
    for await (const message of stream) {
      expect(message.value).toBe('hello')
      break
    }
    await consumer.close(true)
    await producer.close()
  })

  test('are shown the key of a JKS store where the listener has that', async () => {
    const own = readFileSync('test/fixtures/tls/certificate.pem', 'utf8')
    const admin = kafkajs(portOf('JAVA'), { ca: own }).admin()
    await admin.connect()
    expect(await admin.listTopics()).toEqual(expect.any(Array))
    await admin.disconnect()
  })

  test('find the same listener’s address in Metadata, not that of one in the clear', async () => {
    const { port, tls: options } = { port: portOf('ONEWAY'), tls: { ca } }
    const admin = new Admin({
      clientId: 'x',
      bootstrapBrokers: [`127.0.0.1:${port}`],
      tls: options,
    })
    const { brokers } = await admin.metadata({ topics: [] })
    expect([...brokers.values()].map((node) => node.port)).toEqual([port])
    await admin.close()
  })
})

describe('a client is refused with a line that says why', () => {
  /** What the broker says of what one client does. */
  async function linesOf(client: () => Promise<unknown>): Promise<string> {
    const before = lines.length
    await expect(client()).rejects.toThrow()
    await until(() => lines.length > before, 'a line of the log')
    return lines.slice(before).join('')
  }
  const connect = (port: number, ssl: tls.ConnectionOptions | boolean) => async () => {
    const admin = kafkajs(port, ssl).admin()
    try {
      await admin.connect()
      await admin.listTopics()
    } finally {
      await admin.disconnect()
    }
  }

  test('that speaks without TLS to a listener with it', async () => {
    expect(await linesOf(connect(portOf('ONEWAY'), false))).toContain('it speaks without TLS')
  })

  test('that speaks TLS to a listener without it', async () => {
    expect(await linesOf(connect(running.port, { ca }))).toContain('it speaks TLS')
  })

  test('that shows no certificate where one must be shown', async () => {
    expect(await linesOf(connect(portOf('MUTUAL'), { ca }))).toContain(
      'peer did not return a certificate',
    )
  })

  test('whose certificate somebody else has signed, who is called the same', async () => {
    const mallory = stranger.issue({ subject: [['CN', 'alice']] })
    const told = await linesOf(connect(portOf('MUTUAL'), shown(mallory)))
    expect(told).toMatch(/certificate/)
  })

  test('whose certificate has expired', async () => {
    const old = authority.issue({ subject: [['CN', 'alice']], isExpired: true })
    const told = await linesOf(connect(portOf('MUTUAL'), shown(old)))
    expect(told).toContain('certificate has expired')
  })

  test('that takes no suite or version which the listener does', async () => {
    const told = await linesOf(connect(portOf('ONEWAY'), { ca, minVersion: 'TLSv1.3' }))
    expect(told).toMatch(/unsupported protocol|no shared|handshake/)
  })
})

test('hundreds who never finish their handshake, and random bytes, keep nobody from being served', async () => {
  const port = portOf('ONEWAY')
  const sockets = Array.from({ length: 300 }, (_, index) => {
    const socket = net.connect({ host: '127.0.0.1', port }).on('error', () => undefined)
    // A third says nothing, a third begins, a third sends what is no TLS.
    if (index % 3 === 1) socket.write(Buffer.from('16030100c8010000c403', 'hex'))
    if (index % 3 === 2) socket.write(Buffer.alloc(1000, index))
    return socket
  })
  const admin = kafkajs(port, { ca }).admin()
  await admin.connect()
  expect(await admin.listTopics()).toEqual(expect.any(Array))
  await admin.disconnect()
  for (const socket of sockets) socket.destroy()
})

test('no line of the log has a key or a password', () => {
  const all = lines.join('')
  expect(all).toContain('The broker is ready')
  const body = broker.key.split('\n')[1]!
  for (const secret of [body, 'changeit', 'PRIVATE KEY']) expect(all).not.toContain(secret)
})

describe('whom a certificate names', () => {
  const auth = 'listener.name.ssl.ssl.client.auth'
  const settings = {
    listeners: 'PLAINTEXT://127.0.0.1:0,SSL://127.0.0.1:0',
    ...identity,
    ...trust,
    [auth]: 'requested',
  }

  async function accepted(
    given: Readonly<Record<string, string>>,
    options: tls.ConnectionOptions,
    change?: (config: BrokerConfig) => Promise<void>,
  ): Promise<SecuredClient | Error> {
    const config = new BrokerConfig({ settings: { ...settings, ...given } })
    const secured = await ListenerTls.open(host, config, config.listeners.broker[1]!)
    await change?.(config)
    let outcome!: Promise<SecuredClient | Error>
    const connected = new Promise<void>((resolve) => {
      void host.network
        .listen('127.0.0.1', 0, (socket) => {
          outcome = secured.accept(socket).catch((error: Error) => error)
          resolve()
        })
        .then((listener) => {
          const client = tls.connect({ host: '127.0.0.1', port: listener.port, ca, ...options })
          client.on('error', () => undefined)
          void connected.then(async () => {
            await outcome
            client.destroy()
            await listener.close()
          })
        })
    })
    await connected
    return outcome
  }
  const principalOf = async (...args: Parameters<typeof accepted>) => {
    const client = await accepted(...args)
    return client instanceof Error ? client.message : client.principal
  }

  test('is its subject, the most specific part first', async () => {
    const name = 'CN=alice,O=Acme'
    expect(await principalOf({}, shown(alice))).toEqual({ type: 'User', name })
  })

  test('is what the rules make of it', async () => {
    const rules = { 'ssl.principal.mapping.rules': 'RULE:^CN=(.*?),.*$/$1/U' }
    expect(await principalOf(rules, shown(alice))).toEqual({ type: 'User', name: 'ALICE' })
  })

  test('is nobody where no rule fits: the client is refused', async () => {
    const rules = { 'ssl.principal.mapping.rules': 'RULE:^OU=(.*?)$/$1/' }
    expect(await principalOf(rules, shown(alice))).toContain('no rule')
  })

  test('is ANONYMOUS where none need be shown and none is', async () => {
    expect(await principalOf({}, {})).toEqual({ type: 'User', name: 'ANONYMOUS' })
  })

  test('is not believed where none need be shown, but a stranger has signed it', async () => {
    const mallory = stranger.issue({ subject: [['CN', 'alice']] })
    expect(await principalOf({}, shown(mallory))).toMatch(/certificate|unable to verify/)
  })

  test('is not asked for where the listener doesn’t', async () => {
    const none = await principalOf({ [auth]: 'none' }, shown(alice))
    expect(none).toEqual({ type: 'User', name: 'ANONYMOUS' })
  })

  test('follows a trust store that is changed at run time: whom it left out is refused', async () => {
    const changed = async (config: BrokerConfig) => {
      const before = lines.length
      const entry = ['listener.name.ssl.ssl.truststore.certificates', stranger.certificate] as const
      config.updateDynamic({ cluster: new Map(), broker: new Map([entry]) })
      await until(() => hasTold(before, 'has its new certificates'), 'the new trust store')
    }
    expect(await principalOf({}, shown(alice), changed)).toMatch(/certificate|unable to verify/)
    const mallory = stranger.issue({ subject: [['CN', 'mallory']] })
    expect(await principalOf({}, shown(mallory), changed)).toMatchObject({ name: 'CN=mallory' })
  })

  test('stays as it was where what is set at run time is no store', async () => {
    const broken = async (config: BrokerConfig) => {
      const before = lines.length
      const entry = ['listener.name.ssl.ssl.truststore.certificates', 'nonsense'] as const
      config.updateDynamic({ cluster: new Map(), broker: new Map([entry]) })
      await until(() => hasTold(before, 'keeps its former certificates'), 'the line of it')
    }
    expect(await principalOf({}, shown(alice), broken)).toMatchObject({ name: 'CN=alice,O=Acme' })
  })
})

test('a key store that is replaced under its name is shown when the broker’s settings are written as they are', async () => {
  const store = join(makeDirectory(), 'broker.pem')
  const write = ({ key, certificate }: Credential) => writeFileSync(store, key + certificate)
  const issue = () => authority.issue({ subject: [['CN', 'broker']], hosts: ['127.0.0.1'] })
  const [former, next] = [issue(), issue()]
  write(former)
  const settings = {
    listeners: 'PLAINTEXT://127.0.0.1:0,SSL://127.0.0.1:0',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': store,
  }
  const one = await startBroker({ host, settings })
  const [plain, secured] = one.addresses.map(({ port }) => port) as [number, number]
  const client = await RawClient.connect({ host: '127.0.0.1', port: plain })
  const set = async (name: string, value: string) => {
    const configs = [{ name, configOperation: 0, value }]
    const resources = [{ resourceType: 4, resourceName: '1', configs }]
    const answer = await client.request(IncrementalAlterConfigs, 1, {
      resources,
      validateOnly: false,
    })
    expect(answer.responses[0]!.errorCode).toBe('NONE')
  }
  const said = () => lines.filter((line) => line.includes('has its new certificates')).length
  const before = said()
  try {
    await set('log.retention.ms', '1000000')
    expect(await serialOf(secured)).toBe(serial(former))
    write(next)
    await set('log.retention.ms', '1000000')
    await until(() => said() > before, 'the store to be read')
    expect(await serialOf(secured)).toBe(serial(next))
    expect(said()).toBe(before + 1)
  } finally {
    client.destroy()
    await one.close()
  }
})

const serial = ({ certificate }: Credential): string =>
  new X509Certificate(certificate).serialNumber

/** Of the certificate that a listener shows. */
async function serialOf(port: number): Promise<string> {
  const socket = tls.connect({ host: '127.0.0.1', port, ca })
  await once(socket, 'secureConnect')
  const { serialNumber } = socket.getPeerX509Certificate()!
  socket.destroy()
  return serialNumber
}

test('many requests in one go are answered in their order', async () => {
  const client = tls.connect({ host: '127.0.0.1', port: portOf('JAVA'), rejectUnauthorized: false })
  await new Promise<void>((resolve) => client.once('secureConnect', resolve))
  const raw = new RawClient(client as unknown as net.Socket)
  const ask = () =>
    raw.request(ApiVersions, 4, { clientSoftwareName: 'a', clientSoftwareVersion: '1' })
  const answers = await Promise.all(Array.from({ length: 200 }, ask))
  expect(new Set(answers.map(({ apiKeys }) => apiKeys.length)).size).toBe(1)
  client.destroy()
})
