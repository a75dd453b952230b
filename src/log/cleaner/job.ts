import type { WorkerParts } from '../../host/host.ts'
import { CorruptSegmentError, StoppedError, type Corruption } from './source.ts'
import { Throttle } from './throttle.ts'

/** How a job of the cleaner may use the machine. */
export interface Effort {
  /** How much is read or written at once. */
  readonly bufferBytes: number
  /** Of reading and writing together; Infinity: as fast as it goes. */
  readonly bytesPerSecond: number
}

/** What a job comes to: its result, or that it was told to stop, or where the log is damaged. */
export type Outcome<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'corrupt'; readonly corruption: Corruption }

/**
 * Runs a job's work, and tells apart how it can end: an error that isn't one of those is the disk's, and is thrown.
 */
export function attempt<Result>(
  parts: WorkerParts,
  effort: Effort,
  work: (throttle: Throttle) => Result,
): Outcome<Result> {
  const throttle = new Throttle(parts, effort.bytesPerSecond)
  try {
    const result = work(throttle)
    throttle.settle()
    return { kind: 'done', result }
  } catch (error) {
    if (error instanceof StoppedError) return { kind: 'stopped' }
    if (error instanceof CorruptSegmentError) {
      return { kind: 'corrupt', corruption: error.corruption }
    }
    throw error
  }
}
