import type { Clock, Disk, Random, Timer } from '../../host/host.ts'
import type { LogHome } from '../context.ts'
import { suffixedDirectoryName, type DirectorySuffix } from '../base/paths.ts'

/** Partitions' directories on their way out: renamed at once, removed later. */
export class Trash {
  readonly #host: { readonly clock: Clock; readonly disk: Disk; readonly random: Random }
  readonly #timers = new Set<Timer>()
  #due: { readonly home: LogHome; readonly path: string }[] = []
  /** One was removed in this turn. */
  #isRemoving = false

  constructor(host: { readonly clock: Clock; readonly disk: Disk; readonly random: Random }) {
    this.#host = host
  }

  /**
   * Gives a partition's directory a name that says what is to become of it, and returns its path.
   * @param found where it is now, if not in `path`
   */
  setAside(path: string, suffix: DirectorySuffix, found = path): string {
    const slash = path.lastIndexOf('/')
    const id = this.#host.random.bytes(16)
    const name = suffixedDirectoryName(path.slice(slash + 1), id, suffix)
    const target = `${path.slice(0, slash)}/${name}`
    this.#host.disk.rename(found, target)
    return target
  }

  /** Removes a directory after a while, unless the node has stopped by then: the next start removes it. */
  removeLater(home: LogHome, path: string, delayMs: number): void {
    const timer = this.#host.clock.after(delayMs, () => {
      this.#timers.delete(timer)
      this.#due.push({ home, path })
      if (!this.#isRemoving) this.#removeNext()
    })
    this.#timers.add(timer)
  }

  /** One in each turn of the event loop: thousands of topics may have been deleted together. */
  #removeNext(): void {
    const next = this.#due.shift()
    this.#isRemoving = next !== undefined
    if (next === undefined) return
    const { home, path } = next
    try {
      if (home.failure === null) this.#host.disk.removeDirectory(path)
    } catch (error) {
      home.fail(`remove ${path}`, error)
    }
    this.#host.clock.endOfTurn(() => this.#removeNext())
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    this.#due = []
  }
}
