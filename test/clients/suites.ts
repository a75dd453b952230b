import path from 'node:path'
import zlib from 'node:zlib'
import { type Codec, type Driver, startDriver } from './driver.ts'
import { kcatDriver } from './kcat.ts'
import { streamsScenario } from './streams.ts'
import { toolsScenario } from './tools.ts'
import { type RecordLimits } from './records.ts'
import { type SuiteRun, scenario } from './scenario.ts'
import {
  goBinary,
  goMissing,
  installed,
  java,
  javaMissing,
  python,
  pythonMissing,
  sourceDirectory,
  streamsMissing,
} from './toolchains.ts'

/** The tests of one client. */
export interface Suite {
  readonly name: string
  /** Broker settings that the suite needs. */
  readonly settings?: Readonly<Record<string, string>>
  /** Resolves to null when the client is there (made ready if need be), else to what is missing. */
  missing(): Promise<string | null>
  run(run: SuiteRun): Promise<void>
}

interface Program {
  readonly name: string
  readonly command: readonly string[]
  readonly codecs: readonly Codec[]
  readonly idempotent: boolean
  readonly retriesReorder?: boolean
  readonly transactions?: boolean
  readonly hangsAfterRestart?: boolean
  readonly records?: RecordLimits
  readonly environment?: NodeJS.ProcessEnv
  missing(): Promise<string | null>
}

/** A suite of the common scenario for a client whose driver is a program. */
const programSuite = (program: Program): Suite => ({
  name: program.name,
  missing: () => program.missing(),
  run: ({ broker, step, keep }) => {
    const { name, command, environment } = program
    const driver = (): Driver => keep(startDriver(name, command, broker.bootstrap, environment))
    return scenario(broker, { ...program, driver }, step)
  },
})

const here = import.meta.dirname
const allCodecs: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const present = (): Promise<null> => Promise.resolve(null)

const javascript = (name: string, codecs: readonly Codec[], more: Partial<Program> = {}): Suite =>
  programSuite({
    name,
    command: [process.execPath, path.join(here, 'drivers', `${name}.js`)],
    codecs,
    idempotent: true,
    missing: present,
    ...more,
  })

const kcat: Suite = {
  name: 'kcat',
  // kcat can't say how many partitions a topic is to have.
  settings: { 'num.partitions': '6' },
  missing: () => installed('kcat', '-V'),
  run: ({ broker, step, keep }) =>
    scenario(
      broker,
      {
        codecs: allCodecs,
        // kcat ends when the last broker is gone, and what it was unsure of is sent again by another process.
        idempotent: false,
        records: { sharedHeaders: true, noNulls: true },
        driver: () => keep(kcatDriver(broker.bootstrap)),
      },
      step,
    ),
}

const pythonClient = (name: string, driver: string, more: Partial<Program> = {}): Suite =>
  programSuite({
    name,
    command: [python, '-u', path.join(sourceDirectory, 'python', driver)],
    codecs: allCodecs,
    idempotent: true,
    missing: pythonMissing,
    ...more,
  })

const goClient = (name: string, idempotent: boolean, more: Partial<Program> = {}): Suite =>
  programSuite({
    name,
    command: [goBinary(name)],
    codecs: allCodecs,
    idempotent,
    missing: goMissing,
    ...more,
  })

const javaClient: Suite = programSuite({
  name: 'java',
  command: [...java(), 'Driver'],
  codecs: allCodecs,
  idempotent: true,
  transactions: true,
  missing: javaMissing,
})

const apacheTools: Suite = {
  name: 'apache-tools',
  missing: javaMissing,
  run: toolsScenario,
}

const kafkaStreams: Suite = {
  name: 'kafka-streams',
  missing: streamsMissing,
  run: streamsScenario,
}

/** @platformatic/kafka has zstd where Node has it. */
const zstdInNode = 'zstdCompressSync' in zlib

/** All suites, the slowest first. */
export const suites: readonly Suite[] = [
  kafkaStreams,
  apacheTools,
  javaClient,
  javascript('kafkajs', allCodecs, { transactions: true }),
  javascript('platformatic', zstdInNode ? allCodecs : allCodecs.slice(0, 4)),
  kcat,
  // librdkafka waits before it sends again what failed, but not with what comes after.
  pythonClient('confluent-kafka', 'confluent_driver.py', {
    retriesReorder: true,
    transactions: true,
    // librdkafka sends no TxnOffsetCommit any more.
    hangsAfterRestart: true,
  }),
  pythonClient('kafka-python', 'kafka_python_driver.py'),
  pythonClient('aiokafka', 'aiokafka_driver.py'),
  goClient('franz-go', true, { transactions: true }),
  goClient('sarama', true),
  goClient('kafka-go', false),
]
