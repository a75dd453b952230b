import zlib from 'node:zlib'
import { scale } from '../soak.ts'
import { type NodeUnderTest, brokerUnderTest, isApacheTested } from './broker.ts'
import { clusterUnderTest } from './cluster.ts'
import { connectScenario } from './connect.ts'
import { deathsScenario } from './deaths.ts'
import { type Codec, type Driver, startDriver } from './driver.ts'
import { kcatDriver } from './kcat.ts'
import { whileKilling } from './killing.ts'
import { driverOf, makingPatiently } from './patient.ts'
import {
  type Program,
  type PythonName,
  goProgram,
  javaProgram,
  javascriptProgram,
  pythonProgram,
} from './programs.ts'
import { atLeastOnceScenario, exactlyOnceScenario } from './streams.ts'
import { threeBrokersScenario } from './three-brokers.ts'
import { ThreeNodes } from './three-nodes.ts'
import { toolsScenario } from './tools.ts'
import { type RecordLimits } from './records.ts'
import { type SuiteRun, scenario } from './scenario.ts'
import { SecuredBroker } from './secured-broker.ts'
import { type SecuredName, securedNames } from './secured-clients.ts'
import { type SecuredClient, securedScenario } from './secured.ts'
import { environmentOf } from './security.ts'
import {
  connectMissing,
  goMissing,
  installed,
  javaMissing,
  pythonMissing,
  streamsMissing,
} from './toolchains.ts'

/** A suite's broker or cluster, not started yet, and the tests that are run against it. */
interface Prepared {
  readonly broker: NodeUnderTest
  run(more: Omit<SuiteRun, 'broker'>): Promise<void>
}

/** The tests of one client against a broker or several. */
export interface Suite {
  readonly name: string
  /** How often it is run where nobody has asked for it by name. */
  readonly rounds: number
  /** Many times what it takes. */
  readonly limitMs: number
  /** Resolves to null when the client is there (made ready if need be), else to what is missing. */
  missing(): Promise<string | null>
  prepare(directory: string): Promise<Prepared>
}

type OnThree = 'always' | 'soak' | 'never'

/** The tests of one client, which need one broker, or three that are killed. */
interface Tests {
  readonly name: string
  /** Whether it has a part about transactions, which is repeated in soak. */
  readonly transactions: boolean
  /** Against three brokers in CI, too, or in soak alone; or never, since the client can't stand that one of them dies. */
  readonly onThree?: OnThree
  /** Of the brokers, beside those of all suites. */
  readonly settings?: Readonly<Record<string, string>>
  missing(): Promise<string | null>
  run(run: SuiteRun): Promise<void>
}

const on =
  <Broker extends NodeUnderTest>(
    open: (directory: string) => Promise<Broker>,
    run: (run: SuiteRun<Broker>) => Promise<void>,
  ): Suite['prepare'] =>
  async (directory) => {
    const broker = await open(directory)
    return { broker, run: (more) => run({ ...more, broker }) }
  }

const settings = { 'group.initial.rebalance.delay.ms': '500' }

/** Against one broker. In soak transactions alone are tested, twenty times. */
const onOne = ({ name, transactions, settings: more, missing, run }: Tests): Suite => ({
  name,
  rounds: transactions ? scale(1, 20) : scale(1, 0),
  limitMs: 1_200_000,
  missing,
  prepare: on((directory) => brokerUnderTest(directory, { ...settings, ...more }), run),
})

/** Against three brokers, of which one after the other is killed and brought back. */
const onThree = ({ name, onThree: when, settings: more, missing, run }: Tests): Suite => ({
  name: `${name}-on-three`,
  rounds: when === 'always' ? 1 : scale(0, 1),
  limitMs: 1_200_000,
  missing,
  prepare: on(
    (directory) => ThreeNodes.make(directory, { ...settings, ...more }),
    (three) => whileKilling(three, run),
  ),
})

interface ProgramTested extends Program {
  readonly codecs: readonly Codec[]
  readonly idempotent: boolean
  readonly retriesReorder?: boolean
  readonly transactions?: boolean
  readonly hangsAfterRestart?: boolean
  readonly unstableOffsets?: boolean
  readonly onThree?: OnThree
  readonly records?: RecordLimits
  /** Its `produce` isn't idempotent. */
  readonly doubles?: boolean
  /** Another program that reads what was committed, where this one shows aborted records. */
  readonly committedReader?: Program
  readonly environment?: NodeJS.ProcessEnv
  missing(): Promise<string | null>
}

/** A suite of the common scenario for a client whose driver is a program. */
const programSuite = (program: ProgramTested): Tests => ({
  name: program.name,
  transactions: program.transactions === true,
  onThree: program.onThree ?? 'soak',
  missing: () => program.missing(),
  run: (run) => {
    const { committedReader: reader } = program
    const driver = ({ name, command }: Program) => driverOf(run, name, command, program)
    const client = {
      ...program,
      driver: () => driver(program),
      committedReader: reader && (() => driver(reader)),
    }
    return scenario(run, client)
  },
})

const allCodecs: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const present = (): Promise<null> => Promise.resolve(null)

const javascript = (
  name: string,
  codecs: readonly Codec[],
  more: Partial<ProgramTested> = {},
): Tests =>
  programSuite({
    ...javascriptProgram(name),
    codecs,
    idempotent: true,
    missing: present,
    ...more,
  })

const kcat: Tests = {
  name: 'kcat',
  transactions: false,
  missing: () => installed('kcat', '-V'),
  run: (run) =>
    scenario(run, {
      codecs: allCodecs,
      // kcat ends when the last broker is gone, and what it was unsure of is sent again by another process.
      idempotent: false,
      records: { sharedHeaders: true, noNulls: true },
      driver: () => run.keep(kcatDriver(run.broker.bootstrap)),
    }),
  // kcat can't say how many partitions a topic is to have.
  settings: { 'num.partitions': '6' },
}

const pythonClient = (name: PythonName, more: Partial<ProgramTested> = {}): Tests =>
  programSuite({
    ...pythonProgram(name),
    codecs: allCodecs,
    idempotent: true,
    missing: pythonMissing,
    ...more,
  })

const goClient = (name: string, idempotent: boolean, more: Partial<ProgramTested> = {}): Tests =>
  programSuite({
    ...goProgram(name),
    codecs: allCodecs,
    idempotent,
    missing: goMissing,
    ...more,
  })

const javaClient = programSuite({
  ...javaProgram,
  codecs: allCodecs,
  idempotent: true,
  transactions: true,
  onThree: 'always',
  missing: javaMissing,
})

const apacheTools: Tests = {
  name: 'apache-tools',
  transactions: false,
  missing: javaMissing,
  run: toolsScenario,
}

const kafkaStreams: Tests = {
  name: 'kafka-streams',
  transactions: true,
  missing: streamsMissing,
  run: exactlyOnceScenario,
}

const kafkaStreamsAtLeastOnce: Tests = {
  name: 'kafka-streams-at-least-once',
  transactions: false,
  missing: streamsMissing,
  run: atLeastOnceScenario,
}

const kafkaConnect: Tests = {
  name: 'kafka-connect',
  transactions: true,
  missing: connectMissing,
  run: connectScenario,
}

const threeBrokers: Suite = {
  name: 'three-brokers',
  rounds: scale(1, 20),
  limitMs: 1_200_000,
  missing: async () =>
    isApacheTested
      ? 'Apache Kafka is one broker here'
      : ((await javaMissing()) ?? (await goMissing())),
  prepare: on(clusterUnderTest, (run) => {
    // Clients that can ask for offsets that are stable (KIP-447). kafkajs can't: a coordinator that others take over from gives it
    // those of before the transaction that it has just committed, until the marker is written.
    const programs = [javaProgram, goProgram('franz-go')]
    const copiers = programs.map(({ name, command }) => {
      const copier = (): Driver =>
        makingPatiently(run.keep(startDriver(name, command, run.broker.bootstrap)))
      return [name, copier] as const
    })
    return threeBrokersScenario(run, copiers)
  }),
}

/** @platformatic/kafka has zstd where Node has it. */
const zstdInNode = 'zstdCompressSync' in zlib

/** Producers of three clients at the same time; in soak. */
const deaths: Suite = {
  name: 'deaths',
  rounds: scale(0, 1),
  limitMs: 1_800_000,
  missing: async () => (await javaMissing()) ?? (await goMissing()) ?? (await pythonMissing()),
  prepare: on(
    (directory) => ThreeNodes.make(directory, settings),
    (run) => {
      const clients = [javaProgram, goProgram('franz-go'), pythonProgram('confluent-kafka')]
      const drivers = clients.map(({ name, command }) => driverOf(run, name, command))
      return deathsScenario(run, drivers)
    },
  ),
}

/** Starts a client's driver so that it connects as it is told. */
const securedDriver = (name: SecuredName): SecuredClient['drive'] => {
  if (name === 'kcat') return kcatDriver
  const commands = {
    java: javaProgram.command,
    kafkajs: javascriptProgram('kafkajs').command,
    platformatic: javascriptProgram('platformatic').command,
    'confluent-kafka': pythonProgram('confluent-kafka').command,
    'kafka-python': pythonProgram('kafka-python').command,
    aiokafka: pythonProgram('aiokafka').command,
    'franz-go': goProgram('franz-go').command,
    sarama: goProgram('sarama').command,
    'kafka-go': goProgram('kafka-go').command,
  }
  return (bootstrap, security) =>
    startDriver(name, commands[name], bootstrap, environmentOf(security))
}

/** Every client by every protection that a listener may have and the client can do. */
const secured: Suite = {
  name: 'secured',
  rounds: 1,
  limitMs: 1_800_000,
  missing: async () =>
    isApacheTested
      ? 'Apache Kafka has no protected listeners here'
      : ((await javaMissing()) ??
        (await goMissing()) ??
        (await pythonMissing()) ??
        (await installed('kcat', '-V'))),
  prepare: on(
    (directory) => SecuredBroker.make(directory, securedNames),
    (run) => securedScenario(run, securedDriver),
  ),
}

/** The tests of each client, the slowest first. */
const tests: readonly Tests[] = [
  kafkaStreams,
  kafkaStreamsAtLeastOnce,
  kafkaConnect,
  apacheTools,
  javaClient,
  javascript('kafkajs', allCodecs, {
    doubles: true,
    transactions: true,
    unstableOffsets: true,
  }),
  javascript('platformatic', zstdInNode ? allCodecs : allCodecs.slice(0, 4), {
    transactions: true,
    // It asks once who coordinates its group, and dies or stands still when that is another broker
    // (https://github.com/platformatic/kafka/issues/290).
    onThree: 'never',
    // Of two transactions that a producer aborts it hides one only, in what it reads at once.
    committedReader: javascriptProgram('kafkajs'),
  }),
  kcat,
  // librdkafka waits before it sends again what failed, but not with what comes after.
  pythonClient('confluent-kafka', {
    retriesReorder: true,
    transactions: true,
    onThree: 'always',
    // librdkafka sends no TxnOffsetCommit any more.
    hangsAfterRestart: true,
  }),
  pythonClient('kafka-python'),
  pythonClient('aiokafka'),
  goClient('franz-go', true, { transactions: true }),
  goClient('sarama', true),
  goClient('kafka-go', false, { doubles: true }),
]

/** All suites, the slowest first. */
export const suites: readonly Suite[] = [
  deaths,
  threeBrokers,
  secured,
  ...tests.filter((each) => each.onThree !== 'never').map(onThree),
  ...tests.map(onOne),
]
