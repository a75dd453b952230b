import { type ChildProcess, spawn } from 'node:child_process'
import { exited, until } from '../clients/wait.ts'

const START_LIMIT_MS = 30_000

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

/** `ulimit -n` of the process; by default that of the test's. */
export interface Limits {
  readonly openFiles?: number
}

function launch(
  settings: Settings,
  more: readonly string[],
  { openFiles }: Limits = {},
): {
  child: ChildProcess
  output: Record<'out' | 'err', string>
} {
  const set = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  const command = [process.execPath, 'bin/ottla', 'start', ...set, ...more]
  const limited =
    openFiles === undefined
      ? command
      : ['/bin/sh', '-c', 'ulimit -n "$0" && exec "$@"', String(openFiles), ...command]
  const child = spawn(limited[0]!, limited.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
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
  limits: Limits = {},
): Promise<BrokerProcess> {
  const given = { listeners: 'PLAINTEXT://127.0.0.1:0', ...settings }
  const { child, output } = launch(given, [], limits)
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

/** `ottla start` where it is expected to end by itself; it is killed after the limit. */
export async function startInVain(
  settings: Settings,
  more: readonly string[] = [],
  limits: Limits = {},
): Promise<Ended> {
  const given = { listeners: 'PLAINTEXT://127.0.0.1:0', ...settings }
  const { child, output } = launch(given, more, limits)
  if (!(await exited(child, START_LIMIT_MS))) child.kill('SIGKILL')
  return endOf(child, output)
}
