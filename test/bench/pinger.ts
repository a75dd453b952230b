import { parentPort, workerData } from 'node:worker_threads'
import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import { RawClient } from '../support/raw-client.ts'

/** A client of its own thread that asks for what costs nothing; asked by its parent, it tells the longest wait since then. */
const client = await RawClient.connect(workerData as { host: string; port: number })
let longestMs = 0
let begunAt = performance.now()

parentPort!.on('message', () => {
  // An answer that is still out counts as far as it is late.
  parentPort!.postMessage(Math.max(longestMs, performance.now() - begunAt))
  longestMs = 0
})

for (;;) {
  begunAt = performance.now()
  await client.request(ApiVersions, 0, {})
  longestMs = Math.max(longestMs, performance.now() - begunAt)
  await new Promise((resolve) => setTimeout(resolve, 1))
  begunAt = performance.now()
}
