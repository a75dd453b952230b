import { Session } from 'node:inspector'
import type { Clock } from '../../src/host/host.ts'

/**
 * How often functions of ours are called, at most, between two turns of the event loop for which somebody waits; what is
 * compiled from declarations is not counted. To count takes far longer than what is counted.
 */
export class CallCounter {
  #session: Session | null = null
  #most = 0
  #takesTurns = true

  /** @param clock which is changed so that it tells of turns */
  constructor(clock: Clock) {
    const { endOfTurn } = clock
    clock.endOfTurn = (callback) => {
      endOfTurn.call(clock, () => {
        if (this.#takesTurns) this.#take()
        callback()
      })
    }
  }

  /** From here on calls are counted, and take longer. To start takes as long as many counts. */
  start(): void {
    this.#session = new Session()
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  }

  stop(): void {
    this.#session?.post('Profiler.stopPreciseCoverage')
    this.#session?.disconnect()
    this.#session = null
  }

  /** Of all turns together: no turn has more. One count, where each turn would take one. */
  async allOf(run: () => Promise<unknown>): Promise<number> {
    this.#takesTurns = false
    try {
      return await this.mostOf(run)
    } finally {
      this.#takesTurns = true
    }
  }

  /** Of the turn that has most. */
  async mostOf(run: () => Promise<unknown>): Promise<number> {
    this.#take()
    this.#most = 0
    await run()
    this.#take()
    return this.#most
  }

  /** Each time the counts begin anew. */
  #take(): void {
    this.#session?.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error !== null) throw error
      let calls = 0
      for (const { url, functions } of taken.result) {
        if (!/\/dist\/(src|protocol)\//.test(url)) continue
        for (const { ranges } of functions) calls += ranges[0]!.count
      }
      this.#most = Math.max(this.#most, calls)
    })
  }
}
