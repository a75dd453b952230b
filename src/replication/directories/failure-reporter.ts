import type { ErrorName } from '../../../protocol/errors.ts'
import type { Clock, Logger, Timer } from '../../host/host.ts'

const RETRY_MS = 500

/**
 * Tells the controller of directories that failed while the broker runs, so that their partitions get other leaders. A
 * broker that can't tell it in time stops: as long as nobody knows, nobody else leads them (KIP-858).
 */
export class FailureReporter {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #timeoutMs: () => number
  readonly #ask: FailureReporterOptions['ask']
  readonly #giveUp: (reason: Error) => void
  readonly #untold = new Set<string>()
  readonly #timers = new Set<Timer>()
  #isStarted = false
  #isClosed = false
  #isAsking = false

  constructor(options: FailureReporterOptions) {
    this.#clock = options.clock
    this.#log = options.log
    this.#timeoutMs = options.timeoutMs
    this.#ask = options.ask
    this.#giveUp = options.giveUp
  }

  /** The broker is registered: what failed since it read its directories is told now. */
  start(): void {
    this.#isStarted = true
    void this.#tell()
  }

  report(directoryId: string, path: string): void {
    if (this.#isClosed) return
    this.#untold.add(directoryId)
    this.#after(this.#timeoutMs(), () => {
      if (!this.#untold.has(directoryId)) return
      const what = `The controller could not be told that the log directory ${path} is offline`
      this.#giveUp(new Error(`${what} within log.dir.failure.timeout.ms`))
    })
    void this.#tell()
  }

  close(): void {
    this.#isClosed = true
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }

  async #tell(): Promise<void> {
    if (!this.#isStarted || this.#isAsking || this.#isClosed || this.#untold.size === 0) return
    this.#isAsking = true
    const told = [...this.#untold]
    const failure = await this.#submit(told)
    this.#isAsking = false
    if (failure === null) {
      for (const id of told) this.#untold.delete(id)
      return this.#tell()
    }
    if (this.#isClosed) return
    this.#log.warn({ reason: failure }, 'The controller is told again of a failed directory')
    this.#after(RETRY_MS, () => void this.#tell())
  }

  async #submit(directoryIds: readonly string[]): Promise<unknown> {
    try {
      const { errorCode, errorMessage } = await this.#ask(directoryIds)
      return errorCode === 'NONE' ? null : (errorMessage ?? errorCode)
    } catch (error) {
      return error
    }
  }

  #after(delayMs: number, callback: () => void): void {
    const timer = this.#clock.after(delayMs, () => {
      this.#timers.delete(timer)
      callback()
    })
    this.#timers.add(timer)
  }
}

export interface FailureReporterOptions {
  readonly clock: Clock
  readonly log: Logger
  /** `log.dir.failure.timeout.ms` */
  readonly timeoutMs: () => number
  /** Asks the controller in this broker's name; may reject when the controller is lost. */
  readonly ask: (
    directoryIds: readonly string[],
  ) => Promise<{ readonly errorCode: ErrorName; readonly errorMessage: string | null }>
  /** The broker has to stop. */
  readonly giveUp: (reason: Error) => void
}
