/** A clean under way. */
export interface CleaningTurn {
  /** Given when the clean has to end without a result. */
  readonly signal: AbortSignal
  /** Has to be called when nothing of the clean goes on any more. */
  end(): void
}

interface Cleaning {
  readonly controller: AbortController
  readonly ended: Promise<void>
}

/** Keeps the cleaner out of a log that is being truncated or closed, and two cleans out of each other's way. */
export class CleaningGate {
  #cleaning: Cleaning | null = null
  #pauses = 0
  #isClosed = false
  /** Segments are taking others' place: none may be removed but by who swaps them. */
  isSwapping = false

  get isFree(): boolean {
    return this.#cleaning === null && this.#pauses === 0 && !this.#isClosed
  }

  /** @returns null where nobody may clean now */
  begin(): CleaningTurn | null {
    if (!this.isFree) return null
    const controller = new AbortController()
    let resolve = (): void => undefined
    const ended = new Promise<void>((settle) => (resolve = settle))
    const cleaning = { controller, ended }
    this.#cleaning = cleaning
    return {
      signal: controller.signal,
      end: () => {
        if (this.#cleaning === cleaning) this.#cleaning = null
        resolve()
      },
    }
  }

  /** Ends the clean under way, waits until it has, and lets none begin before the function returned is called. */
  async pause(): Promise<() => void> {
    this.#pauses++
    this.#cleaning?.controller.abort()
    await this.#cleaning?.ended
    return () => void this.#pauses--
  }

  /** The log is gone: what is under way ends by itself. */
  close(): void {
    this.#isClosed = true
    this.#cleaning?.controller.abort()
  }
}
