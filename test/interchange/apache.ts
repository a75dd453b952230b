import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { startDriver, type Driver } from '../clients/driver.ts'
import { DRIVER_SOURCES } from '../clients/toolchains.ts'
import { OutputTail, exited, until } from '../clients/wait.ts'
import { APACHE_LOGGING } from '../support/apache-logging.ts'
import { freePorts } from '../support/ports.ts'
import { quickJava } from '../support/quick-java.ts'

/** A release of Apache Kafka: the folder of its jars, undefined where the machine hasn't got it. */
export interface Release {
  readonly variable: string
  readonly jars: string | undefined
}

const release = (variable: string): Release => ({ variable, jars: process.env[variable] })
/** The one that Ottla is measured by. */
export const NEWEST = release('OTTLA_KAFKA_JARS')
/** The one before it, 4.3.1: it formats a directory otherwise (KIP-1170), at the metadata.version it knows. */
export const OLDER = release('OTTLA_OLD_KAFKA_JARS')

const run = promisify(execFile)
const MEMORY = '-Xmx512m'
const START_LIMIT_MS = 180_000
const FORMAT_LIMIT_MS = 120_000
const STOP_LIMIT_MS = 60_000

/**
 * A test group that needs Apache Kafka itself, in these releases; left out with a word where one isn't here, a failure
 * where it must be.
 */
export function describeWithApache(
  name: string,
  tests: () => void,
  releases: readonly Release[] = [NEWEST],
): void {
  const missing = releases.find(({ jars }) => jars === undefined)?.variable
  if (missing === undefined) describe(name, tests)
  else if (process.env['OTTLA_REQUIRE_CLIENTS'] !== undefined) {
    test(name, () => {
      throw new Error(`${missing} does not name the folder of Apache Kafka’s jars`)
    })
  } else {
    test.skip(`${name} (needs ${missing}, the folder of its jars, and Java)`, () => undefined)
  }
}

/** What both brokers are told: few partitions to open, and to clean, delete and keep checkpoints often. */
export const SETTINGS: Readonly<Record<string, string>> = {
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '3',
  'group.initial.rebalance.delay.ms': '0',
  'log.flush.offset.checkpoint.interval.ms': '500',
  'log.cleaner.backoff.ms': '200',
  'log.initial.task.delay.ms': '200',
  'log.retention.check.interval.ms': '500',
  'log.flush.start.offset.checkpoint.interval.ms': '500',
}

/** Of a node that is both broker and controller. */
export const APACHE_SETTINGS: Readonly<Record<string, string>> = {
  ...SETTINGS,
  'process.roles': 'broker,controller',
  'node.id': '1',
  'controller.listener.names': 'CONTROLLER',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '3',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'share.coordinator.state.topic.num.partitions': '2',
  'log.cleaner.dedupe.buffer.size': '4194304',
}

export interface RunningNode extends RunningProcess {
  readonly bootstrap: string
  /** The port of its controller, where it is one. */
  readonly controllerPort?: number
}

export interface RunningProcess {
  /** Ends it in good order. */
  stop(): Promise<void>
  kill9(): Promise<void>
  tail(): string
}

const running = new Set<() => Promise<void>>()

/** Ends what a test that failed has left running; for afterAll. */
export async function killApache(): Promise<void> {
  await Promise.all(Array.from(running, (kill) => kill()))
}

/** Formats a directory as `kafka-storage format --standalone` does. */
export async function formatApache(directory: string, { jars } = NEWEST): Promise<void> {
  const configuration = writeConfiguration(combinedNode(directory, [1, 2]))
  try {
    const args = [
      'format',
      '--standalone',
      '-t',
      'AAAAAAAAQACAAAAAAAAAAQ',
      '-c',
      configuration.path,
    ]
    await run('java', [MEMORY, ...quickJava(jars), 'kafka.tools.StorageTool', ...args], {
      timeout: FORMAT_LIMIT_MS,
    })
  } finally {
    configuration.remove()
  }
}

/** Formats a controller of a static quorum, unless it is formatted. */
export async function formatApacheController(
  clusterId: string,
  settings: Readonly<Record<string, string>>,
  { jars } = NEWEST,
): Promise<void> {
  const configuration = writeConfiguration(settings)
  try {
    const args = ['format', '--ignore-formatted', '-t', clusterId, '-c', configuration.path]
    await run('java', [MEMORY, ...quickJava(jars), 'kafka.tools.StorageTool', ...args], {
      timeout: FORMAT_LIMIT_MS,
    })
  } finally {
    configuration.remove()
  }
}

/** Starts an Apache Kafka broker on a directory, whoever wrote it, as the node that it belongs to. */
export async function startApache(directory: string, release = NEWEST): Promise<RunningNode> {
  const ports = await freePorts(2)
  const node = await startApacheNode(combinedNode(directory, ports), release)
  return { ...node, bootstrap: `127.0.0.1:${ports[0]}`, controllerPort: ports[1]! }
}

/** Starts an Apache Kafka node of whatever roles with these settings; resolves when it says that it has started. */
export async function startApacheNode(
  settings: Readonly<Record<string, string>>,
  { jars } = NEWEST,
): Promise<RunningProcess> {
  const configuration = writeConfiguration(settings)
  const options = [MEMORY, `-Dlog4j2.configurationFile=${configuration.logging}`]
  const child = spawn('java', [...options, ...quickJava(jars), 'kafka.Kafka', configuration.path], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = new OutputTail()
  const ready = output.watch(/Kafka Server started/)
  output.follow(child)
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal)
    if (!(await exited(child, STOP_LIMIT_MS))) child.kill('SIGKILL')
    await exited(child)
    configuration.remove()
    running.delete(kill)
  }
  const kill = (): Promise<void> => end('SIGKILL')
  running.add(kill)
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null
  const state = (): string => `Apache Kafka to start: ${output.tail(30)}`
  await until(() => ready() || isOver(), state, START_LIMIT_MS)
  if (isOver()) throw new Error(`Apache Kafka ended: ${output.tail(60)}`)
  return {
    stop: async () => {
      await end('SIGTERM')
      if (child.signalCode === 'SIGKILL') throw new Error(`It did not stop: ${output.tail(30)}`)
    },
    kill9: kill,
    tail: () => output.tail(40),
  }
}

/** A node that is a cluster of its own: its clients' port, and its controller's. */
function combinedNode(directory: string, [port, controllerPort]: readonly number[]) {
  const listeners = `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`
  return {
    ...APACHE_SETTINGS,
    listeners,
    'advertised.listeners': listeners,
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    'log.dirs': directory,
  }
}

function writeConfiguration(settings: Readonly<Record<string, string>>) {
  const place = mkdtempSync(join(tmpdir(), 'ottla-apache-'))
  const path = join(place, 'server.properties')
  const logging = join(place, 'log4j2.properties')
  writeFileSync(path, propertiesText(settings))
  writeFileSync(logging, APACHE_LOGGING)
  return { path, logging, remove: () => rmSync(place, { recursive: true, force: true }) }
}

/** The text of a settings file. */
export function propertiesText(settings: Readonly<Record<string, string | number>>): string {
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
  return lines.join('')
}

/**
 * The program of Apache's newest clients that writes and observes, java/Interchange.java; compiled to a directory given.
 */
export async function startInterchange(classes: string): Promise<Driver> {
  const sources = ['test/interchange/java/Interchange.java', 'test/clients/java/src/Protocol.java']
  return startDriver('Interchange', await compile(classes, 'Interchange', sources), '')
}

/**
 * The driver of Apache's newest clients that the client suites have, compiled to a directory given; resolves to what
 * starts a process of it.
 */
export async function compileJavaDriver(classes: string): Promise<(bootstrap: string) => Driver> {
  const sources = DRIVER_SOURCES.map((name) => `test/clients/java/src/${name}`)
  const command = await compile(classes, 'Driver', sources)
  return (bootstrap) => startDriver('java', command, bootstrap)
}

/** @returns the command of the compiled program */
async function compile(
  classes: string,
  program: string,
  sources: readonly string[],
): Promise<readonly string[]> {
  const { jars } = NEWEST
  await run('javac', ['-nowarn', '-d', classes, '-cp', `${jars}/*`, ...sources])
  const logging = resolve('test/clients/java/src/log4j2.properties')
  const options = [MEMORY, `-Dlog4j2.configurationFile=${logging}`]
  return ['java', ...options, ...quickJava(jars, classes), program]
}
