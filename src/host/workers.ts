import { Worker } from 'node:worker_threads'
import { CorruptRecordError } from '../../protocol/records/errors.ts'
import type { WorkerOptions, Workers } from './host.ts'
import type { JobDuration, WorkerJob } from './job.ts'

/** What a thread is told. */
export interface WorkerCall {
  readonly module: string
  readonly name: string
  readonly task: unknown
  /** One int32: not 0 when the job should stop. */
  readonly stop: SharedArrayBuffer
}

export type WorkerAnswer = { readonly value: unknown } | { readonly fault: WorkerFault }

export interface WorkerFault {
  readonly message: string
  readonly code: string | undefined
  readonly stack: string | undefined
  readonly isCorrupt: boolean
}

interface Call {
  readonly message: WorkerCall
  readonly transfer: readonly ArrayBuffer[]
  resolve(value: unknown): void
  reject(error: Error): void
}

/** A thread costs some 10 MB, so it ends when nothing has come for so long. */
const IDLE_MS = 30_000

/**
 * Short ones: two, so that one heavy job doesn't hold up all others. Long ones: as many as run at a time, which is bounded by
 * who begins them (`log.cleaner.threads`).
 */
const THREADS: Record<JobDuration, number> = { short: 2, long: 16 }

/** A few threads for heavy work, each started when it is first needed. Idle ones don't keep the process alive. */
export function nodeWorkers(): Workers {
  const pools = { short: new Pool(THREADS.short), long: new Pool(THREADS.long) }
  return {
    run: (job, task, options) => pools[job.duration].run(job, task, options),
    close: async () => {
      await Promise.all([pools.short.close(), pools.long.close()])
    },
  }
}

/** Threads that take calls in the order in which they came. */
class Pool {
  readonly #maxThreads: number
  readonly #threads = new Set<Thread>()
  #queue: Call[] = []

  constructor(maxThreads: number) {
    this.#maxThreads = maxThreads
  }

  async run<Task, Answer>(
    job: WorkerJob<Task, Answer>,
    task: Task,
    { transfer = [], signal }: WorkerOptions = {},
  ): Promise<Answer> {
    const stop = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
    const stopNow = (): void => {
      const flag = new Int32Array(stop)
      Atomics.store(flag, 0, 1)
      Atomics.notify(flag, 0)
    }
    if (signal?.aborted === true) stopNow()
    signal?.addEventListener('abort', stopNow)
    try {
      const value = await new Promise<unknown>((resolve, reject) => {
        const message: WorkerCall = { module: job.module, name: job.run.name, task, stop }
        this.#queue.push({ message, transfer, resolve, reject })
        this.#next()
      })
      return value as Answer
    } finally {
      signal?.removeEventListener('abort', stopNow)
    }
  }

  async close(): Promise<void> {
    for (const call of this.#queue.splice(0)) call.reject(ended('The worker threads were closed'))
    await Promise.all(Array.from(this.#threads, (thread) => thread.end()))
  }

  #next(): void {
    while (this.#queue.length > 0) {
      const thread = this.#freeThread()
      if (thread === null) return
      thread.take(this.#queue.shift()!)
    }
  }

  #freeThread(): Thread | null {
    for (const thread of this.#threads) if (!thread.isBusy) return thread
    if (this.#threads.size === this.#maxThreads) return null
    const thread = new Thread(
      () => this.#next(),
      () => this.#threads.delete(thread),
    )
    this.#threads.add(thread)
    return thread
  }
}

/** A thread that does one call at a time, and ends when it has had nothing to do for a while. */
class Thread {
  readonly #worker = new Worker(new URL('./worker.js', import.meta.url))
  readonly #freed: () => void
  readonly #ended: () => void
  #call: Call | null = null
  #idle: NodeJS.Timeout | undefined

  /**
   * @param freed it can take another call
   * @param ended it takes no call any more
   */
  constructor(freed: () => void, ended: () => void) {
    this.#freed = freed
    this.#ended = ended
    this.#worker.on('message', (answer: WorkerAnswer) => this.#answered(answer))
    this.#worker.on('error', (error) => this.#lost(error))
    this.#worker.on('exit', () => this.#lost(undefined))
  }

  get isBusy(): boolean {
    return this.#call !== null
  }

  take(call: Call): void {
    clearTimeout(this.#idle)
    this.#call = call
    this.#worker.ref()
    try {
      this.#worker.postMessage(call.message, call.transfer)
    } catch (error) {
      // The task can't be cloned.
      this.#rest()
      call.reject(error as Error)
    }
  }

  async end(): Promise<void> {
    clearTimeout(this.#idle)
    this.#ended()
    this.#reject(ended('The worker threads were closed'))
    await this.#worker.terminate()
  }

  #rest(): void {
    this.#call = null
    this.#worker.unref()
    this.#idle = setTimeout(() => void this.end(), IDLE_MS).unref()
  }

  #answered(answer: WorkerAnswer): void {
    const call = this.#call
    if (call === null) return
    this.#rest()
    if ('value' in answer) call.resolve(answer.value)
    else call.reject(errorOf(answer.fault))
    this.#freed()
  }

  /** A thread that died (out of memory) takes its call with it; the next one starts another thread. */
  #lost(cause: Error | undefined): void {
    clearTimeout(this.#idle)
    this.#ended()
    this.#reject(ended('The worker thread ended', cause))
    this.#freed()
  }

  #reject(error: Error): void {
    const call = this.#call
    this.#call = null
    call?.reject(error)
  }
}

function errorOf({ message, code, stack, isCorrupt }: WorkerFault): Error {
  const cause = Object.assign(new Error(message), { stack })
  if (isCorrupt) return new CorruptRecordError(message, { cause })
  return Object.assign(new Error(message, { cause }), code === undefined ? {} : { code })
}

function ended(message: string, cause?: Error): Error {
  return Object.assign(new Error(message, { cause }), { code: 'WORKER_ENDED' })
}
