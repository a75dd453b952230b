import { Worker } from 'node:worker_threads'
import type { CompressionType } from '../../protocol/records/codecs.ts'
import { CorruptRecordError } from '../../protocol/records/errors.ts'
import type { Workers } from './host.ts'

export interface WorkerTask {
  readonly id: number
  readonly type: CompressionType
  readonly bytes: Uint8Array
  /** null: compress; else decompress into at most so many bytes. */
  readonly maxBytes: number | null
}

export type WorkerAnswer =
  | { readonly id: number; readonly bytes: Uint8Array }
  | { readonly id: number; readonly message: string; readonly isCorrupt: boolean }

interface Waiting {
  resolve(bytes: Buffer): void
  reject(error: Error): void
}

/** A thread costs some 10 MB, so it ends when nothing has come for so long. */
const IDLE_MS = 30_000

/** One thread for heavy work, started when it is first needed. An idle one doesn't keep the process alive. */
export function nodeWorkers(): Workers {
  const pool = new Thread()
  return {
    compress: (type, bytes) => pool.run(type, bytes, null),
    decompress: (type, bytes, maxBytes) => pool.run(type, bytes, maxBytes),
    close: () => pool.close(),
  }
}

class Thread {
  #worker: Worker | null = null
  #idle: NodeJS.Timeout | undefined
  #nextId = 0
  readonly #waiting = new Map<number, Waiting>()

  run(type: CompressionType, bytes: Uint8Array, maxBytes: number | null): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      clearTimeout(this.#idle)
      const worker = (this.#worker ??= this.#start())
      const id = this.#nextId++
      this.#waiting.set(id, { resolve, reject })
      worker.ref()
      const copy = new Uint8Array(bytes)
      const task: WorkerTask = { id, type, bytes: copy, maxBytes }
      worker.postMessage(task, [copy.buffer])
    })
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle)
    const worker = this.#worker
    this.#worker = null
    this.#rejectAll(ended('The worker thread was closed'))
    await worker?.terminate()
  }

  #start(): Worker {
    const worker = new Worker(new URL('./worker.js', import.meta.url))
    worker.on('message', (answer: WorkerAnswer) => this.#settle(worker, answer))
    worker.on('error', (error) => this.#lost(worker, error))
    worker.on('exit', () => this.#lost(worker, undefined))
    return worker
  }

  #settle(worker: Worker, answer: WorkerAnswer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if ('bytes' in answer) {
      const { buffer, byteOffset, length } = answer.bytes
      waiting?.resolve(Buffer.from(buffer, byteOffset, length))
    } else {
      const { message, isCorrupt } = answer
      waiting?.reject(isCorrupt ? new CorruptRecordError(message) : new Error(message))
    }
    if (this.#waiting.size > 0 || this.#worker !== worker) return
    worker.unref()
    this.#idle = setTimeout(() => void this.close(), IDLE_MS).unref()
  }

  /** A thread that died (out of memory) takes its tasks with it; the next task starts another. */
  #lost(worker: Worker, cause: Error | undefined): void {
    if (this.#worker !== worker) return
    this.#worker = null
    this.#rejectAll(ended('The worker thread ended', cause))
  }

  #rejectAll(error: Error): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(error)
  }
}

function ended(message: string, cause?: Error): Error {
  return Object.assign(new Error(message, { cause }), { code: 'WORKER_ENDED' })
}
