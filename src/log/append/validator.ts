import type { Host } from '../../host/host.ts'
import { VALIDATE, type ValidatedInThread, type RecordRules } from './validate.ts'
import { faultOf, type AppendFault } from '../base/faults.ts'

/** Whether an append's batches may be placed, and what they have become. */
export type AppendOutcome = { readonly fault: AppendFault } | { readonly bytes: Buffer }

/** Who waits for what a thread says. */
interface Waiting {
  /** It waits no longer, and its records' memory may be another's by now. */
  readonly isDropped: boolean
}

interface Validation {
  readonly records: Buffer
  readonly rules: RecordRules
  readonly nowMs: number
  readonly waiting: Waiting
  readonly resolve: (outcome: AppendOutcome) => void
}

/** Counts bytes that requests take up beside those that they came in. */
export interface CountedMemory {
  add(bytes: number): void
  remove(bytes: number): void
}

/** So many jobs are with the threads at a time: one for each of the short ones' threads, and one that is next. */
const MAX_JOBS = 3
/** Appends are put into one job until they have so many bytes: for small ones the way there costs more than the work. */
const JOB_BYTES = 128 * 1024

/**
 * Has records validated in worker threads, in jobs of several appends. What waits stays in the memory of its request, which
 * counts as `queued.max.request.bytes` says until the request is answered; it is copied when a thread is about to take it. So
 * the copies are never more than those of a few jobs, and they count too for as long as a thread has them.
 */
export class RecordValidator {
  readonly #host: Pick<Host, 'workers' | 'log'>
  readonly #memory: CountedMemory
  #queue: Validation[] = []
  #jobs = 0

  constructor(host: Pick<Host, 'workers' | 'log'>, memory: CountedMemory) {
    this.#host = host
    this.#memory = memory
  }

  /** Resolves with what became of the records; never rejects. Records of who waits no longer are not looked at. */
  validate(
    records: Buffer,
    rules: RecordRules,
    nowMs: number,
    waiting: Waiting,
  ): Promise<AppendOutcome> {
    return new Promise((resolve) => {
      this.#queue.push({ records, rules, nowMs, waiting, resolve })
      this.#beginJobs()
    })
  }

  #beginJobs(): void {
    while (this.#jobs < MAX_JOBS) {
      const job = this.#takeJob()
      if (job.length === 0) return
      this.#jobs++
      void this.#run(job)
    }
  }

  /** The first ones of the queue that fit into one job. */
  #takeJob(): readonly Validation[] {
    const job: Validation[] = []
    let sizeBytes = 0
    let taken = 0
    for (const validation of this.#queue) {
      const { records, waiting } = validation
      if (!waiting.isDropped) {
        if (job.length > 0 && sizeBytes + records.length > JOB_BYTES) break
        job.push(validation)
        sizeBytes += records.length
      }
      taken++
    }
    this.#queue = taken === this.#queue.length ? [] : this.#queue.slice(taken)
    return job
  }

  async #run(job: readonly Validation[]): Promise<void> {
    const sizeBytes = job.reduce((sum, { records }) => sum + records.length, 0)
    this.#memory.add(sizeBytes)
    try {
      const outcomes = await this.#inThread(job, sizeBytes)
      job.forEach(({ records, resolve }, index) => resolve(outcomeOf(records, outcomes[index]!)))
    } catch (error) {
      const partitions = job.map(({ rules }) => rules.name)
      this.#host.log.error({ err: error, partitions }, 'Records could not be validated')
      for (const { rules, resolve } of job) {
        const errorMessage = `The records for ${rules.name} could not be validated: ${(error as Error).message}`
        resolve({ fault: faultOf('UNKNOWN_SERVER_ERROR', errorMessage) })
      }
    }
    this.#memory.remove(sizeBytes)
    this.#jobs--
    this.#beginJobs()
  }

  #inThread(job: readonly Validation[], sizeBytes: number): Promise<readonly ValidatedInThread[]> {
    // Not from Buffer's pool: the thread gets the whole memory.
    const bytes = Buffer.allocUnsafeSlow(sizeBytes)
    let at = 0
    const appends = job.map(({ records, rules, nowMs }) => {
      at += records.copy(bytes, at)
      return { sizeBytes: records.length, rules, nowMs }
    })
    return this.#host.workers.run(VALIDATE, { bytes, appends }, { transfer: [bytes.buffer] })
  }
}

function outcomeOf(records: Buffer, validated: ValidatedInThread): AppendOutcome {
  if ('fault' in validated) return validated
  const { bytes } = validated
  if (bytes === null) return { bytes: records }
  return { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) }
}
