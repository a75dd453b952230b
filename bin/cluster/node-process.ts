import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { HAND_OVER, HANDED_OVER } from './messages.ts'

/** From where this file is compiled to. */
const LAUNCHER = fileURLToPath(new URL('../../../bin/ottla.cjs', import.meta.url))
const READY = /^ottla ready on (\S+)$/m

export interface NodeProcessOptions {
  readonly id: number
  /** The settings file. */
  readonly config: string
  /** `name=value`, each. */
  readonly set: readonly string[]
  /** Takes what the node says on standard error. */
  readonly logFile: string
}

/** How a process ended, for people. */
export interface Ended {
  readonly how: string
  /** What it said last. */
  readonly lastWords: string
}

/** One process of a node, from its start to its end. */
export class NodeProcess {
  readonly pid: number | null
  readonly startedAtMs = performance.now()
  /** Resolves with `host:port` for clients when it serves; with null if it ends before. */
  readonly ready: Promise<string | null>
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess
  #isReady = false
  #isOver = false

  constructor({ config, set, logFile }: NodeProcessOptions) {
    const log = openSync(logFile, 'a')
    const settings = set.flatMap((one) => ['--set', one])
    const child = spawn(process.execPath, [LAUNCHER, 'start', '--config', config, ...settings], {
      stdio: ['ignore', 'pipe', log, 'ipc'],
      // A terminal's Ctrl-C is for the supervisor alone, which stops the nodes in order.
      detached: true,
    })
    closeSync(log)
    this.#child = child
    this.pid = child.pid ?? null
    this.ended = new Promise((resolve) => {
      const over = (how: string): void => {
        this.#isOver = true
        resolve({ how, lastWords: lastLines(logFile) })
      }
      child.once('error', (error) => over(`can't be started: ${error.message}`))
      child.once('close', (code, signal) => over(signal ?? `exit code ${code}`))
    })
    this.ready = new Promise((resolve) => {
      let output = ''
      child.stdout!.on('data', (bytes: Buffer) => {
        output += bytes.toString()
        const address = READY.exec(output)?.[1]
        if (address === undefined) return
        this.#isReady = true
        resolve(address)
      })
      void this.ended.then(() => resolve(null))
    })
  }

  /** It serves, or has served. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** Resolves when others lead in its place, or it has ended. */
  handOver(): Promise<void> {
    return new Promise((resolve) => {
      this.#child.on('message', (message) => {
        if (message === HANDED_OVER) resolve()
      })
      void this.ended.then(() => resolve())
      // One that is about to end does not hear it.
      if (this.#child.connected) this.#child.send(HAND_OVER, () => undefined)
    })
  }

  signal(name: NodeJS.Signals): void {
    if (!this.#isOver) this.#child.kill(name)
  }
}

const LAST_LINES = 5
const LAST_BYTES = 4096

function lastLines(path: string): string {
  const text = readFileSync(path).subarray(-LAST_BYTES).toString()
  return text.trimEnd().split('\n').slice(-LAST_LINES).join('\n')
}
