/** Something to do; it is done when this returns, or when what it returns has resolved. */
export type Job = () => void | Promise<void>

/** Does one job after another, in order. Jobs that are done at once are done within `put`, unless another one lasts. */
export class JobQueue {
  readonly #failed: (error: Error) => void
  #jobs: { readonly job: Job; readonly dropped: () => void }[] = []
  #isRunning = false
  #waiting: (() => void)[] = []

  /** @param failed a job has failed; the others go on unless the queue is stopped */
  constructor(failed: (error: Error) => void) {
    this.#failed = failed
  }

  /** @param dropped called in its place, where the queue was stopped before the job began */
  put(job: Job, dropped: () => void = () => undefined): void {
    this.#jobs.push({ job, dropped })
    if (!this.#isRunning) void this.#run()
  }

  /** Resolves when nothing is left to do. */
  whenIdle(): Promise<void> {
    if (!this.#isRunning) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** What has not begun is not done. */
  stop(): void {
    for (const { dropped } of this.#jobs.splice(0)) dropped()
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    for (let next = this.#jobs.shift(); next !== undefined; next = this.#jobs.shift()) {
      try {
        const done = next.job()
        if (done !== undefined) await done
      } catch (error) {
        this.#failed(error as Error)
      }
    }
    this.#isRunning = false
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}
