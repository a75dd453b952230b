import type { WorkerParts } from './host.ts'

/** A function that can run in a worker thread, made by `workerJob`. */
export interface WorkerJob<Task, Answer> {
  /** The URL of the module that exports the function under its own name. */
  readonly module: string
  readonly duration: JobDuration
  readonly run: (task: Task, parts: WorkerParts) => Answer
}

/**
 * `short` jobs take milliseconds, and somebody waits for them; `long` ones may take minutes. They have threads of their
 * own, so that the short ones never wait for the long ones.
 */
export type JobDuration = 'short' | 'long'

/**
 * Declares a job beside its function, which the module must export under its own name, since the thread imports it anew (a
 * comment that tags the function as a job tells knip that the export is used):
 *
 *     export const COUNT_RECORDS = workerJob(import.meta.url, countRecords, 'short')
 *     export function countRecords(task: { bytes: Uint8Array }, { codecs }: WorkerParts): number { ... }
 *
 * It shares no state with this thread, and is synchronous: a thread does one job at a time.
 */
export function workerJob<Task, Answer>(
  module: string,
  run: (task: Task, parts: WorkerParts) => Answer,
  duration: JobDuration,
): WorkerJob<Task, Answer> {
  return { module, run, duration }
}
