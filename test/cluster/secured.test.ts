import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import kafkajs, { type AclOperationTypes, Kafka, logLevel } from 'kafkajs'
import { nodeHost } from '../../src/host/node.ts'
import { startBroker } from '../../src/index.ts'
import { ottla } from '../bin/command.ts'
import { eventually, until } from '../clients/wait.ts'
import { describeWithApache, NEWEST } from '../interchange/apache.ts'
import type { BrokerProcess, Settings } from '../support/broker-process.ts'
import { killAll, startProcess } from '../support/broker-process.ts'
import { TestAuthority } from '../support/certificates.ts'
import { freePorts } from '../support/ports.ts'
import { quickJava } from '../support/quick-java.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { answers, format, initialControllers } from './nodes.ts'

const directories = temporaryDirectories()
const root = directories.make()
afterAll(async () => {
  await killAll()
  directories.removeAll()
})

const IDS = [1, 2, 3]
const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const SCRAM = 'org.apache.kafka.common.security.scram.ScramLoginModule'
const authority = new TestAuthority('ca')
const stranger = new TestAuthority('ca')
const hosts = ['127.0.0.1']

/** A key with its certificate, in a file. */
function store(name: string, from: TestAuthority): string {
  const path = join(root, `${name}.pem`)
  const { key, certificate } = from.issue({ subject: [['CN', name]], hosts })
  writeFileSync(path, key + certificate)
  return path
}
const ca = join(root, 'ca.pem')
writeFileSync(ca, authority.certificate)
const own = store('node', authority)
const strange = store('stranger', stranger)

/** All that a node says and hears is by SASL_SSL: users of SCRAM among brokers, a certificate and PLAIN among controllers. */
const SECURITY: Settings = {
  'listener.security.protocol.map': 'SASL_SSL:SASL_SSL,CONTROLLER:SASL_SSL',
  'security.inter.broker.protocol': 'SASL_SSL',
  'sasl.mechanism.inter.broker.protocol': 'SCRAM-SHA-512',
  'sasl.mechanism.controller.protocol': 'PLAIN',
  'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
  'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config': `${SCRAM} required username="node" password="node-secret";`,
  'listener.name.controller.sasl.enabled.mechanisms': 'PLAIN',
  'listener.name.controller.plain.sasl.jaas.config': `${PLAIN} required username="node" password="other-secret" user_node="other-secret";`,
  'listener.name.controller.ssl.client.auth': 'required',
  'ssl.keystore.type': 'PEM',
  'ssl.keystore.location': own,
  'ssl.truststore.type': 'PEM',
  'ssl.truststore.location': ca,
  'authorizer.class.name': 'standard',
  'super.users': 'User:node;User:admin',
  // Sessions of nodes end while the test goes on.
  'listener.name.controller.plain.connections.max.reauth.ms': 2000,
}

/** Three processes, each a broker and a controller. */
class SecuredNodes {
  readonly processes = new Map<number, BrokerProcess>()
  readonly #ports: readonly number[]

  static async make(): Promise<SecuredNodes> {
    const nodes = new SecuredNodes(await freePorts(2 * IDS.length))
    const users = ['node', 'admin', 'alice'].flatMap((name) => [
      '--add-scram',
      `SCRAM-SHA-512=[name=${name},password=${name}-secret]`,
    ])
    const options = [...initialControllers(nodes.#controllers), ...users]
    await Promise.all(IDS.map((id) => format(nodes.settingsOf(id), options)))
    return nodes
  }

  private constructor(ports: readonly number[]) {
    this.#ports = ports
  }

  get brokers(): string[] {
    return IDS.map((id) => `127.0.0.1:${this.#ports[id - 1]}`)
  }

  get #controllers(): readonly number[] {
    return this.#ports.slice(IDS.length)
  }

  settingsOf(id: number): Settings {
    const at = (port: number): string => `127.0.0.1:${port}`
    const isBroker = !IDS.includes(id)
    const listener = `SASL_SSL://${isBroker ? at(0) : this.brokers[id - 1]}`
    return {
      'process.roles': isBroker ? 'broker' : 'broker,controller',
      'node.id': id,
      listeners: isBroker ? listener : `${listener},CONTROLLER://${at(this.#controllers[id - 1]!)}`,
      'controller.listener.names': 'CONTROLLER',
      'controller.quorum.bootstrap.servers': this.#controllers.map(at).join(),
      'log.dirs': join(root, `node-${id}`),
      'offsets.topic.replication.factor': 3,
      'offsets.topic.num.partitions': 2,
      'default.replication.factor': 3,
      'broker.heartbeat.interval.ms': 200,
      'broker.session.timeout.ms': 3000,
      ...SECURITY,
    }
  }

  async start(id: number): Promise<void> {
    this.processes.set(id, await startProcess(this.settingsOf(id)))
  }

  async kill9(id: number): Promise<void> {
    const process = this.processes.get(id)!
    process.kill('SIGKILL')
    await process.ended()
    this.processes.delete(id)
  }

  logOf(id: number): string {
    return this.processes.get(id)!.stderr
  }
}

describe('three nodes with SASL_SSL among themselves', () => {
  let nodes: SecuredNodes
  let kafka: Kafka

  const clientOf = (user: string, brokers: string[], retries: number) =>
    new Kafka({
      brokers,
      ssl: { ca: authority.certificate },
      sasl: { mechanism: 'scram-sha-512', username: user, password: `${user}-secret` },
      connectionTimeout: 60_000,
      authenticationTimeout: 60_000,
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries },
      logLevel: logLevel.NOTHING,
    })
  /** How commands reach the cluster as the administrator. */
  const bootstrap = (): string[] => {
    const properties = join(root, 'client.properties')
    const lines = [
      'security.protocol=SASL_SSL',
      'ssl.truststore.type=PEM',
      `ssl.truststore.location=${ca}`,
      'sasl.mechanism=SCRAM-SHA-512',
      `sasl.jaas.config=${SCRAM} required username="admin" password="admin-secret";`,
    ]
    writeFileSync(properties, lines.join('\n'))
    return ['--bootstrap-server', nodes.brokers.join(), '--command-config', properties]
  }

  beforeAll(async () => {
    nodes = await SecuredNodes.make()
    await Promise.all(IDS.map((id) => nodes.start(id)))
    kafka = clientOf('admin', nodes.brokers, 100)
  })

  test('keep what acks=all has acknowledged while one is killed and comes back', async () => {
    const admin = kafka.admin()
    await admin.connect()
    const entries = [{ name: 'min.insync.replicas', value: '2' }]
    const topics = [
      { topic: 'orders', numPartitions: 3, replicationFactor: 3, configEntries: entries },
    ]
    await admin.createTopics({ topics, waitForLeaders: true })
    const inSync = () =>
      answers(
        'three replicas in sync',
        () => admin.fetchTopicMetadata({ topics: ['orders'] }),
        ({ topics: [topic] }) => topic!.partitions.every(({ isr }) => isr.length === IDS.length),
      )
    const producer = kafka.producer()
    await producer.connect()
    const acknowledged: string[] = []
    const write = async (value: string): Promise<void> => {
      await producer.send({ topic: 'orders', acks: -1, messages: [{ key: value, value }] })
      acknowledged.push(value)
    }
    await inSync()
    const id = 2
    await write('before')
    await nodes.kill9(id)
    await write('without it')
    await nodes.start(id)
    await inSync()
    await write('again with it')
    await producer.disconnect()
    const consumer = kafka.consumer({ groupId: 'readers' })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    const read = new Set<string>()
    await consumer.run({
      eachMessage: ({ message }) => Promise.resolve(void read.add(message.value!.toString())),
    })
    await until(
      () => acknowledged.every((value) => read.has(value)),
      () => `all that was acknowledged: ${[...read].join(', ')}`,
    )
    await consumer.disconnect()
    await admin.disconnect()
  })

  test('judge a client by its own rights, whichever of them it asks, and whoever is the controller', async () => {
    const admin = kafka.admin()
    await admin.connect()
    const mine = (operation: AclOperationTypes) => ({
      resourceType: kafkajs.AclResourceTypes.TOPIC,
      resourceName: 'alice-',
      resourcePatternType: kafkajs.ResourcePatternTypes.PREFIXED,
      principal: 'User:alice',
      host: '*',
      operation,
      permissionType: kafkajs.AclPermissionTypes.ALLOW,
    })
    await admin.createAcls({
      acl: [mine(kafkajs.AclOperationTypes.CREATE), mine(kafkajs.AclOperationTypes.WRITE)],
    })
    const topics = () => admin.listTopics()
    /** Makes topics by naming them, each by another broker: most of these are not the controller. */
    const made = async (round: string): Promise<void> => {
      for (const id of nodes.processes.keys()) {
        const own = clientOf('alice', [nodes.brokers[id - 1]!], 20).producer()
        await own.connect()
        // What is committed, as her rights are, comes to the brokers one after the other.
        const send = (topic: string) =>
          eventually(async () => {
            await own.send({ topic, messages: [{ value: round }] })
            return true
          }, `${topic} to be written`)
        await send(`alice-${round}-${id}`)
        await own.disconnect()
        const stranger = clientOf('alice', [nodes.brokers[id - 1]!], 0).producer()
        await stranger.connect()
        const theirs = { topic: `theirs-${round}-${id}`, messages: [{ value: round }] }
        await expect(stranger.send(theirs)).rejects.toThrow(/not authorized/i)
        await stranger.disconnect()
      }
    }
    await made('first')
    const { stdout } = await ottla(['quorum', 'describe', '--json', ...bootstrap()])
    const { leaderId } = JSON.parse(stdout) as { leaderId: number }
    await nodes.kill9(leaderId)
    await made('second')
    await nodes.start(leaderId)
    await made('third')
    let names: string[] = []
    await eventually(
      async () => {
        names = await topics()
        return names.filter((name) => name.startsWith('alice-')).length === 3 + 2 + 3
      },
      () => `all topics of alice: ${names.join()}`,
    )
    expect(names.filter((name) => name.startsWith('theirs-'))).toEqual([])
    await admin.disconnect()
  })

  test('take nobody in whose certificate another authority vouches for, who trusts another one, or whose password is wrong', async () => {
    const jaas = 'listener.name.controller.plain.sasl.jaas.config'
    const wrong = String(SECURITY[jaas]).replaceAll('other-secret', 'wrong-secret')
    const ways: readonly (readonly [Settings, RegExp])[] = [
      [{ 'ssl.keystore.location': strange }, /(refused|after) the handshake of TLS/],
      [{ 'ssl.truststore.location': strange }, /CERTIFICATE|can't be trusted/],
      [{ [jaas]: wrong }, /has not let this client in by PLAIN/],
    ]
    let said = ''
    for (const [index, [more, expected]] of ways.entries()) {
      const told: string[] = []
      const destination = { write: (line: string) => void told.push(line) }
      const host = nodeHost({ log: { level: 'info', destination } })
      const giveUp = new AbortController()
      const settings = { ...nodes.settingsOf(IDS.length + 1 + index), ...more }
      const cluster = { CLUSTER_ID: 'AAAAAAAAQACAAAAAAAAAAQ' }
      const starting = startBroker({ host, settings, environment: cluster, signal: giveUp.signal })
      const ended = starting.then(
        () => 'it has started',
        () => 'given up',
      )
      await until(
        () => expected.test(told.join('')),
        () => `${expected.source} in ${told.join('')}`,
      )
      giveUp.abort(new Error('enough'))
      expect(await ended).toBe('given up')
      await host.workers.close()
      said += told.join('')
    }
    said += IDS.map((id) => nodes.logOf(id)).join('')
    expect(said).toContain("the client's TLS handshake failed")
    expect(said).not.toMatch(/(node|admin|alice|other|wrong)-secret/)
  })

  describeWithApache('Apache’s tools', () => {
    test('are let in by the client.properties that ottla’s commands take', async () => {
      const java = quickJava(NEWEST.jars)
      const tool = async (name: string, ...args: string[]): Promise<string> => {
        const all = [...java, `org.apache.kafka.tools.${name}`, ...bootstrap(), ...args]
        return (await promisify(execFile)('java', all)).stdout
      }
      const made = await tool('TopicCommand', '--create', '--topic', 'java', '--partitions', '2')
      expect(made).toContain('Created topic java.')
      await eventually(async () => {
        const { code, stdout } = await ottla(['topics', 'list', ...bootstrap()])
        return code === 0 && /^java\s+2\s/m.test(stdout)
      }, 'the topic to be listed')
      const rule = ['--allow-principal', 'User:bob', '--topic', 'java']
      expect(await tool('AclCommand', '--add', ...rule, '--producer')).toMatch(/operation=WRITE/)
      const shown = await tool('AclCommand', '--list', '--topic', 'java')
      expect(shown).toMatch(/principal=User:bob, host=\*, operation=WRITE, permissionType=ALLOW/)
      await tool('AclCommand', '--remove', '--force', ...rule, '--producer')
      expect(await tool('AclCommand', '--list', '--topic', 'java')).not.toContain('User:bob')
      const bob = ['--entity-type', 'users', '--entity-name', 'bob']
      await tool('ConfigCommand', '--alter', ...bob, '--add-config', 'producer_byte_rate=1024')
      expect(await tool('ConfigCommand', '--describe', ...bob)).toContain(
        "Quota configs for user-principal 'bob' are producer_byte_rate=1024.0",
      )
    })
  })
})
