import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import type { Disk, DiskLock } from '../../src/host/host.ts'
import { CommandError } from '../errors.ts'

const PID_FILE = 'cluster.pid'
const LOCK = 'cluster.lock'

/** Whose processes a local cluster's are. */
export interface Pids {
  readonly supervisor: number
  /** Of the nodes that run, by their ids. */
  readonly nodes: Readonly<Record<string, number>>
}

/** What keeps two supervisors from one cluster, and tells `down` whom to stop. */
export class PidFile {
  readonly #disk: Disk
  readonly #path: string
  readonly #lock: DiskLock

  /** @throws CommandError where somebody else has it */
  constructor(disk: Disk, directory: string) {
    this.#disk = disk
    this.#path = `${directory}/${PID_FILE}`
    const lock = disk.lock(`${directory}/${LOCK}`)
    if (lock === null) {
      throw new CommandError(
        'CLUSTER_RUNNING',
        `The cluster in ${directory} runs already`,
        `Stop it with: ottla cluster down --dir ${directory}`,
      )
    }
    this.#lock = lock
  }

  /** What the last one who had it wrote; null where it was taken back, or there was none. */
  get left(): Pids | null {
    return readPids(this.#path)
  }

  write(nodes: Readonly<Record<string, number>>): void {
    const pids: Pids = { supervisor: process.pid, nodes }
    this.#disk.replaceFile(this.#path, JSON.stringify(pids))
  }

  /** Nobody is to be stopped any more. */
  remove(): void {
    rmSync(this.#path, { force: true })
    this.release()
  }

  release(): void {
    this.#lock.release()
  }
}

/** Whether somebody has a cluster's lock, as far as this machine can lock. */
export function isLocked(disk: Disk, directory: string): boolean {
  const lock = disk.lock(`${directory}/${LOCK}`)
  lock?.release()
  return lock === null || !lock.advisory
}

/** Whose processes a cluster's are that somebody has started and not stopped. */
export function pidsIn(directory: string): Pids | null {
  return readPids(`${directory}/${PID_FILE}`)
}

function readPids(path: string): Pids | null {
  if (!existsSync(path)) return null
  const { supervisor, nodes } = JSON.parse(readFileSync(path, 'utf8')) as Partial<Pids>
  const isPid = (pid: unknown): boolean => Number.isInteger(pid) && (pid as number) > 1
  if (isPid(supervisor) && typeof nodes === 'object' && Object.values(nodes).every(isPid)) {
    return { supervisor: supervisor!, nodes }
  }
  throw new CommandError('DAMAGED', `${path} is damaged`, 'Remove it once nothing runs any more.')
}

/** Whether a process runs whose command line has these words: a number alone may be another process's by now. */
export function isProcess(pid: number, words: readonly string[]): boolean {
  const command = commandOf(pid)
  return command !== null && words.every((word) => command.includes(word))
}

function commandOf(pid: number): string | null {
  try {
    if (existsSync('/proc/self/cmdline')) {
      // A process that has ended and that nobody has asked for has no words any more.
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim()
      return words === '' ? null : words
    }
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
  } catch {
    // There is no such process.
    return null
  }
}
