import { execFileSync } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { measureAuthorization } from './authorization.ts'
import { type Broker, type BrokerName, prepareBroker, removeAll } from './brokers.ts'
import { buildClient, clientOf } from './client.ts'
import { clusterPhases, measureClusterMetadata } from './cluster/cluster-metadata.ts'
import { sizesOf } from './cluster/plan.ts'
import { measureReplication, replicationPhases } from './cluster/replication.ts'
import { type Plan, runWorkload } from './load.ts'
import { measureGrowth } from './growth.ts'
import { measureHostile } from './hostile.ts'
import { measureLogIns } from './log-ins.ts'
import { measureLoopDelay } from './loop-delay.ts'
import { touchPageCache } from './page-cache.ts'
import { killAll, pause } from './processes.ts'
import { type GrowthLine, type Line, growthTableOf, tableOf } from './report.ts'
import { tlsIn } from './secured.ts'
import { type StartsOptions, measureKill, measurePartitions, measureStarts } from './starts.ts'
import { type Workload, workloads } from './workloads.ts'

const phases = [
  'start',
  'kill',
  'partitions',
  ...workloads.map(({ name }) => name),
  'loop-delay',
  'log-ins',
  'authorization',
  'hostile',
  'growth',
]

const usage = `npm run bench -- [options]

  --only A,B        only these: ${phases.slice(0, 6).join(', ')},
                    ${phases.slice(6).join(', ')}
  --cluster         three nodes of each with three replicas of all, instead of all that; --only chooses then of
                    ${replicationPhases.join(', ')}
  --cluster-metadata
                    three nodes of each, and a controller with many partitions; --only chooses then of
                    ${clusterPhases.join(', ')}
  --brokers A,B     of ottla, kafka, sink (default: all three)
  --rounds N        rounds, of which the median counts (default 5; 1 with --quick)
  --seconds S       the longest measured interval (default 4; 1.2 with --quick)
  --quick           everything in about two minutes, without 10,000 partitions: a first look, not a result
  --dir DIR         where the brokers keep their data (default: the directory for temporary files)
  --node-flags=F    flags for Ottla's process, such as --cpu-prof
  --json            print JSON instead of a table

Needs Go; Apache Kafka needs Java 17, and Maven unless OTTLA_KAFKA_JARS names a folder of its jars.
See docs/benchmark.md.
`

const readOptions = () => {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      brokers: { type: 'string', default: 'ottla,kafka,sink' },
      cluster: { type: 'boolean', default: false },
      'cluster-metadata': { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      dir: { type: 'string', default: os.tmpdir() },
      'node-flags': { type: 'string', default: '' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.cluster && values['cluster-metadata']) {
    throw new Error('--cluster and --cluster-metadata are two runs')
  }
  const ofClusters = values.cluster ? replicationPhases : clusterPhases
  const known = values.cluster || values['cluster-metadata'] ? ofClusters : phases
  const only = values.only?.split(',') ?? known
  const brokers = values.brokers.split(',') as BrokerName[]
  const unknown = [
    ...only.filter((name) => !known.includes(name)),
    ...brokers.filter((name) => !['ottla', 'kafka', 'sink'].includes(name)),
  ]
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')}\n\n${usage}`)
  const positive = (name: string, text: string | undefined, byDefault: number): number => {
    const value = text === undefined ? byDefault : Number(text)
    if (!(value > 0)) throw new Error(`--${name} needs a number above 0`)
    return value
  }
  const rounds = Math.round(positive('rounds', values.rounds, values.quick ? 1 : 5))
  const seconds = positive('seconds', values.seconds, values.quick ? 1.2 : 4)
  const plan: Plan = {
    quick: values.quick,
    rounds,
    durationMs: seconds * 1000,
    warmupMs: values.quick ? 1_000 : Math.min(6_000, seconds * 1500),
    kafkaWarmupMs: values.quick ? 2_500 : 8_000,
    sinkMs: Math.min(1_500, seconds * 500),
    maxBytes: values.quick ? 6e8 : 2e9,
  }
  const nodeFlags = values['node-flags'].split(' ').filter((flag) => flag !== '')
  return { ...values, only, brokers, plan, nodeFlags }
}

type Options = ReturnType<typeof readOptions>

const progress = (text: string): void => {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`)
}

/** The workloads that were chosen: first those in the clear, then those over TLS. */
const runLoads = async (options: Options, starts: StartsOptions): Promise<Line[]> => {
  const chosen = workloads.filter(({ name }) => options.only.includes(name))
  const [plain, secret] = [false, true].map((isSecret) =>
    chosen.filter(({ hasTls = false }) => hasTls === isSecret),
  ) as [Workload[], Workload[]]
  const lines = plain.length === 0 ? [] : await runOnBrokers(options, starts, plain)
  if (secret.length > 0) {
    const directory = path.join(starts.directory, 'tls')
    const secured = tlsIn(directory)
    const client = clientOf(starts.options.client.program, secured.clientFlags)
    const own = { ...starts, directory, options: { ...starts.options, client, secured } }
    lines.push(...(await runOnBrokers(options, own, secret)))
  }
  return lines
}

/** On brokers that are up together so that rounds can alternate; then what memory they hold. */
const runOnBrokers = async (
  options: Options,
  starts: StartsOptions,
  chosen: readonly Workload[],
): Promise<Line[]> => {
  const { client } = starts.options
  const brokers: Broker[] = []
  const lines: Line[] = []
  try {
    for (const name of options.brokers) {
      const directory = path.join(starts.directory, name)
      const broker = await prepareBroker(name, { ...starts.options, directory })
      brokers.push(broker)
      progress(`${name}: start`)
      await broker.start(0)
    }
    for (const workload of chosen) {
      lines.push(...(await runWorkload(client, brokers, workload, options.plan, progress)))
    }
    await pause(2_000)
    const memory = (name: BrokerName): number | null => {
      const broker = brokers.find((one) => one.name === name)
      return broker === undefined ? null : broker.residentBytes() / 1e6
    }
    lines.push({
      work: 'after all of the above',
      measure: 'resident memory, MB',
      ottla: memory('ottla'),
      kafka: memory('kafka'),
      client: null,
      target: { ottlaAtMost: 300 },
      failures: [],
    })
  } finally {
    await Promise.all(brokers.map((broker) => broker.stop()))
  }
  return lines
}

const environment = () => ({
  date: new Date().toISOString(),
  processors: `${os.cpus().length} × ${os.cpus()[0]?.model ?? 'unknown'}`,
  memoryGb: Math.round(os.totalmem() / 1e9),
  kernel: os.release(),
  node: process.version,
  java: firstLine('java', '--version'),
  go: firstLine('go', 'version'),
})

const firstLine = (program: string, flag: string): string => {
  try {
    return execFileSync(program, [flag], { encoding: 'utf8' }).split('\n')[0]!
  } catch {
    return 'not found'
  }
}

const runClusters = (options: Options, starts: StartsOptions): Promise<Line[]> => {
  const { quick, rounds } = options.plan
  if (options.cluster) {
    const { brokers } = options
    return measureReplication({ ...starts, ...starts.options, brokers }, options.only)
  }
  const sizes = sizesOf(quick)
  return measureClusterMetadata({ ...starts, ...starts.options, sizes, rounds }, options.only)
}

const runAll = async (
  options: Options,
  starts: StartsOptions,
): Promise<{ lines: Line[]; growth: GrowthLine[] }> => {
  if (options.only.some((name) => name !== 'hostile')) {
    progress('touching the memory that the page cache will take')
    await touchPageCache(starts.directory, options.plan.quick ? 3e9 : 6e9)
  }
  const lines: Line[] = []
  if (options.only.includes('start')) lines.push(...(await measureStarts(starts)))
  if (options.only.includes('kill')) lines.push(...(await measureKill(starts)))
  if (options.only.includes('partitions')) lines.push(...(await measurePartitions(starts)))
  lines.push(...(await runLoads(options, starts)))
  if (options.only.includes('loop-delay'))
    lines.push(...(await measureLoopDelay(starts, options.brokers)))
  if (options.only.includes('log-ins')) lines.push(...(await measureLogIns(starts)))
  if (options.only.includes('authorization')) lines.push(...(await measureAuthorization(starts)))
  if (options.only.includes('hostile')) lines.push(...(await measureHostile(starts)))
  const growth = options.only.includes('growth') ? await measureGrowth(starts) : []
  return { lines, growth }
}

const main = async (): Promise<void> => {
  const options = readOptions()
  if (options.help) return void process.stdout.write(usage)
  progress('building the load client')
  const client = clientOf(await buildClient())
  const directory = await mkdtemp(path.join(options.dir, 'ottla-bench-'))
  const starts: StartsOptions = {
    brokers: options.brokers.filter((name) => name !== 'sink'),
    directory,
    options: { client, nodeFlags: options.nodeFlags },
    plan: options.plan,
    progress,
  }
  const stop = (signal: NodeJS.Signals): void => {
    progress(`${signal}: the brokers are ended`)
    killAll()
    removeAll(directory).finally(() => process.exit(130))
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    const { lines, growth } =
      options.cluster || options['cluster-metadata']
        ? { lines: await runClusters(options, starts), growth: [] }
        : await runAll(options, starts)
    const where = { ...environment(), rounds: options.plan.rounds, quick: options.plan.quick }
    if (options.json) console.log(JSON.stringify({ environment: where, lines, growth }, null, 2))
    else {
      const about = Object.entries(where).map(([name, value]) => `${name} ${value}`)
      console.log(about.join(', '))
      if (lines.length > 0) console.log(`\n${tableOf(lines)}`)
      if (growth.length > 0) console.log(`\n${growthTableOf(growth)}`)
    }
  } finally {
    await removeAll(directory)
  }
}

main().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 1
})
