import type { EpochEntry } from '../../src/log/state/epoch-cache.ts'
import { EpochCache } from '../../src/log/state/epoch-cache.ts'
import type { ProducerEntry } from '../../src/log/producers/producer-entry.ts'
import type { SeenBatch } from './batches.ts'

/** What a producer wrote last. */
interface LastWritten {
  readonly epoch: number
  readonly lastOffset: number
  readonly lastSequence: number
}

/** So many producers are remembered: a bound for memory, not for what is right. */
const MAX_PRODUCERS = 100_000

/** What the batches of a partition say so far, to hold against what is kept beside them. */
export class PartitionScan {
  /** Where the records of transactions begin that no marker has ended, by producer id. */
  readonly opened = new Map<number, number>()
  nextOffset = 0
  latestEpoch = -1
  readonly #producers = new Map<number, LastWritten>()
  readonly #epochs: EpochCache
  readonly #firstKnownOffset: number

  /** @param epochs of `leader-epoch-checkpoint`; none where it can't be read */
  constructor(epochs: readonly EpochEntry[]) {
    this.#epochs = new EpochCache(epochs)
    this.#firstKnownOffset = epochs[0]?.startOffset ?? Infinity
  }

  add(batch: SeenBatch): void {
    this.nextOffset = Math.max(this.nextOffset, batch.lastOffset + 1)
    this.latestEpoch = Math.max(this.latestEpoch, batch.leaderEpoch)
    const { producerId } = batch
    if (producerId < 0) return
    if (batch.marker !== null) this.opened.delete(producerId)
    else if (batch.isTransactional && batch.recordCount > 0 && !this.opened.has(producerId)) {
      this.opened.set(producerId, batch.baseOffset)
    }
    if (batch.isControl) return
    const { producerEpoch: epoch, lastOffset, lastSequence } = batch
    this.#producers.delete(producerId)
    this.#producers.set(producerId, { epoch, lastOffset, lastSequence })
    if (this.#producers.size <= MAX_PRODUCERS) return
    for (const oldest of this.#producers.keys()) {
      this.#producers.delete(oldest)
      break
    }
  }

  /** A batch could not be read: what was said before it says nothing of what comes. */
  forget(): void {
    this.opened.clear()
    this.#producers.clear()
  }

  /** A batch in an epoch that the checkpoint says was over, or not begun. One behind is normal: it is written later. */
  epochProblem({ baseOffset, leaderEpoch }: SeenBatch): string | null {
    if (leaderEpoch < 0 || baseOffset < this.#firstKnownOffset) return null
    const kept = this.#epochs.epochAt(baseOffset)
    if (kept === leaderEpoch || (kept < leaderEpoch && leaderEpoch > this.#epochs.latestEpoch)) {
      return null
    }
    return `The batch is of leader epoch ${leaderEpoch}, and leader-epoch-checkpoint has ${kept} for its offset`
  }

  /** What a snapshot of this very offset says of a producer that its batches don't. */
  producerProblem(entry: ProducerEntry): string | null {
    const written = this.#producers.get(entry.producerId)
    const last = entry.batches.at(-1)
    // Another epoch began with no record yet; what isn't in the log any more can't be held against it.
    if (written === undefined || last === undefined || entry.epoch !== written.epoch) return null
    const isSame =
      last.lastOffset === written.lastOffset && last.lastSequence === written.lastSequence
    if (isSame) return null
    return `Producer ${entry.producerId} wrote sequence ${written.lastSequence} at offset ${written.lastOffset} last, not ${last.lastSequence} at ${last.lastOffset}`
  }
}
