import { parentPort } from 'node:worker_threads'
import { CorruptRecordError } from '../../protocol/records/errors.ts'
import { nodeCodecs } from './codecs.ts'
import type { WorkerAnswer, WorkerTask } from './workers.ts'

/** What runs in a thread of `nodeWorkers`: one task after the other, each answered. */
const codecs = nodeCodecs()

function run(task: WorkerTask): Buffer {
  return task.maxBytes === null
    ? codecs.compress(task.type, task.bytes)
    : codecs.decompress(task.type, task.bytes, task.maxBytes)
}

parentPort!.on('message', (task: WorkerTask) => {
  let answer: WorkerAnswer
  try {
    // A copy that has its memory to itself can be handed over; small results share theirs with others.
    const bytes = new Uint8Array(run(task))
    answer = { id: task.id, bytes }
    parentPort!.postMessage(answer, [bytes.buffer])
  } catch (error) {
    const { message } = error as Error
    answer = { id: task.id, message, isCorrupt: error instanceof CorruptRecordError }
    parentPort!.postMessage(answer)
  }
})
