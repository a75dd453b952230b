import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { type Client, cacheDirectory, outcome } from './client.ts'

export type BrokerName = 'ottla' | 'kafka' | 'sink'

/** A broker process that can be started again on its own directory and port. */
export interface Broker {
  readonly name: BrokerName
  readonly address: string
  /** What the broker keeps is in here. */
  readonly directory: string
  /** The running process; throws when there is none. */
  pid(): number
  /**
   * Starts the process and waits for the first Metadata answer in which so many partitions have a leader; with
   * `acknowledge`, until a record to that topic was acknowledged too.
   * @returns milliseconds from the start of the process
   */
  start(partitions: number, acknowledge?: string): Promise<number>
  /** Resident memory in bytes. */
  residentBytes(): number
  /** Ends the process in good order, by force after two minutes. */
  stop(): Promise<void>
  kill9(): Promise<void>
}

export interface BrokerOptions {
  readonly client: Client
  /** A directory that does not exist yet. */
  readonly directory: string
  /** Flags of Node's for Ottla's process. */
  readonly nodeFlags: readonly string[]
}

/** How a kind of broker is brought up. */
interface Kind {
  prepare(): Promise<void>
  spawn(): ChildProcess
}

/** When a probe was served, in milliseconds since 1970. */
interface Served {
  readonly atMs: number
}

/** A start with ten thousand partitions may take minutes on a busy machine. */
const startLimitMs = (partitions: number): number => 60_000 + 20 * partitions

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms))

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })

/**
 * A topic's files go soon after the topic, so that the page cache's memory is used again: with the default, a minute, each
 * interval would write to memory that no one has touched before.
 */
const deletesSoon = 'log.segment.delete.delay.ms=500'
/** A compacted topic is looked at often, so that the cleaner is at work for as long as a measurement takes. */
const cleansOften = 'log.cleaner.backoff.ms=200'
/** By then they are gone. */
export const deletedMs = 1_500

const sinkKind = (options: BrokerOptions, address: string): Kind => ({
  prepare: async () => {},
  spawn: () => spawn(options.client.program, ['sink', `-address=${address}`]),
})

const ottlaKind = (options: BrokerOptions, address: string): Kind => ({
  prepare: async () => {},
  spawn: () =>
    spawn(process.execPath, [
      ...options.nodeFlags,
      'bin/ottla',
      'start',
      '--set',
      `listeners=PLAINTEXT://${address}`,
      '--set',
      `log.dirs=${options.directory}`,
      '--set',
      deletesSoon,
      '--set',
      cleansOften,
    ]),
})

/** The folder of Apache Kafka's jars: OTTLA_KAFKA_JARS, or one that Maven fills once. */
const kafkaJars = async (): Promise<string> => {
  const given = process.env['OTTLA_KAFKA_JARS']
  if (given !== undefined) return given
  const folder = path.join(cacheDirectory(), 'apache-kafka-4.4.0')
  const complete = path.join(folder, '.complete')
  for (let attempt = 1; !existsSync(complete); attempt += 1) {
    const pom = path.resolve('test/bench/apache-kafka/pom.xml')
    const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${folder}`]
    const fetched = await outcome(spawn('mvn', ['-q', '-B', '-f', pom, ...goal]), 600_000)
    if (fetched.code === 0) await writeFile(complete, '')
    else if (attempt === 3) {
      throw new Error(`Maven could not fetch Apache Kafka (or set OTTLA_KAFKA_JARS to a folder of
its jars): ${fetched.output.slice(-2000)}${fetched.errors.slice(-2000)}`)
    } else await pause(2_000 * attempt)
  }
  return folder
}

const log4j = `status=error
appender.console.type=Console
appender.console.name=console
appender.console.target=SYSTEM_ERR
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%p %c{1} %m%n
rootLogger.level=warn
rootLogger.appenderRef.console.ref=console
`

/** The heap that the comparison is held with, and the collector that Apache Kafka's own start script asks for. */
const javaFlags = [
  '-Xmx1g',
  '-server',
  '-XX:+UseG1GC',
  '-XX:MaxGCPauseMillis=20',
  '-XX:InitiatingHeapOccupancyPercent=35',
  '-Djava.awt.headless=true',
]

const kafkaKind = (options: BrokerOptions, address: string, controllerPort: number): Kind => {
  const { directory } = options
  const properties = path.join(directory, 'server.properties')
  const logging = path.join(directory, 'log4j2.properties')
  const controller = `127.0.0.1:${controllerPort}`
  const settings = [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@${controller}`,
    'controller.listener.names=CONTROLLER',
    `listeners=PLAINTEXT://${address},CONTROLLER://${controller}`,
    `advertised.listeners=PLAINTEXT://${address}`,
    `log.dirs=${path.join(directory, 'data')}`,
    deletesSoon,
    cleansOften,
    'offsets.topic.replication.factor=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
  ]
  let jars = ''
  const java = (flags: readonly string[], main: string, ...parameters: string[]): ChildProcess =>
    spawn('java', [
      ...flags,
      `-Dlog4j2.configurationFile=${logging}`,
      '-cp',
      path.join(jars, '*'),
      main,
      ...parameters,
    ])
  return {
    prepare: async () => {
      jars = await kafkaJars()
      await mkdir(directory, { recursive: true })
      await writeFile(properties, `${settings.join('\n')}\n`)
      await writeFile(logging, log4j)
      // Formatting is a run of the JVM of its own. It is done once, is not part of any measured start, and what it
      // writes serves every directory.
      const formatted = path.join(path.dirname(directory), 'kafka-formatted')
      if (!existsSync(formatted)) {
        const format = ['format', '-t', 'b3R0bGEtYmVuY2gtMDAwMQ', '-c', properties]
        const ended = await outcome(java([], 'kafka.tools.StorageTool', ...format), 60_000)
        if (ended.code !== 0) throw new Error(`Apache Kafka cannot format: ${ended.errors}`)
        await cp(path.join(directory, 'data'), formatted, { recursive: true })
      } else await cp(formatted, path.join(directory, 'data'), { recursive: true })
    },
    spawn: () => java(javaFlags, 'kafka.Kafka', properties),
  }
}

const alive = new Set<ChildProcess>()

/** Ends all brokers by force: for a benchmark that is interrupted. */
export const killAll = (): void => {
  for (const child of alive) child.kill('SIGKILL')
}

const running = (name: string, child: ChildProcess | null): number => {
  if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
    throw new Error(`${name} is not running`)
  }
  return child.pid
}

const ended = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

const end = async (child: ChildProcess, signal: NodeJS.Signals, limitMs: number): Promise<void> => {
  if (ended(child)) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  const force = setTimeout(() => child.kill('SIGKILL'), limitMs)
  await gone
  clearTimeout(force)
}

/** Prepares a directory for a broker; it is not started yet. */
export const prepareBroker = async (name: BrokerName, options: BrokerOptions): Promise<Broker> => {
  const address = `127.0.0.1:${await freePort()}`
  const kind =
    name === 'kafka'
      ? kafkaKind(options, address, await freePort())
      : (name === 'ottla' ? ottlaKind : sinkKind)(options, address)
  await kind.prepare()
  let child: ChildProcess | null = null
  let printed = ''
  const note = (text: string): void => {
    printed = (printed + text).slice(-4000)
  }
  const stopWith = async (signal: NodeJS.Signals): Promise<void> => {
    if (child !== null) await end(child, signal, 120_000)
    child = null
  }
  return {
    name,
    address,
    directory: options.directory,
    pid: () => running(name, child),
    start: async (partitions, acknowledge) => {
      const flags = {
        partitions,
        timeout: `${startLimitMs(partitions)}ms`,
        ...(acknowledge === undefined ? {} : { topic: acknowledge, produce: true }),
      }
      // The probe is up first, so that its own start is not part of what is measured.
      const abort = new AbortController()
      const limitMs = startLimitMs(partitions) + 10_000
      const probe = options.client.call<Served>('probe', address, flags, limitMs, abort.signal)
      await pause(50)
      const startedMs = performance.timeOrigin + performance.now()
      const started = kind.spawn()
      child = started
      alive.add(started)
      started.once('exit', () => alive.delete(started))
      started.stdout?.setEncoding('utf8').on('data', note)
      started.stderr?.setEncoding('utf8').on('data', note)
      const early = new Promise<never>((_, reject) => {
        started.once('error', reject)
        started.once('exit', () => {
          reject(new Error(`${name} ended before it served: ${printed.trim()}`))
          abort.abort()
        })
      })
      early.catch(() => {})
      probe.catch(() => {})
      return (await Promise.race([probe, early])).atMs - startedMs
    },
    residentBytes: () => residentBytes(running(name, child)),
    stop: () => stopWith('SIGTERM'),
    kill9: () => stopWith('SIGKILL'),
  }
}

const residentBytes = (pid: number): number => {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  if (found === null) throw new Error(`/proc/${pid}/status names no VmRSS`)
  return Number(found[1]) * 1024
}

/** Removes what brokers left, which for ten thousand partitions takes a while. */
export const removeAll = async (directory: string): Promise<void> => {
  if (!existsSync(directory)) return
  for (const name of await readdir(directory)) {
    await rm(path.join(directory, name), { recursive: true, force: true, maxRetries: 3 })
  }
  await rm(directory, { recursive: true, force: true })
}
