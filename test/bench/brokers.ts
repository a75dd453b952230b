import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { freePorts } from '../support/ports.ts'
import { type Apache, apacheIn } from './apache.ts'
import type { Client } from './client.ts'
import { Restartable, pause } from './processes.ts'
import type { Secured } from './secured.ts'

export type BrokerName = 'ottla' | 'kafka' | 'sink'

/** What workloads run on: a broker, or several of one kind. */
export interface Loaded {
  readonly name: BrokerName
  readonly address: string
  /** What is kept is in here. */
  readonly directory: string
  /** The running processes; throws when there is none. */
  pids(): readonly number[]
}

/** A broker process that can be started again on its own directory and port. */
export interface Broker extends Loaded {
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
  /** Where it is reached in the clear, as other brokers would reach it; the same unless it has a listener of another kind. */
  readonly plainAddress: string
}

export interface BrokerOptions {
  readonly client: Client
  /** A directory that does not exist yet. */
  readonly directory: string
  /** Flags of Node's for Ottla's process. */
  readonly nodeFlags: readonly string[]
  /** `address` is a listener of that kind then. */
  readonly secured?: Secured
  /** More settings, of Ottla and of Apache Kafka alike. */
  readonly settings?: Readonly<Record<string, string>>
}

/** Where a broker is to listen, as `host:port`. */
interface Addresses {
  readonly address: string
  readonly plain: string
  readonly controller: string
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

/**
 * A topic's files go soon after the topic, so that the page cache's memory is used again: with the default, a minute, each
 * interval would write to memory that no one has touched before.
 */
const deletesSoon = 'log.segment.delete.delay.ms=500'
/** A compacted topic is looked at often, so that the cleaner is at work for as long as a measurement takes. */
const cleansOften = 'log.cleaner.backoff.ms=200'
/** By then they are gone. */
export const deletedMs = 1_500

/** As `listeners` has them: first the one that clients use. */
const listenersOf = ({ secured }: BrokerOptions, { address, plain }: Addresses): string =>
  secured === undefined
    ? `PLAINTEXT://${plain}`
    : `${secured.protocol}://${address},PLAINTEXT://${plain}`

const settingsOf = ({ secured, settings }: BrokerOptions): string[] =>
  Object.entries({ ...secured?.settings, ...settings }).map(([name, value]) => `${name}=${value}`)

const sinkKind = ({ client, secured }: BrokerOptions, { address }: Addresses): Kind => ({
  prepare: async () => {},
  spawn: () => {
    const flags = Object.entries({ address, ...secured?.sinkFlags })
    return spawn(client.program, ['sink', ...flags.map(([name, value]) => `-${name}=${value}`)])
  },
})

const ottlaKind = (options: BrokerOptions, addresses: Addresses): Kind => {
  const settings = [
    `listeners=${listenersOf(options, addresses)}`,
    `log.dirs=${options.directory}`,
    deletesSoon,
    cleansOften,
    ...settingsOf(options),
  ]
  const set = settings.flatMap((setting) => ['--set', setting])
  return {
    prepare: async () => {},
    spawn: () => spawn(process.execPath, [...options.nodeFlags, 'bin/ottla', 'start', ...set]),
  }
}

const kafkaKind = (options: BrokerOptions, addresses: Addresses): Kind => {
  const { directory } = options
  const properties = path.join(directory, 'server.properties')
  const { controller } = addresses
  const listeners = listenersOf(options, addresses)
  const settings = [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@${controller}`,
    'controller.listener.names=CONTROLLER',
    `listeners=${listeners},CONTROLLER://${controller}`,
    `advertised.listeners=${listeners}`,
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT',
    `log.dirs=${path.join(directory, 'data')}`,
    deletesSoon,
    cleansOften,
    'offsets.topic.replication.factor=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    ...settingsOf(options),
  ]
  let apache: Apache | null = null
  return {
    prepare: async () => {
      await mkdir(directory, { recursive: true })
      await writeFile(properties, `${settings.join('\n')}\n`)
      apache = await apacheIn(directory)
      // Formatting is a run of the JVM of its own. It is done once, is not part of any measured start, and what it
      // writes serves every directory.
      const formatted = path.join(path.dirname(directory), 'kafka-formatted')
      if (!existsSync(formatted)) {
        await apache.format('b3R0bGEtYmVuY2gtMDAwMQ', properties)
        await cp(path.join(directory, 'data'), formatted, { recursive: true })
      } else await cp(formatted, path.join(directory, 'data'), { recursive: true })
    },
    spawn: () => apache!.serve(properties),
  }
}

/** Prepares a directory for a broker; it is not started yet. */
export const prepareBroker = async (name: BrokerName, options: BrokerOptions): Promise<Broker> => {
  const [address, other, controller] = (await freePorts(3)).map((port) => `127.0.0.1:${port}`) as [
    string,
    string,
    string,
  ]
  const plain = options.secured === undefined ? address : other
  const probed = options.secured?.isOpen === false ? plain : address
  const addresses = { address, plain, controller }
  const kind = { kafka: kafkaKind, ottla: ottlaKind, sink: sinkKind }[name](options, addresses)
  await kind.prepare()
  const process = new Restartable(name, () => kind.spawn())
  return {
    name,
    address,
    plainAddress: plain,
    directory: options.directory,
    pids: () => [process.pid],
    start: async (partitions, acknowledge) => {
      const flags = {
        partitions,
        timeout: `${startLimitMs(partitions)}ms`,
        ...(acknowledge === undefined ? {} : { topic: acknowledge, produce: true }),
      }
      // The probe is up first, so that its own start is not part of what is measured.
      const abort = new AbortController()
      const limitMs = startLimitMs(partitions) + 10_000
      const probe = options.client.call<Served>('probe', probed, flags, limitMs, abort.signal)
      await pause(50)
      const startedMs = performance.timeOrigin + performance.now()
      const ended = process.start()
      ended.catch(() => abort.abort())
      probe.catch(() => {})
      return (await Promise.race([probe, ended])).atMs - startedMs
    },
    residentBytes: () => process.residentBytes(),
    stop: () => process.stop(),
    kill9: () => process.kill9(),
  }
}

/** Removes what brokers left, which for ten thousand partitions takes a while. */
export const removeAll = async (directory: string): Promise<void> => {
  if (!existsSync(directory)) return
  for (const name of await readdir(directory)) {
    await rm(path.join(directory, name), { recursive: true, force: true, maxRetries: 3 })
  }
  await rm(directory, { recursive: true, force: true })
}
