import type { ErrorName } from '../../../protocol/errors.ts'
import type { Clock, Timer } from '../../host/host.ts'
import type { AppendResult } from '../../log/base/results.ts'

interface Pending {
  readonly result: AppendResult
  readonly done: (result: AppendResult) => void
  readonly timer: Timer
}

/** Appends whose acknowledgement waits for the ISR, in the order of their offsets. */
export class Acknowledgements {
  readonly #clock: Clock
  #pending: Pending[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `done` is called once: when the append is replicated or refused, with REQUEST_TIMED_OUT after `timeoutMs`. */
  add(result: AppendResult, timeoutMs: number, done: (result: AppendResult) => void): void {
    const pending: Pending = {
      result,
      done,
      timer: this.#clock.after(timeoutMs, () => {
        this.#pending = this.#pending.filter((other) => other !== pending)
        done(failure('REQUEST_TIMED_OUT', result.logStartOffset))
      }),
    }
    this.#pending.push(pending)
  }

  /** What is before the high watermark is replicated. */
  replicatedUpTo(highWatermark: number, judge: (result: AppendResult) => AppendResult): void {
    while (this.#pending.length > 0 && this.#pending[0]!.result.lastOffset < highWatermark) {
      const { result, done, timer } = this.#pending.shift()!
      timer.cancel()
      done(judge(result))
    }
  }

  refuseAll(errorCode: ErrorName): void {
    for (const { result, done, timer } of this.#pending.splice(0)) {
      timer.cancel()
      done(failure(errorCode, result.logStartOffset))
    }
  }
}

export function failure(errorCode: ErrorName, logStartOffset = -1): AppendResult {
  return {
    errorCode,
    errorMessage: null,
    recordErrors: [],
    baseOffset: -1,
    lastOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset,
  }
}
