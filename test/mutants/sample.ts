import { parentPort, isMainThread, Worker } from 'node:worker_threads'

/** What trials are tried on: code that its own test looks at, here, in a thread and in another process. */
export function double(value: number): number {
  return value * 2
}

/** In a thread, or in a process that runs this file with the word `print`, it gives the answer for 21. */
if (!isMainThread && parentPort !== null && process.argv[2] === 'answer') {
  parentPort.postMessage(double(21))
}
if (process.argv[2] === 'print') process.stdout.write(String(double(21)))

export function inThread(): Promise<number> {
  const worker = new Worker(new URL(import.meta.url), { argv: ['answer'] })
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}
