import { setImmediate } from 'node:timers/promises'
import type { Workers } from '../../../src/host/host.ts'
import { inlineWorkers } from '../../../src/host/sim/workers.ts'
import { codecs, realHost } from '../support.ts'

/** Workers whose jobs run when a test says so. */
export interface HeldWorkers extends Workers {
  /** The names of the jobs that wait, in the order in which they were given. */
  readonly waiting: readonly string[]
  /** Runs one of them; what it leads to has happened when this resolves. */
  finish(index: number): Promise<void>
  /** Ends one as a thread does that ran out of memory. */
  break(index: number): Promise<void>
}

export function heldWorkers(): HeldWorkers {
  const { disk, clock } = realHost()
  const inline = inlineWorkers({ disk, clock, codecs })
  const held: { name: string; run: () => void; fail: (error: Error) => void }[] = []
  const take = (index: number) => held.splice(index, 1)[0]!
  return {
    get waiting() {
      return held.map(({ name }) => name)
    },
    run: (job, task, options) =>
      new Promise((resolve, reject) => {
        const run = (): void => void inline.run(job, task, options).then(resolve, reject)
        held.push({ name: job.run.name, run, fail: reject })
      }),
    finish: async (index) => {
      take(index).run()
      await setImmediate()
    },
    break: async (index) => {
      const error = Object.assign(new Error('The worker thread ended'), { code: 'WORKER_ENDED' })
      take(index).fail(error)
      await setImmediate()
    },
    close: () => Promise.resolve(),
  }
}
