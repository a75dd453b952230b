import { execFile, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { OutputTail, eachLine, exited, until } from '../clients/wait.ts'
import { NEWEST, propertiesText } from '../interchange/apache.ts'
import { APACHE_LOGGING } from '../support/apache-logging.ts'
import { quickJava } from '../support/quick-java.ts'
import type { Settings } from '../support/broker-process.ts'

const MEMORY = '-Xmx384m'
const START_LIMIT_MS = 180_000
const STOP_LIMIT_MS = 60_000

/** What it says of partitions that a topic gets later, with Apache's own controllers, too. */
const OF_NEW_PARTITIONS = /Expected partition \S+ with topic id \S+ to exist, but it was missing/
/** What it says where it is asked for a topic again that it has had made, and has not heard of yet: with Apache's own controllers, too. */
const OF_A_TOPIC_MADE_BEFORE = /Auto topic creation failed .* error 'TOPIC_ALREADY_EXISTS'/

/** Where an Apache Kafka broker is, and what it is told besides that. */
interface ApacheOptions {
  readonly id: number
  readonly port: number
  /** Their ports. */
  readonly controllers: readonly number[]
  readonly settings?: Settings
}

const running = new Set<ApacheBroker>()

/** Ends what a test that failed has left running; for afterAll. */
export async function killApacheBrokers(): Promise<void> {
  await Promise.all(Array.from(running, (broker) => broker.kill9()))
}

/** An Apache Kafka broker that is nothing else, on a directory that Apache's own tool formats first. */
export class ApacheBroker {
  /** Its `log.dirs`. */
  readonly directory: string
  readonly #port: number
  readonly #properties: string
  readonly #logging: string
  #child: ReturnType<typeof spawn> | null = null
  readonly output = new OutputTail()
  /** Lines of a level above INFO that should not be there. */
  readonly complaints: string[] = []
  /** What it may complain of by now. */
  expected: RegExp | null = null

  constructor(root: string, { id, port, controllers, settings = {} }: ApacheOptions) {
    this.directory = join(root, `node-${id}`)
    this.#port = port
    this.#properties = join(root, `server-${id}.properties`)
    this.#logging = join(root, `log4j2-${id}.properties`)
    mkdirSync(root, { recursive: true })
    const all: Settings = {
      'process.roles': 'broker',
      'node.id': id,
      'controller.quorum.bootstrap.servers': controllers.map((each) => `127.0.0.1:${each}`).join(),
      'controller.listener.names': 'CONTROLLER',
      listeners: `INTERNAL://127.0.0.1:${port}`,
      'inter.broker.listener.name': 'INTERNAL',
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT',
      'log.dirs': this.directory,
      'offsets.topic.replication.factor': 1,
      'offsets.topic.num.partitions': 3,
      'transaction.state.log.replication.factor': 1,
      'transaction.state.log.min.isr': 1,
      'share.coordinator.state.topic.replication.factor': 1,
      'share.coordinator.state.topic.min.isr': 1,
      'group.initial.rebalance.delay.ms': 0,
      'log.cleaner.dedupe.buffer.size': 4_194_304,
      ...settings,
    }
    writeFileSync(this.#properties, propertiesText(all))
    writeFileSync(this.#logging, APACHE_LOGGING)
  }

  get place() {
    return { host: '127.0.0.1', port: this.#port }
  }

  async format(clusterId: string): Promise<void> {
    const tool = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', this.#properties]
    const command = [MEMORY, ...quickJava(NEWEST.jars), ...tool]
    await promisify(execFile)('java', command, { timeout: 60_000 })
  }

  async start(): Promise<void> {
    const logging = `-Dlog4j2.configurationFile=${this.#logging}`
    const command = [MEMORY, logging, ...quickJava(NEWEST.jars), 'kafka.Kafka', this.#properties]
    const child = spawn('java', command, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    running.add(this)
    const isReady = this.output.watch(/Kafka Server started/)
    this.output.follow(child)
    for (const stream of [child.stdout, child.stderr]) {
      eachLine(stream, (line) => {
        if (!/^\S+ (WARN|ERROR|FATAL) /.test(line)) return
        const expected = [OF_NEW_PARTITIONS, OF_A_TOPIC_MADE_BEFORE, this.expected]
        if (!expected.some((each) => each?.test(line))) this.complaints.push(line)
      })
    }
    const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null
    await until(
      () => isReady() || isOver(),
      () => `Apache Kafka: ${this.output.tail(40)}`,
      START_LIMIT_MS,
    )
    if (isOver()) throw new Error(`Apache Kafka ended: ${this.output.tail(60)}`)
  }

  async stop(): Promise<void> {
    this.signal('SIGTERM')
    if (!(await exited(this.#child!, STOP_LIMIT_MS))) throw new Error(this.output.tail(40))
    running.delete(this)
  }

  signal(signal: NodeJS.Signals): void {
    this.#child!.kill(signal)
  }

  async kill9(): Promise<void> {
    this.signal('SIGKILL')
    await exited(this.#child!)
    running.delete(this)
  }
}
