import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { freePorts } from '../support/ports.ts'
import { OutputTail, exited, until } from './wait.ts'

/** A broker that a client suite may kill and bring back. It keeps its port and its data directory. */
export interface BrokerUnderTest {
  /** host:port; the same after every restart. */
  readonly bootstrap: string
  /** The directory that holds the partitions' directories. */
  readonly dataDirectory: string
  /** Starts the broker and resolves when it serves. */
  start(): Promise<void>
  /** Ends the process without a warning and resolves when it is gone. */
  kill9(): Promise<void>
  /** Ends the process in good order, or by force after ten seconds, and removes its data. */
  stop(): Promise<void>
  /** The last lines that the broker printed, for a failure's report. */
  tail(): string
}

interface Launch {
  readonly bootstrap: string
  readonly directory: string
  readonly dataDirectory: string
  readonly ready: RegExp
  readonly startLimitMs: number
  /** Made once, before the first start. */
  prepare(output: OutputTail): Promise<void>
  spawn(): ChildProcess
}

const brokerOf = (launch: Launch): BrokerUnderTest => {
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
    dataDirectory: launch.dataDirectory,
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

type Settings = Readonly<Record<string, string>>

const ottla = (directory: string, port: number, settings: Settings): Launch => {
  const dataDirectory = path.join(directory, 'data')
  const all = { listeners: `PLAINTEXT://127.0.0.1:${port}`, 'log.dirs': dataDirectory, ...settings }
  const set = Object.entries(all).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  return {
    bootstrap: `127.0.0.1:${port}`,
    directory,
    dataDirectory,
    ready: /^ottla ready on /m,
    startLimitMs: 30_000,
    prepare: () => mkdir(directory, { recursive: true }).then(() => {}),
    spawn: () =>
      spawn(process.execPath, ['bin/ottla', 'start', ...set], {
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
  }
}

const log4j = `status=error
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{HH:mm:ss.SSS} %p %c{1} %m%n
rootLogger.level=info
rootLogger.appenderRef.console.ref=console
`

const apache = (directory: string, ports: readonly number[], settings: Settings): Launch => {
  const jars = process.env['OTTLA_KAFKA_JARS']
  if (jars === undefined) throw new Error('OTTLA_KAFKA_JARS must name the folder of Kafka’s jars')
  const [port, controllerPort] = ports as [number, number]
  const dataDirectory = path.join(directory, 'data')
  const properties = path.join(directory, 'server.properties')
  const logging = path.join(directory, 'log4j2.properties')
  const all = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': dataDirectory,
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '5',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '5',
    ...settings,
  }
  const java = (main: string, ...args: string[]): ChildProcess => {
    const options = ['-Xmx768m', `-Dlog4j2.configurationFile=${logging}`, '-cp', `${jars}/*`]
    return spawn('java', [...options, main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  }
  return {
    bootstrap: `127.0.0.1:${port}`,
    directory,
    dataDirectory,
    ready: /Kafka Server started/,
    startLimitMs: 90_000,
    prepare: async (output) => {
      await mkdir(directory, { recursive: true })
      const lines = Object.entries(all).map(([name, value]) => `${name}=${value}\n`)
      await writeFile(properties, lines.join(''))
      await writeFile(logging, log4j)
      const format = java(
        'kafka.tools.StorageTool',
        'format',
        '-t',
        'AAAAAAAAQACAAAAAAAAAAQ',
        '-c',
        properties,
      )
      output.follow(format)
      await exited(format, 60_000)
      if (format.exitCode !== 0) throw new Error('the storage directory could not be formatted')
    },
    spawn: () => java('kafka.Kafka', properties),
  }
}

/** Apache Kafka, from the jars in OTTLA_KAFKA_JARS. */
export const apacheUnderTest = async (
  directory: string,
  settings: Settings,
): Promise<BrokerUnderTest> => brokerOf(apache(directory, await freePorts(2), settings))

/**
 * The broker that the suites test: Ottla, or with OTTLA_CLIENTS_BROKER=apache Apache Kafka from the jars in
 * OTTLA_KAFKA_JARS, which shows that what a suite expects is what Kafka does.
 * @param settings broker settings beyond those that the harness needs
 */
export const brokerUnderTest = async (
  directory: string,
  settings: Settings,
): Promise<BrokerUnderTest> => {
  if (process.env['OTTLA_CLIENTS_BROKER'] === 'apache') return apacheUnderTest(directory, settings)
  const [port] = await freePorts(1)
  return brokerOf(ottla(directory, port!, settings))
}

/** The partition directories of a topic, as the broker keeps them. */
export const partitionDirectories = async (
  broker: BrokerUnderTest,
  topic: string,
): Promise<string[]> => {
  const names = await readdir(broker.dataDirectory)
  return names
    .filter((name) => name.startsWith(`${topic}-`) && /^\d+$/.test(name.slice(topic.length + 1)))
    .map((name) => path.join(broker.dataDirectory, name))
}
