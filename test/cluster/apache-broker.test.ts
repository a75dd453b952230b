import { execFile, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import { OutputTail, eachLine, exited, until } from '../clients/wait.ts'
import { NEWEST, describeWithApache } from '../interchange/apache.ts'
import type { BrokerProcess } from '../support/broker-process.ts'
import { killAll } from '../support/broker-process.ts'
import { freePorts } from '../support/ports.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { activeController, answers, formatNodes, leadersOf, startController } from './nodes.ts'

const directories = temporaryDirectories()
const ended: (() => Promise<void>)[] = []
afterAll(async () => {
  await Promise.all(ended.map((end) => end()))
  await killAll()
  directories.removeAll()
})

const JAVA = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto']
const LOGGING = `status=error
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{HH:mm:ss.SSS} %p %c{1} %m%n
rootLogger.level=info
rootLogger.appenderRef.console.ref=console
`
/** Another one than those of the controllers. */
const ID = 9

/** What it says of partitions that a topic gets later, with Apache's own controllers, too. */
const OF_NEW_PARTITIONS = /Expected partition \S+ with topic id \S+ to exist, but it was missing/
/** What it says while its controller is dead. */
const OF_NO_CONTROLLER = /Connection to node -?\d+ \S+ could not be established/

/** An Apache Kafka broker that is nothing else, on a directory that Apache's own tool formats first. */
class ApacheBroker {
  readonly #directory: string
  readonly #port: number
  readonly #properties: string
  readonly #logging: string
  #child: ReturnType<typeof spawn> | null = null
  readonly output = new OutputTail()
  /** Lines of a level above INFO that should not be there. */
  readonly complaints: string[] = []
  /** Its controller runs. */
  hasController = true

  constructor(root: string, port: number, controllers: readonly number[]) {
    this.#directory = join(root, 'apache')
    this.#port = port
    this.#properties = join(root, 'server.properties')
    this.#logging = join(root, 'log4j2.properties')
    mkdirSync(root, { recursive: true })
    const settings = {
      'process.roles': 'broker',
      'node.id': ID,
      'controller.quorum.bootstrap.servers': controllers.map((each) => `127.0.0.1:${each}`).join(),
      'controller.listener.names': 'CONTROLLER',
      listeners: `INTERNAL://127.0.0.1:${port}`,
      'inter.broker.listener.name': 'INTERNAL',
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT',
      'log.dirs': this.#directory,
      'offsets.topic.replication.factor': 1,
      'offsets.topic.num.partitions': 3,
      'transaction.state.log.replication.factor': 1,
      'transaction.state.log.min.isr': 1,
      'share.coordinator.state.topic.replication.factor': 1,
      'share.coordinator.state.topic.min.isr': 1,
      'group.initial.rebalance.delay.ms': 0,
      'log.cleaner.dedupe.buffer.size': 4_194_304,
    }
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
    writeFileSync(this.#properties, lines.join(''))
    writeFileSync(this.#logging, LOGGING)
  }

  get place() {
    return { host: '127.0.0.1', port: this.#port }
  }

  async format(clusterId: string): Promise<void> {
    const tool = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', this.#properties]
    const command = [...JAVA, '-cp', `${NEWEST.jars}/*`, ...tool]
    await promisify(execFile)('java', command, { timeout: 60_000 })
  }

  async start(): Promise<void> {
    const logging = `-Dlog4j2.configurationFile=${this.#logging}`
    const command = [...JAVA, logging, '-cp', `${NEWEST.jars}/*`, 'kafka.Kafka', this.#properties]
    const child = spawn('java', command, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    ended.push(async () => {
      child.kill('SIGKILL')
      await exited(child)
    })
    const isReady = this.output.watch(/Kafka Server started/)
    this.output.follow(child)
    for (const stream of [child.stdout, child.stderr]) {
      eachLine(stream, (line) => {
        if (!/^\S+ (WARN|ERROR|FATAL) /.test(line) || OF_NEW_PARTITIONS.test(line)) return
        if (this.hasController || !OF_NO_CONTROLLER.test(line)) this.complaints.push(line)
      })
    }
    const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null
    await until(
      () => isReady() || isOver(),
      () => `Apache Kafka: ${this.output.tail(40)}`,
      60_000,
    )
    if (isOver()) throw new Error(`Apache Kafka ended: ${this.output.tail(60)}`)
  }

  async stop(): Promise<void> {
    this.#child!.kill('SIGTERM')
    if (!(await exited(this.#child!, 60_000))) throw new Error(this.output.tail(40))
  }
}

describeWithApache('an unmodified Apache Kafka broker', () => {
  test('joins Ottla controllers, hosts a topic, outlives their leader, stops in order and comes back', async () => {
    const beganMs = performance.now()
    const [port, ...controllers] = (await freePorts(4)) as [number, number, number, number]
    const root = directories.make()
    const clusterId = await formatNodes(root, controllers, [])
    const start = (id: number): Promise<BrokerProcess> => startController(root, id, controllers)
    const processes = await Promise.all([1, 2, 3].map(start))
    const broker = new ApacheBroker(root, port, controllers)
    await broker.format(clusterId)
    await broker.start()
    const kafka = new Kafka({
      clientId: 'test',
      brokers: [`127.0.0.1:${port}`],
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 60 },
    })
    const admin = kafka.admin()
    await admin.connect()
    // The broker may answer before it has heard of the topic itself.
    const create = async (topic: string, numPartitions: number): Promise<void> => {
      await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions }] })
      await answers(
        `the leaders of ${topic}`,
        () => leadersOf(broker.place, topic),
        (leaders) => leaders.length === numPartitions && leaders.every((id) => id === ID),
      )
    }
    await create('orders', 3)
    const producer = kafka.producer({ idempotent: true })
    await producer.connect()
    const send = (from: number): Promise<unknown> =>
      producer.send({
        topic: 'orders',
        acks: -1,
        messages: Array.from({ length: 30 }, (_, at) => ({ value: `${from + at}` })),
      })
    await send(0)
    const leader = await activeController(controllers[0])
    broker.hasController = false
    processes[leader - 1]!.kill('SIGKILL')
    await processes[leader - 1]!.ended()
    await send(30)
    // Through the broker, in an envelope; its settings it asks itself.
    await create('later', 2)
    processes[leader - 1] = await start(leader)
    broker.hasController = true
    await admin.alterConfigs({
      validateOnly: false,
      resources: [
        { type: 2, name: 'later', configEntries: [{ name: 'retention.ms', value: '86400000' }] },
      ],
    })
    await admin.createPartitions({ topicPartitions: [{ topic: 'later', count: 4 }] })
    await answers(
      'four partitions',
      () => leadersOf(broker.place, 'later'),
      (all) => all.length === 4,
    )
    await admin.deleteTopics({ topics: ['later'] })
    await producer.disconnect()
    await admin.disconnect()
    await broker.stop()
    await broker.start()
    const consumer = kafka.consumer({ groupId: 'all', maxWaitTimeInMs: 100 })
    const read = new Set<string>()
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    await consumer.run({
      eachMessage: ({ message }) => Promise.resolve(void read.add(String(message.value))),
    })
    await until(
      () => read.size === 60,
      () => `60 records, of ${read.size}`,
    )
    await consumer.disconnect()
    await broker.stop()
    for (const each of processes) each.kill('SIGTERM')
    for (const each of processes) expect(await each.ended()).toMatchObject({ code: 0 })
    expect(broker.complaints).toEqual([])
    const seconds = ((performance.now() - beganMs) / 1000).toFixed(1)
    process.stdout.write(`an Apache Kafka broker on Ottla controllers: ${seconds} s\n`)
  })
})
