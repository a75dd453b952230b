import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'
import { exited, until } from '../clients/wait.ts'
import { freePorts } from './ports.ts'

/** Several at once on a busy machine take their time. */
const START_LIMIT_MS = 90_000

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A broker in a process of its own, started by the command. */
export interface BrokerProcess {
  readonly host: string
  readonly port: number
  readonly pid: number
  readonly stdout: string
  readonly stderr: string
  kill(signal: NodeJS.Signals): void
  /** Resolves when the process is gone. */
  ended(): Promise<Ended>
}

const alive = new Set<ChildProcess>()

/** Ends what a test that failed has left running; for afterAll. */
export async function killAll(): Promise<void> {
  for (const child of alive) child.kill('SIGKILL')
  await Promise.all(Array.from(alive, (child) => exited(child)))
}

export type Settings = Readonly<Record<string, string | number>>

/** What the process has of its surroundings. */
export interface Surroundings {
  /** `ulimit -n`; by default that of the test's. */
  readonly openFiles?: number
  /** Variables besides those of the test's. */
  readonly environment?: Readonly<Record<string, string>>
}

interface Launched {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  readonly output: Record<'out' | 'err', string>
}

function launch(
  settings: Settings,
  more: readonly string[],
  { openFiles, environment }: Surroundings = {},
): Launched {
  const set = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  const command = [process.execPath, 'bin/ottla', 'start', ...set, ...more]
  const limited =
    openFiles === undefined
      ? command
      : ['/bin/sh', '-c', 'ulimit -n "$0" && exec "$@"', String(openFiles), ...command]
  const env = { ...process.env, ...environment }
  return watched(spawn(limited[0]!, limited.slice(1), { env, stdio: ['ignore', 'pipe', 'pipe'] }))
}

function watched(child: ChildProcessByStdio<null, Readable, Readable>): Launched {
  alive.add(child)
  child.once('close', () => alive.delete(child))
  const output = { out: '', err: '' }
  child.stdout.on('data', (bytes: Buffer) => (output.out += bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => (output.err += bytes.toString()))
  return { child, output }
}

function endOf(child: ChildProcess, output: Record<'out' | 'err', string>): Promise<Ended> {
  return exited(child).then(() => ({
    code: child.exitCode,
    signal: child.signalCode,
    stdout: output.out,
    stderr: output.err,
  }))
}

/** `ottla start` with these settings, on a free port of 127.0.0.1 unless they name one; resolves when it serves. */
export async function startProcess(
  settings: Settings,
  limits: Surroundings = {},
): Promise<BrokerProcess> {
  const given = { listeners: 'PLAINTEXT://127.0.0.1:0', ...settings }
  return serving(launch(given, [], limits))
}

/** The same as the image runs it, with nothing but these variables; needs no Docker. */
export async function startEntryPoint(
  environment: Readonly<Record<string, string>>,
): Promise<BrokerProcess> {
  return startCommand(['docker/entrypoint', 'start'], environment)
}

/** A command that starts a broker, with nothing but these variables and a path on which Node is; resolves when it serves. */
export function startCommand(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<BrokerProcess> {
  const [program, ...args] = command as [string, ...string[]]
  const env = { PATH: `${dirname(process.execPath)}:${process.env['PATH']}`, ...environment }
  return serving(watched(spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env })))
}

/** A broker that a script of the shell runs, on a port that is given. */
export interface ShellBroker {
  readonly host: string
  readonly port: number
  readonly stdout: string
  readonly stderr: string
  /** Ends the script and all that it has started. */
  kill(): Promise<void>
}

/** Runs a script in which `"$@"` starts the broker; resolves when that can be connected to. */
export async function startInShell(script: string, settings: Settings): Promise<ShellBroker> {
  const host = '127.0.0.1'
  const [port] = await freePorts(1)
  const all: Settings = { ...settings, listeners: `PLAINTEXT://${host}:${port}` }
  const set = Object.entries(all).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  const command = ['-c', script, 'sh', process.execPath, 'bin/ottla', 'start', ...set]
  const child = spawn('/bin/sh', command, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const { output } = watched(child)
  const deadline = performance.now() + START_LIMIT_MS
  for (let isServing = false; !isServing;) {
    if (performance.now() > deadline) throw new Error(`no broker was started: ${output.err}`)
    isServing = await isListening(host, port!)
  }
  return {
    host,
    port: port!,
    get stdout() {
      return output.out
    },
    get stderr() {
      return output.err
    },
    kill: async () => {
      const ended = exited(child)
      process.kill(-child.pid!, 'SIGKILL')
      await ended
    },
  }
}

function isListening(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const answer = (isThere: boolean) => (): void => {
      socket.destroy()
      setTimeout(() => resolve(isThere), isThere ? 0 : 20)
    }
    socket.once('error', answer(false)).once('connect', answer(true))
  })
}

async function serving({ child, output }: Launched): Promise<BrokerProcess> {
  const closed = endOf(child, output)
  const ready = /^ottla ready on (\S+):(\d+)$/m
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null
  await until(() => ready.test(output.out) || isOver(), 'the broker to be ready', START_LIMIT_MS)
  const [, host, port] = ready.exec(output.out) ?? []
  if (host === undefined) throw new Error(`the broker ended with ${child.exitCode}: ${output.err}`)
  return {
    host,
    port: Number(port),
    pid: child.pid!,
    get stdout() {
      return output.out
    },
    get stderr() {
      return output.err
    },
    kill: (signal) => void child.kill(signal),
    ended: () => closed,
  }
}

/** `ottla start` that gets a signal as soon as it says anything there, which is before it says that it serves. */
export async function signalledAtFirstWord(
  settings: Settings,
  signal: NodeJS.Signals,
  stream: 'stdout' | 'stderr' = 'stdout',
): Promise<Ended> {
  const given = { listeners: 'PLAINTEXT://127.0.0.1:0', ...settings }
  const { child, output } = launch(given, [])
  child[stream].once('data', () => child.kill(signal))
  if (!(await exited(child, START_LIMIT_MS))) child.kill('SIGKILL')
  return endOf(child, output)
}

/** `ottla start` where it is expected to end by itself; it is killed after the limit. */
export async function startInVain(
  settings: Settings,
  more: readonly string[] = [],
  limits: Surroundings = {},
): Promise<Ended> {
  const given = { listeners: 'PLAINTEXT://127.0.0.1:0', ...settings }
  const { child, output } = launch(given, more, limits)
  if (!(await exited(child, START_LIMIT_MS))) child.kill('SIGKILL')
  return endOf(child, output)
}
