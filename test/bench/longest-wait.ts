import { Worker } from 'node:worker_threads'

/** Measures how long a node's loop is held, from a thread of its own. */
export class Pinger {
  readonly #worker: Worker

  constructor(at: { readonly host: string; readonly port: number }) {
    this.#worker = new Worker(new URL('./pinger.js', import.meta.url), { workerData: at })
  }

  /** The longest wait for an answer since this was last asked, in milliseconds. */
  longestMs(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#worker.once('error', reject).once('message', (longest: number) => {
        this.#worker.off('error', reject)
        resolve(longest)
      })
      this.#worker.postMessage('longest')
    })
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }
}
