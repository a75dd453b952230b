import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import type { Producer } from 'kafkajs'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { installed } from '../clients/toolchains.ts'
import { eachLine, exited, until } from '../clients/wait.ts'
import { describeWithApache, NEWEST } from '../interchange/apache.ts'
import type { BrokerProcess } from '../support/broker-process.ts'
import { killAll } from '../support/broker-process.ts'
import { freePorts } from '../support/ports.ts'
import { quickJava } from '../support/quick-java.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { ask, formatNodes, startController, startJoiningBroker } from './nodes.ts'

const directories = temporaryDirectories()
const readers = new Set<ChildProcess>()
afterAll(async () => {
  for (const reader of readers) reader.kill('SIGKILL')
  await Promise.all(Array.from(readers, (reader) => exited(reader)))
  await killAll()
  directories.removeAll()
})

const missing = await installed('kcat', '-V')
if (missing !== null) console.warn(`Not tried with librdkafka: ${missing}`)

const [LEADER, FOLLOWER] = [2, 3]
const SETTINGS = {
  'broker.session.timeout.ms': 1500,
  'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector',
}

/** A client that reads `a-0` from its beginning on. */
class Reader {
  readonly values: string[] = []
  /** The broker that it has fetched from last, as its log says. */
  lastAsked = -1

  /** @param asks what its log says when it fetches, with the broker's id */
  constructor(command: readonly string[], asks: RegExp) {
    const child = spawn(command[0]!, command.slice(1))
    readers.add(child)
    eachLine(child.stdout, (line) => this.values.push(line))
    eachLine(child.stderr, (line) => {
      const id = asks.exec(line)?.[1]
      if (id !== undefined) this.lastAsked = Number(id)
    })
  }

  async has(value: string): Promise<void> {
    await until(
      () => this.values.at(-1) === value,
      () => `${value} in ${this.values.join()}`,
    )
  }

  async asks(broker: number): Promise<void> {
    await until(
      () => this.lastAsked === broker,
      () => `broker ${broker} to be asked, and not ${this.lastAsked}`,
    )
  }
}

async function cluster(): Promise<{ leader: BrokerProcess; follower: BrokerProcess }> {
  const root = directories.make()
  const ports = await freePorts(1)
  await formatNodes(root, ports, [LEADER, FOLLOWER])
  await startController(root, 1, ports, SETTINGS)
  const [leader, follower] = await Promise.all([
    startJoiningBroker(root, LEADER, ports, { ...SETTINGS, 'broker.rack': 'near' }),
    startJoiningBroker(root, FOLLOWER, ports, { ...SETTINGS, 'broker.rack': 'far' }),
  ])
  const assignments = [{ partitionIndex: 0, brokerIds: [LEADER, FOLLOWER] }]
  const { topics } = await ask(leader, CreateTopics, {
    topics: [{ name: 'a', numPartitions: -1, replicationFactor: -1, assignments, configs: [] }],
    timeoutMs: 30_000,
  })
  expect(topics).toMatchObject([{ errorCode: 'NONE' }])
  return { leader, follower }
}

async function producerAt({ host, port }: BrokerProcess): Promise<Producer> {
  const retry = { initialRetryTime: 50, maxRetryTime: 300, retries: 100 }
  const kafka = new Kafka({ brokers: [`${host}:${port}`], logLevel: logLevel.NOTHING, retry })
  const producer = kafka.producer()
  await producer.connect()
  return producer
}

async function send(producer: Producer, value: string): Promise<void> {
  await producer.send({ topic: 'a', acks: -1, messages: [{ value, partition: 0 }] })
}

const whereKcatIs = missing === null ? test : test.skip

whereKcatIs('librdkafka reads from the replica in its rack', async () => {
  const { leader } = await cluster()
  const producer = await producerAt(leader)
  await send(producer, 'first')
  const settings = ['client.rack=far', 'debug=fetch'].flatMap((setting) => ['-X', setting])
  const bootstrap = `${leader.host}:${leader.port}`
  const reader = new Reader(
    ['kcat', '-C', '-u', '-b', bootstrap, '-t', 'a', '-p', '0', '-o', 'beginning', ...settings],
    /\/(\d+): Fetch topic a \[0\]/,
  )
  await reader.has('first')
  await reader.asks(FOLLOWER)
  await send(producer, 'second')
  await reader.has('second')
  await reader.asks(FOLLOWER)
  expect(reader.values).toEqual(['first', 'second'])
  await producer.disconnect()
})

const LOGGING = `<Configuration>
  <Appenders><Console name="err" target="SYSTEM_ERR"><PatternLayout pattern="%m%n"/></Console></Appenders>
  <Loggers>
    <Root level="warn"><AppenderRef ref="err"/></Root>
    <Logger name="org.apache.kafka.clients.consumer.internals" level="debug"/>
  </Loggers>
</Configuration>`

describeWithApache("Apache's consumer", () => {
  test('reads from the replica in its rack, and from the leader again when that one dies', async () => {
    const { leader, follower } = await cluster()
    const producer = await producerAt(leader)
    await send(producer, 'first')
    const logging = join(directories.make(), 'log4j2.xml')
    writeFileSync(logging, LOGGING)
    const reader = new Reader(
      [
        ...['java', ...quickJava(NEWEST.jars), `-Dlog4j2.configurationFile=${logging}`],
        'org.apache.kafka.tools.consumer.ConsoleConsumer',
        ...['--bootstrap-server', `${leader.host}:${leader.port}`],
        ...['--topic', 'a', '--partition', '0', '--offset', 'earliest'],
        ...['--command-property', 'client.rack=far'],
      ],
      /Sending \S+ \w*FetchRequest.* to broker \S+ \(id: (\d+)/,
    )
    await reader.has('first')
    await reader.asks(FOLLOWER)
    await send(producer, 'second')
    await reader.has('second')
    await reader.asks(FOLLOWER)
    follower.kill('SIGKILL')
    await follower.ended()
    await send(producer, 'third')
    await reader.has('third')
    expect([reader.lastAsked, reader.values]).toEqual([LEADER, ['first', 'second', 'third']])
    await producer.disconnect()
  }, 240_000)
})
