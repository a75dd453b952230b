import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

interface GuardedOptions {
  readonly limitMs: number
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly onOutput?: (bytes: Buffer) => void
  readonly onError?: (bytes: Buffer) => void
}

export interface GuardedEnd {
  readonly isTimeOut: boolean
  /** Null after a time-out. */
  readonly code: number | null
}

const GUARD = fileURLToPath(new URL('./guard.js', import.meta.url))

/**
 * Runs Node with these arguments. Nothing of it is left when this resolves, nor when this process ends before, be it by
 * SIGKILL: neither a loop without end nor the brokers that a test has started.
 * @param limitMs after which it is killed
 */
export function runGuarded(args: readonly string[], options: GuardedOptions): Promise<GuardedEnd> {
  const { limitMs, cwd, env, onOutput, onError } = options
  const child = spawn(process.execPath, [GUARD, ...args], {
    cwd,
    env,
    // The guard's standard input ends with this process.
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  const killGroup = (): void => {
    try {
      process.kill(-child.pid!, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
  child.stdout.on('data', (bytes: Buffer) => onOutput?.(bytes))
  child.stderr.on('data', (bytes: Buffer) => onError?.(bytes))
  return new Promise((resolve, reject) => {
    let isTimeOut = false
    const timer = setTimeout(() => {
      isTimeOut = true
      killGroup()
    }, limitMs)
    child.once('error', reject)
    child.once('exit', () => {
      clearTimeout(timer)
      // Brokers that a test started, and didn't come to stop.
      killGroup()
    })
    child.once('close', (code) => resolve({ isTimeOut, code }))
  })
}
