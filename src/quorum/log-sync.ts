import type { Log } from '../log/log.ts'

/** Has the metadata log synced: one sync at a time; what is appended during one waits for the next. */
export class LogSync {
  readonly #log: Pick<Log, 'flush' | 'logEndOffset'>
  readonly #synced: (upTo: number) => void
  readonly #failed: (error: Error) => void
  #syncing: Promise<void> | null = null
  /** How often the log was cut: what was synced before says nothing of what was written after. */
  #cuts = 0
  #isStopped = false

  /** @param synced the log is durable below that offset */
  constructor(
    log: Pick<Log, 'flush' | 'logEndOffset'>,
    synced: (upTo: number) => void,
    failed: (error: Error) => void,
  ) {
    this.#log = log
    this.#synced = synced
    this.#failed = failed
  }

  /** Something was appended. */
  begin(): void {
    if (this.#syncing !== null || this.#isStopped) return
    const upTo = this.#log.logEndOffset
    const cuts = this.#cuts
    this.#syncing = this.#log.flush().then(
      () => {
        this.#syncing = null
        if (cuts === this.#cuts) this.#synced(upTo)
        if (cuts !== this.#cuts || this.#log.logEndOffset > upTo) this.begin()
      },
      (error: Error) => {
        this.#syncing = null
        this.#failed(error)
      },
    )
  }

  /** The log is about to be cut. */
  cut(): void {
    this.#cuts++
  }

  /** Begins no more. */
  stop(): void {
    this.#isStopped = true
  }

  /** Resolves when the sync that is under way has ended. */
  async whenEnded(): Promise<void> {
    await this.#syncing
  }
}
