import type { Clock, Logger, Timer } from './host.ts'

/** So many lines of a kind are written in each window, unless told otherwise... */
const LINES = 5
/** ...of this length; what is beyond them is counted, and told when it ends. */
const WINDOW_MS = 10_000

interface Window {
  lines: number
  leftOut: number
  lastFields: object
}

/**
 * Lines about what clients do wrong: a client that does it a thousand times a second must neither fill the disk nor hide what
 * else happens. The first lines of each kind are written, the others counted.
 */
export class RatedLog {
  readonly #log: Logger
  readonly #clock: Pick<Clock, 'after'>
  readonly #windows = new Map<string, Window>()
  readonly #lines: number
  #timer: Timer | null = null

  constructor(log: Logger, clock: Pick<Clock, 'after'>, lines = LINES) {
    this.#log = log
    this.#clock = clock
    this.#lines = lines
  }

  /** As `warn`, for what is worth no warning. */
  info(kind: string, fields: object, message: string): void {
    if (this.#isTold(kind, fields)) this.#log.info(fields, message)
  }

  /**
   * @param kind what lines are counted by, in words: the line that tells how many were left out has them. One of few: no
   * kind is made of what a client sends
   */
  warn(kind: string, fields: object, message: string): void {
    if (this.#isTold(kind, fields)) this.#log.warn(fields, message)
  }

  error(kind: string, fields: object, message: string): void {
    if (this.#isTold(kind, fields)) this.#log.error(fields, message)
  }

  /** Tells what was left out up to now. */
  close(): void {
    this.#timer?.cancel()
    this.#timer = null
    for (const [kind, { leftOut, lastFields }] of this.#windows) {
      if (leftOut === 0) continue
      this.#log.warn({ ...lastFields, kind, leftOut }, `Lines like these were left out: ${kind}`)
    }
    this.#windows.clear()
  }

  #isTold(kind: string, fields: object): boolean {
    const window = this.#windowOf(kind)
    if (window.lines < this.#lines) {
      window.lines++
      return true
    }
    window.leftOut++
    window.lastFields = fields
    return false
  }

  #windowOf(kind: string): Window {
    const known = this.#windows.get(kind)
    if (known !== undefined) return known
    const window = { lines: 0, leftOut: 0, lastFields: {} }
    this.#windows.set(kind, window)
    this.#timer ??= this.#clock.after(WINDOW_MS, () => this.close())
    return window
  }
}
