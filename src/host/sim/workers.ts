import * as threads from 'node:worker_threads'
import type { WorkerParts, Workers } from '../host.ts'

export interface InlineWorkersOptions extends Pick<WorkerParts, 'disk' | 'codecs' | 'clock'> {
  /** Runs what a thread would: a simulated disk's `later`, after whose crash nothing settles; else the next microtask. */
  readonly later?: <Result>(work: () => Result) => Promise<Result>
}

/**
 * Workers of a simulated Host: jobs run in this thread, one whole job at a time, with what the Host has. Task and answer
 * are cloned and moved all the same, so that what wouldn't survive a real thread doesn't here.
 */
export function inlineWorkers(options: InlineWorkersOptions): Workers {
  const { disk, codecs, clock } = options
  const later = options.later ?? (async (work) => Promise.resolve().then(work))
  return {
    run: async (job, task, { transfer = [], signal } = {}) => {
      const given = structuredClone(task, { transfer: [...transfer] })
      return later(() => {
        const handedOver = new HandedOver()
        const answer = job.run(given, {
          disk,
          codecs,
          clock,
          isStopped: () => signal?.aborted ?? false,
          sleep: () => undefined,
          handOver: (bytes) => handedOver.add(bytes),
        })
        return structuredClone(answer, { transfer: handedOver.memory })
      })
    },
    close: () => Promise.resolve(),
  }
}

/** The memory that a job's answer takes with it. */
export class HandedOver {
  readonly #memory = new Set<ArrayBuffer>()

  get memory(): ArrayBuffer[] {
    return [...this.#memory]
  }

  add(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const { buffer, byteLength } = bytes
    const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
    const isMovable = isWhole && !isMarkedAsUntransferable(buffer)
    const own = isMovable ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes)
    this.#memory.add(own.buffer)
    return own
  }
}

/**
 * Whether memory belongs to somebody who keeps it: a native library, or Node's own pool. From Node 21 on an attempt to
 * move such memory is an error; Node 20, which can't be asked, copies it.
 */
const isMarkedAsUntransferable: (memory: ArrayBuffer) => boolean =
  (threads as { isMarkedAsUntransferable?: (memory: ArrayBuffer) => boolean })
    .isMarkedAsUntransferable ?? (() => false)
