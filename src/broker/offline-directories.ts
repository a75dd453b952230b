import type { Clock, Timer } from '../host/host.ts'

export interface OfflineDirectoriesOptions {
  readonly clock: Clock
  /** `log.dir.failure.timeout.ms` */
  readonly timeoutMs: () => number
  /** The broker has to stop. */
  readonly giveUp: (reason: Error) => void
}

/**
 * The directories that have failed since the broker registered: each heartbeat names them, so that their partitions get
 * other leaders. A broker that can't tell the controller in time stops: as long as nobody knows, nobody else leads them
 * (KIP-858).
 */
export class OfflineDirectories {
  readonly #options: OfflineDirectoriesOptions
  /** By the id, the timer of one that isn't told yet. */
  readonly #all = new Map<string, Timer | null>()
  #isClosed = false

  constructor(options: OfflineDirectoriesOptions) {
    this.#options = options
  }

  get ids(): string[] {
    return [...this.#all.keys()]
  }

  add(id: string, path: string): void {
    if (this.#all.has(id) || this.#isClosed) return
    const { clock, timeoutMs, giveUp } = this.#options
    const timer = clock.after(timeoutMs(), () => {
      const what = `The controller could not be told that the log directory ${path} is offline`
      giveUp(new Error(`${what} within log.dir.failure.timeout.ms`))
    })
    this.#all.set(id, timer)
  }

  /** The controller knows of these. */
  told(ids: readonly string[]): void {
    for (const id of ids) {
      this.#all.get(id)?.cancel()
      this.#all.set(id, null)
    }
  }

  close(): void {
    this.#isClosed = true
    this.told(this.ids)
  }
}
