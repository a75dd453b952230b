import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { freePorts } from '../support/ports.ts'
import { type Apache, apacheIn } from './apache.ts'
import type { Client } from './client.ts'
import { Restartable, pause } from './processes.ts'

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

const kafkaKind = (options: BrokerOptions, address: string, controllerPort: number): Kind => {
  const { directory } = options
  const properties = path.join(directory, 'server.properties')
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
  const [port, controllerPort] = await freePorts(2)
  const address = `127.0.0.1:${port}`
  const kind =
    name === 'kafka'
      ? kafkaKind(options, address, controllerPort!)
      : (name === 'ottla' ? ottlaKind : sinkKind)(options, address)
  await kind.prepare()
  const process = new Restartable(name, () => kind.spawn())
  return {
    name,
    address,
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
      const probe = options.client.call<Served>('probe', address, flags, limitMs, abort.signal)
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
