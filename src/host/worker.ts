import { parentPort } from 'node:worker_threads'
import { CorruptRecordError } from '../../protocol/records/errors.ts'
import { systemClock } from './clock.ts'
import { nodeCodecs } from './codecs.ts'
import { systemDisk } from './disk.ts'
import type { WorkerParts } from './host.ts'
import { HandedOver } from './sim/workers.ts'
import type { WorkerAnswer, WorkerCall, WorkerFault } from './workers.ts'

/** What runs in a thread of `nodeWorkers`: one call after the other, each answered. */
const host = { clock: systemClock(), disk: systemDisk(), codecs: nodeCodecs() }

type Run = (task: unknown, parts: WorkerParts) => unknown

async function answer({ module, name, task, stop }: WorkerCall): Promise<void> {
  const handedOver = new HandedOver()
  try {
    const exported = (await import(module)) as Record<string, Run | undefined>
    const run = exported[name]
    if (typeof run !== 'function') throw new Error(`${module} exports no function ${name}`)
    const flag = new Int32Array(stop)
    const value = run(task, {
      ...host,
      isStopped: () => Atomics.load(flag, 0) !== 0,
      sleep: (durationMs) => void Atomics.wait(flag, 0, 0, durationMs),
      handOver: (bytes) => handedOver.add(bytes),
    })
    const message: WorkerAnswer = { value }
    parentPort!.postMessage(message, handedOver.memory)
  } catch (error) {
    const message: WorkerAnswer = { fault: faultOf(error) }
    parentPort!.postMessage(message)
  }
}

/** Structured clone would drop the `code` of an error, and its class. */
function faultOf(error: unknown): WorkerFault {
  const { message, code, stack } = error as NodeJS.ErrnoException
  return { message, code, stack, isCorrupt: error instanceof CorruptRecordError }
}

parentPort!.on('message', (call: WorkerCall) => void answer(call))
