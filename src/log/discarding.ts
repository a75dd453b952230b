import type { Clock, Disk, Random, Timer } from '../host/host.ts'
import type { LogHome } from './context.ts'
import { suffixedDirectoryName, type DirectorySuffix } from './paths.ts'

/** Partitions' directories on their way out: renamed at once, removed later. */
export class Discarding {
  readonly #host: { readonly clock: Clock; readonly disk: Disk; readonly random: Random }
  readonly #timers = new Set<Timer>()

  constructor(host: { readonly clock: Clock; readonly disk: Disk; readonly random: Random }) {
    this.#host = host
  }

  /** A name that says what is to become of a partition's directory, beside the one it has. */
  nameFor(path: string, suffix: DirectorySuffix): string {
    const slash = path.lastIndexOf('/')
    const id = this.#host.random.bytes(16)
    return `${path.slice(0, slash)}/${suffixedDirectoryName(path.slice(slash + 1), id, suffix)}`
  }

  /** Gives a partition's directory a name that says what is to become of it, and returns its path. */
  setAside(path: string, suffix: DirectorySuffix): string {
    const target = this.nameFor(path, suffix)
    this.#host.disk.rename(path, target)
    return target
  }

  /** Removes a directory after a while, unless the node has stopped by then: the next start removes it. */
  removeLater(home: LogHome, path: string, delayMs: number, before?: () => void): void {
    const { clock, disk } = this.#host
    const timer = clock.after(delayMs, () => {
      this.#timers.delete(timer)
      before?.()
      if (home.failure !== null) return
      try {
        disk.removeDirectory(path)
      } catch (error) {
        home.fail(`remove ${path}`, error)
      }
    })
    this.#timers.add(timer)
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }
}
