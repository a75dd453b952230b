import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'

const alive = new Set<ChildProcess>()

/** Ends all of them by force: for a benchmark that is interrupted. */
export const killAll = (): void => {
  for (const child of alive) child.kill('SIGKILL')
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms))

/** What is left of what a process prints. */
const keptCharacters = 4_000

/** What a process gets to end in good order. */
const stopLimitMs = 120_000

/** A process that is started and ended any number of times. */
export class Restartable {
  readonly #name: string
  readonly #spawn: () => ChildProcess
  #child: ChildProcess | null = null
  #printed = ''

  constructor(name: string, spawn: () => ChildProcess) {
    this.#name = name
    this.#spawn = spawn
  }

  /** @returns what rejects when the process has ended or can't be started, and settles in no other way */
  start(): Promise<never> {
    const child = this.#spawn()
    this.#child = child
    alive.add(child)
    const note = (text: string): void => {
      this.#printed = (this.#printed + text).slice(-keptCharacters)
    }
    child.stdout?.setEncoding('utf8').on('data', note)
    child.stderr?.setEncoding('utf8').on('data', note)
    const ended = new Promise<never>((_, reject) => {
      child.once('error', reject)
      child.once('exit', () => {
        alive.delete(child)
        reject(new Error(`${this.#name} ended: ${this.#printed.trim()}`))
      })
    })
    ended.catch(() => {})
    return ended
  }

  /** Throws where it doesn't run. */
  get pid(): number {
    const child = this.#child
    if (child?.pid === undefined || hasEnded(child)) throw new Error(`${this.#name} is not running`)
    return child.pid
  }

  /** Resident memory in bytes. */
  residentBytes(): number {
    const { pid } = this
    const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    if (found === null) throw new Error(`/proc/${pid}/status names no VmRSS`)
    return Number(found[1]) * 1024
  }

  /** User and system time of all its threads so far, in seconds (proc(5): fields 14 and 15, in ticks of 10 ms). */
  cpuSeconds(): number {
    const { pid } = this
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, field 2, is in parentheses and may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  }

  /** Ends it in good order, by force after two minutes. */
  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  kill9(): Promise<void> {
    return this.#end('SIGKILL')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    this.#child = null
    if (child === null || hasEnded(child)) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    const force = setTimeout(() => child.kill('SIGKILL'), stopLimitMs)
    await gone
    clearTimeout(force)
  }
}

const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null
