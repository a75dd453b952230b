import type { ReadUpTo } from '../../log/base/results.ts'
import { type Place, Row } from '../../log/base/row.ts'
import type { Log } from '../../log/log.ts'

/** Somebody who waits for records. */
export interface FetchWaiter {
  /**
   * Called when `sizeBytes` more became readable, or when leadership changed or the broker stops (then with Infinity).
   * @param stableBytes so many of what is decided, for readers of that; -1 where the last stable offset is where it was
   */
  advanced(sizeBytes: number, stableBytes: number): void
}

/** Who waits for the records of a partition: consumers for what is replicated, followers for what is written. */
export class FetchWaiters {
  readonly #consumers = new Row<FetchWaiter>()
  readonly #followers = new Row<FetchWaiter>()
  /** What came that consumers were not told of. */
  readonly #untold = new BytesByOffset()
  /** What came that no reader of what is decided was told of. */
  readonly #undecided = new BytesByOffset()
  #hasEnded = false

  /** Until it leaves its place. */
  wait(waiter: FetchWaiter, upTo: ReadUpTo): Place {
    const place = (upTo === 'logEnd' ? this.#followers : this.#consumers).join(waiter)
    if (this.#hasEnded) waiter.advanced(Infinity, Infinity)
    return place
  }

  /** So much is in the log, up to this end of it, that consumers will be told of. */
  came(sizeBytes: number, logEndOffset: number): void {
    if (sizeBytes === 0) return
    this.#untold.add(sizeBytes, logEndOffset)
    this.#undecided.add(sizeBytes, logEndOffset)
  }

  /**
   * High watermark and last stable offset may have moved: consumers are told how much they can read more.
   * @param before the high watermark that was
   * @param stableBefore the last stable offset that was
   */
  replicated({ highWatermark, lastStableOffset }: Log, before: number, stableBefore: number): void {
    const readable = this.#untold.takeUpTo(highWatermark)
    const decided = this.#undecided.takeUpTo(lastStableOffset)
    const isMoved = highWatermark !== before
    const isStableMoved = lastStableOffset !== stableBefore
    // The first of several appends that were written together moves it for all of them.
    if (!isMoved && !isStableMoved && readable === 0) return
    // How much that is may not be known, as after a restart; but it is something.
    const least = isMoved ? Math.max(1, readable) : readable
    const leastStable = isStableMoved ? Math.max(1, decided) : decided
    tell(this.#consumers, least, leastStable > 0 ? leastStable : -1)
  }

  /** So much more is written. */
  written(sizeBytes: number): void {
    tell(this.#followers, sizeBytes, sizeBytes)
  }

  /** The log begins later, which is all that followers are told. */
  startMoved(): void {
    tell(this.#followers, Infinity, Infinity)
  }

  /** Nothing is as it was. */
  lookAgain(): void {
    tell(this.#consumers, Infinity, Infinity)
    tell(this.#followers, Infinity, Infinity)
  }

  /** Nobody may wait any more. */
  end(): void {
    this.#hasEnded = true
    this.lookAgain()
  }
}

function tell(waiters: Row<FetchWaiter>, sizeBytes: number, stableBytes: number): void {
  if (waiters.isEmpty) return
  for (const waiter of waiters.members()) waiter.advanced(sizeBytes, stableBytes)
}

/** So many are kept apart; what comes on top counts as one with the last. */
const MOST_APART = 100

interface Bytes {
  sizeBytes: number
  endOffset: number
}

/** Bytes of a log that were not counted yet, by the offset at which they end. */
class BytesByOffset {
  /** The first of them: where nobody is waited for, there are no others. */
  #sizeBytes = 0
  #endOffset = 0
  readonly #others: Bytes[] = []

  add(sizeBytes: number, endOffset: number): void {
    if (this.#sizeBytes === 0) {
      this.#sizeBytes = sizeBytes
      this.#endOffset = endOffset
    } else if (this.#others.length < MOST_APART) {
      this.#others.push({ sizeBytes, endOffset })
    } else {
      const last = this.#others.at(-1)!
      last.sizeBytes += sizeBytes
      last.endOffset = endOffset
    }
  }

  /** Counts all that ends there, or before. */
  takeUpTo(offset: number): number {
    let bytes = 0
    while (this.#sizeBytes > 0 && this.#endOffset <= offset) {
      bytes += this.#sizeBytes
      const next = this.#others.shift()
      this.#sizeBytes = next?.sizeBytes ?? 0
      this.#endOffset = next?.endOffset ?? 0
    }
    return bytes
  }
}
