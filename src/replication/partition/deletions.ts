import type { ErrorName } from '../../../protocol/errors.ts'
import type { Clock, Timer } from '../../host/host.ts'

/** What a DeleteRecords comes to in one partition. */
export interface Deletion {
  readonly errorCode: ErrorName
  /** All replicas have let go of what is before it whose brokers are alive; -1 where that isn't known. */
  readonly lowWatermark: number
}

export type DeletionDone = (deletion: Deletion) => void

interface Pending {
  /** The low watermark that is waited for. */
  readonly offset: number
  readonly done: DeletionDone
  readonly timer: Timer
}

/** Deletions of records that wait for the partition's other replicas (Kafka's DelayedDeleteRecords). */
export class Deletions {
  readonly #clock: Clock
  readonly #pending = new Set<Pending>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get isEmpty(): boolean {
    return this.#pending.size === 0
  }

  /**
   * The leader has let go of what is before the offset. `done` is called once: when the low watermark has come to there, which may
   * be now, or when that can't be waited for; after `timeoutMs` with REQUEST_TIMED_OUT and, as in Kafka, the low watermark of now.
   */
  add(offset: number, lowWatermark: number, timeoutMs: number, done: DeletionDone): void {
    if (lowWatermark >= offset) return done({ errorCode: 'NONE', lowWatermark })
    const pending: Pending = {
      offset,
      done,
      timer: this.#clock.after(Math.max(0, timeoutMs), () => {
        this.#pending.delete(pending)
        done({ errorCode: 'REQUEST_TIMED_OUT', lowWatermark })
      }),
    }
    this.#pending.add(pending)
  }

  deletedUpTo(lowWatermark: number): void {
    for (const pending of this.#pending) {
      if (lowWatermark >= pending.offset) this.#end(pending, { errorCode: 'NONE', lowWatermark })
    }
  }

  refuseAll(errorCode: ErrorName): void {
    for (const pending of this.#pending) this.#end(pending, refusedDeletion(errorCode))
  }

  #end(pending: Pending, deletion: Deletion): void {
    this.#pending.delete(pending)
    pending.timer.cancel()
    pending.done(deletion)
  }
}

export function refusedDeletion(errorCode: ErrorName): Deletion {
  return { errorCode, lowWatermark: -1 }
}
