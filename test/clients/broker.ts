import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { APACHE_LOGGING } from '../support/apache-logging.ts'
import { freePorts } from '../support/ports.ts'
import { quickJava } from '../support/quick-java.ts'
import { OutputTail, exited, until } from './wait.ts'

/** A process, or several, that a client suite may kill and bring back. They keep their ports and their data directories. */
export interface NodeUnderTest {
  /** host:port, of several nodes with commas between; the same after every restart. */
  readonly bootstrap: string
  /** Starts what doesn't run and resolves when all serve. */
  start(): Promise<void>
  /** Ends the process without a warning and resolves when it is gone. */
  kill9(): Promise<void>
  /** Ends the process in good order, or by force after ten seconds, and removes its data. */
  stop(): Promise<void>
  /** The last lines that were printed, for a failure's report. */
  tail(): string
}

/** What a client suite tests: a broker, or several that are one cluster. */
export interface BrokerUnderTest extends NodeUnderTest {
  /** How many brokers there are. */
  readonly brokers: number
  /**
   * Kills the broker, of several the one that leads the first partition of a topic, and brings it back.
   * @param meanwhile what several brokers must be able to do while one of them is gone
   */
  crash(topic: string, meanwhile?: () => Promise<void>): Promise<void>
  /** Has something done while no broker is killed. */
  calmly<Result>(run: () => Promise<Result>): Promise<Result>
  /** The directories of a topic's partitions, of several brokers those of the partitions' leaders. */
  partitionDirectories(topic: string): Promise<string[]>
}

/** A broker that is a cluster by itself. */
export interface LoneBroker extends BrokerUnderTest {
  /** The directory that holds the partitions' directories. */
  readonly dataDirectory: string
}

/** How a node's process is started. */
export interface Launch {
  readonly bootstrap: string
  readonly directory: string
  readonly ready: RegExp
  readonly startLimitMs: number
  /** Made once, before the first start. */
  prepare(output: OutputTail): Promise<void>
  spawn(): ChildProcess
}

export const nodeOf = (launch: Launch): NodeUnderTest => {
  const output = new OutputTail()
  let child: ChildProcess | null = null
  let prepared = false
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === null) return
    const dying = child
    child = null
    dying.kill(signal)
    if (signal === 'SIGKILL' || (await exited(dying, 10_000))) return exited(dying).then(() => {})
    dying.kill('SIGKILL')
    await exited(dying)
  }
  return {
    bootstrap: launch.bootstrap,
    start: async () => {
      if (!prepared) await launch.prepare(output)
      prepared = true
      const started = launch.spawn()
      child = started
      output.note('--- broker started')
      const seen = output.watch(launch.ready)
      output.follow(started)
      const ended = (): boolean => started.exitCode !== null || started.signalCode !== null
      await until(() => seen() || ended(), 'the broker to be ready', launch.startLimitMs)
      if (!seen()) throw new Error('the broker ended before it was ready')
    },
    kill9: () => end('SIGKILL'),
    stop: async () => {
      await end('SIGTERM')
      await rm(launch.directory, { recursive: true, force: true })
    },
    tail: () => output.tail(25),
  }
}

export type Settings = Readonly<Record<string, string>>

const aloneOf = (launch: Launch): LoneBroker => {
  const node = nodeOf(launch)
  const dataDirectory = dataDirectoryIn(launch.directory)
  return {
    ...node,
    brokers: 1,
    dataDirectory,
    crash: async () => {
      await node.kill9()
      await node.start()
    },
    calmly: (run) => run(),
    partitionDirectories: (topic) => partitionDirectories(dataDirectory, topic),
  }
}

/** Where a node has the directories of its partitions. */
export const dataDirectoryIn = (directory: string): string => path.join(directory, 'data')

/** A node of Ottla's on a port, with its data in a directory below. */
export const ottla = (directory: string, port: number, settings: Settings): Launch => {
  const own = {
    listeners: `PLAINTEXT://127.0.0.1:${port}`,
    'log.dirs': dataDirectoryIn(directory),
  }
  const all = { ...own, ...settings }
  const set = Object.entries(all).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  return {
    bootstrap: `127.0.0.1:${port}`,
    directory,
    ready: /^ottla ready on /m,
    startLimitMs: 120_000,
    prepare: () => mkdir(directory, { recursive: true }).then(() => {}),
    spawn: () =>
      spawn(process.execPath, ['bin/ottla', 'start', ...set], {
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
  }
}

/** A node of Apache Kafka's on a port, with its controller on another one. */
export const apache = (directory: string, ports: readonly number[], settings: Settings): Launch => {
  const jars = process.env['OTTLA_KAFKA_JARS']
  if (jars === undefined) throw new Error('OTTLA_KAFKA_JARS must name the folder of Kafka’s jars')
  const [port, controllerPort] = ports as [number, number]
  const properties = path.join(directory, 'server.properties')
  const logging = path.join(directory, 'log4j2.properties')
  const all = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': dataDirectoryIn(directory),
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '5',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '5',
    ...settings,
  }
  const java = (main: string, ...args: string[]): ChildProcess => {
    const options = ['-Xmx768m', `-Dlog4j2.configurationFile=${logging}`, ...quickJava(jars)]
    return spawn('java', [...options, main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  }
  return {
    bootstrap: `127.0.0.1:${port}`,
    directory,
    ready: /Kafka Server started/,
    startLimitMs: 180_000,
    prepare: async (output) => {
      await mkdir(directory, { recursive: true })
      const lines = Object.entries(all).map(([name, value]) => `${name}=${value}\n`)
      await writeFile(properties, lines.join(''))
      await writeFile(logging, APACHE_LOGGING)
      const format = java(
        'kafka.tools.StorageTool',
        'format',
        '-t',
        'AAAAAAAAQACAAAAAAAAAAQ',
        '-c',
        properties,
      )
      output.follow(format)
      await exited(format, 300_000)
      if (format.exitCode !== 0) throw new Error('the storage directory could not be formatted')
    },
    spawn: () => java('kafka.Kafka', properties),
  }
}

/** Apache Kafka, from the jars in OTTLA_KAFKA_JARS. */
export const apacheUnderTest = async (directory: string, settings: Settings): Promise<LoneBroker> =>
  aloneOf(apache(directory, await freePorts(2), settings))

/** Whether the suites test Apache Kafka. */
export const isApacheTested = process.env['OTTLA_CLIENTS_BROKER'] === 'apache'

/**
 * The broker that the suites test: Ottla, or with OTTLA_CLIENTS_BROKER=apache Apache Kafka from the jars in
 * OTTLA_KAFKA_JARS, which shows that what a suite expects is what Kafka does.
 * @param settings broker settings beyond those that the harness needs
 */
export const brokerUnderTest = async (
  directory: string,
  settings: Settings,
): Promise<LoneBroker> => {
  if (isApacheTested) return apacheUnderTest(directory, settings)
  const [port] = await freePorts(1)
  return aloneOf(ottla(directory, port!, settings))
}

/** The directories of a topic's partitions among those of a node. */
const partitionDirectories = async (dataDirectory: string, topic: string): Promise<string[]> => {
  const names = await readdir(dataDirectory)
  return names
    .filter((name) => name.startsWith(`${topic}-`) && /^\d+$/.test(name.slice(topic.length + 1)))
    .map((name) => path.join(dataDirectory, name))
}
