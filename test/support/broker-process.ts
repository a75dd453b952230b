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

function launch(
  settings: Settings,
  more: readonly string[] = [],
): {
  child: ChildProcess
  output: Record<'out' | 'err', string>
} {
  const set = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  const child = spawn(process.execPath, ['bin/ottla', 'start', ...set, ...more], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
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
export async function startProcess(settings: Settings): Promise<BrokerProcess> {
  const { child, output } = launch({ listeners: 'PLAINTEXT://127.0.0.1:0', ...settings })
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
): Promise<Ended> {
  const { child, output } = launch({ listeners: 'PLAINTEXT://127.0.0.1:0', ...settings }, more)
  if (!(await exited(child, START_LIMIT_MS))) child.kill('SIGKILL')
  return endOf(child, output)
}
