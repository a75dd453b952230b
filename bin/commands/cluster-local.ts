import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { setTimeout as delay } from 'node:timers/promises'
import { nodeCodecs } from '../../src/host/codecs.ts'
import type { Host } from '../../src/host/host.ts'
import { nodeHost } from '../../src/host/node.ts'
import {
  localSettings,
  nodeDirectory,
  openLocalCluster,
  securityIn,
} from '../../src/local-cluster.ts'
import type { LocalSecurity } from '../../src/local-cluster.ts'
import { isLocked, isProcess, PidFile, pidsIn, type Pids } from '../cluster/pid-file.ts'
import type { NodeProcessOptions } from '../cluster/node-process.ts'
import { secureCluster, type SecuredCluster } from '../cluster/secure.ts'
import { Supervisor } from '../cluster/supervisor.ts'
import { CommandError } from '../errors.ts'
import { collect, integer, withExamples } from '../options.ts'
import { print } from '../output.ts'
import type { Terminal } from '../terminal.ts'

const DIRECTORY = 'ottla-cluster'
const OWN_DIRECTORY = 0o700
const MOST_BROKERS = 100
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
const EXIT_STOPPED_AT_ONCE = 130
const DOWN_LIMIT_MS = 120_000

interface UpOptions {
  readonly brokers?: number
  readonly dir: string
  readonly basePort?: number
  readonly set?: readonly string[]
  /** Commander's: false for --no-restart. */
  readonly restart: boolean
  readonly secure?: boolean
  readonly terminal: Terminal
}

interface DownOptions {
  readonly dir: string
  readonly terminal: Terminal
}

/** Declares `ottla cluster up` and `ottla cluster down`. */
export function declareLocal(cluster: Command): void {
  const up = cluster.command('up').description('Run a cluster on this machine until it is stopped')
  up.option('--brokers <n>', 'how many; 3 unless given', integer('--brokers', 1, MOST_BROKERS))
    .option('--dir <directory>', 'where it keeps everything; made when it is missing', DIRECTORY)
    .option(
      '--base-port <port>',
      'brokers take this port and those after it, then the controllers; 0 for free ones (default: 9092)',
      integer('--base-port', 0, 65_535 - 2 * MOST_BROKERS),
    )
    .option(
      '--secure',
      'speak TLS and SASL: makes an authority, certificates, users, and a client.properties for clients',
    )
    .option('--no-restart', 'leave a node alone that has ended')
    .option('--set <name=value>', 'a setting of all nodes', collect(String))
  withExamples(
    up,
    'cluster up',
    'cluster up --secure',
    'cluster up --brokers 5 --dir /tmp/five --base-port 19092',
    'topics create orders --partitions 6 -b localhost:9092',
  ).action(upCommand)

  const down = cluster.command('down').description('Stop a cluster that runs on this machine')
  down.option('--dir <directory>', 'where it keeps everything', DIRECTORY)
  withExamples(down, 'cluster down').action(downCommand)
}

const DEFAULT_BASE_PORT = 9092

async function upCommand(options: UpOptions): Promise<void> {
  const { terminal, brokers, basePort = DEFAULT_BASE_PORT } = options
  const directory = resolve(options.dir)
  const tell = (line: string): void => terminal.writeError(`ottla cluster: ${line}\n`)
  let supervisor: Supervisor | null = null
  // Before the start: a signal during it must not leave processes behind.
  const stopAsked = stopSignal(() => supervisor?.kill())
  mkdirSync(directory, { recursive: true })
  const host = nodeHost({ log: { level: 'error' } })
  const pidFile = new PidFile(host.disk, directory)
  try {
    stopLeftOvers(pidFile.left, directory)
    const secured = await securityOf(host, directory, options.secure === true)
    const wanted = { brokers, basePort, set: options.set ?? [], security: secured?.security }
    const nodes = await prepare(host, directory, wanted)
    supervisor = new Supervisor({
      nodes,
      restarts: options.restart,
      tell,
      changed: (pids) => pidFile.write(pids),
    })
    const stopped = stopAsked.then(() => 'stop' as const)
    try {
      const started = await Promise.race([supervisor.start(), stopped])
      if (started !== 'stop') {
        await print({ terminal }, `ottla cluster ready on ${started.join(',')}`)
        if (secured !== null) {
          const what = 'for clients, and the commands of ottla (--command-config)'
          await print(
            { terminal },
            `The super user's client.properties, ${what}: ${secured.clientProperties}`,
          )
        }
        await Promise.race([supervisor.failed, stopped])
      }
    } finally {
      await supervisor.stop()
      pidFile.remove()
    }
  } finally {
    pidFile.release()
  }
}

/** Records and keys of users are below a secured cluster's directory: it is its owner's alone, before anything is written there. */
async function securityOf(
  host: Host,
  directory: string,
  isAsked: boolean,
): Promise<SecuredCluster | null> {
  const { isNew, isSecured } = securityIn(host.disk, directory, isAsked)
  if (!isSecured) return null
  chmodSync(directory, OWN_DIRECTORY)
  return secureCluster({ directory, isNew, nowMs: host.clock.now() })
}

/** Resolves at the first signal to stop; a second one ends everything where it stands. */
function stopSignal(kill: () => void): Promise<void> {
  return new Promise((resolve) => {
    let isAsked = false
    const stop = (): void => {
      if (isAsked) {
        kill()
        process.exit(EXIT_STOPPED_AT_ONCE)
      }
      isAsked = true
      resolve()
    }
    for (const signal of SIGNALS) process.on(signal, stop)
  })
}

/** The nodes' directories, and the files that say how each is started. */
async function prepare(
  host: Host,
  directory: string,
  wanted: {
    brokers: number | undefined
    basePort: number
    set: readonly string[]
    security: LocalSecurity | undefined
  },
): Promise<NodeProcessOptions[]> {
  const { brokers, basePort, set, security } = wanted
  const cluster = await openLocalCluster({
    host,
    codecs: nodeCodecs(),
    directory,
    brokers,
    basePort,
    security,
  })
  return cluster.nodes.map((node): NodeProcessOptions => {
    const home = nodeDirectory(directory, node.id)
    const config = settingsFile(directory, node.id)
    const lines = Object.entries(localSettings(directory, cluster, node, security)).map(
      ([name, value]) => `${name}=${value}\n`,
    )
    // They may have passwords in them.
    rmSync(config, { force: true })
    writeFileSync(config, lines.join(''), { mode: 0o600 })
    const logFile = `${home}/ottla.log`
    writeFileSync(logFile, '')
    return { id: node.id, config, set, logFile }
  })
}

const settingsFile = (directory: string, id: number | string): string =>
  `${nodeDirectory(directory, Number(id))}/server.properties`

/** Nodes whose supervisor was killed go on, and hold what new ones need. */
function stopLeftOvers(pids: Pids | null, directory: string): void {
  const running = leftOvers(pids, directory)
  if (running.length === 0) return
  throw new CommandError(
    'CLUSTER_RUNNING',
    `Nodes of the cluster in ${directory} still run, though nothing looks after them: ${running.join(', ')}`,
    `Stop them with: ottla cluster down --dir ${directory}`,
  )
}

/** The process ids of nodes that still run. */
function leftOvers(pids: Pids | null, directory: string): number[] {
  return Object.entries(pids?.nodes ?? {}).flatMap(([id, pid]) =>
    isProcess(pid, ['start', settingsFile(directory, id)]) ? [pid] : [],
  )
}

async function downCommand(options: DownOptions): Promise<void> {
  const directory = resolve(options.dir)
  const pids = pidsIn(directory)
  const { disk } = nodeHost({ log: { level: 'error' } })
  const isSupervised =
    pids !== null && isLocked(disk, directory) && isProcess(pids.supervisor, ['cluster', 'up'])
  const running = leftOvers(pids, directory)
  if (pids === null || (!isSupervised && running.length === 0)) {
    throw new CommandError(
      'NOT_RUNNING',
      `No cluster runs in ${directory}`,
      'Name its directory with --dir.',
    )
  }
  const toStop = isSupervised ? [pids.supervisor] : running
  for (const pid of toStop) process.kill(pid, 'SIGTERM')
  const isThere = (): boolean =>
    (isSupervised && isProcess(pids.supervisor, ['cluster', 'up'])) ||
    leftOvers(pids, directory).length > 0
  const deadline = performance.now() + DOWN_LIMIT_MS
  while (isThere()) {
    if (performance.now() > deadline) {
      throw new CommandError(
        'STILL_RUNNING',
        `The cluster in ${directory} has not stopped within ${DOWN_LIMIT_MS / 1000} s`,
        `Its processes: ${toStop.join(', ')}`,
      )
    }
    await delay(50)
  }
  await print(options, `Stopped the cluster in ${directory}.`)
}
