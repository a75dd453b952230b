import type { EpochEndOffset } from '../base/results.ts'

export interface EpochEntry {
  readonly epoch: number
  readonly startOffset: number
}

const UNKNOWN: EpochEndOffset = { leaderEpoch: -1, endOffset: -1 }

/** Which leader epoch wrote which offsets: for each epoch the offset that it began with. Both only rise. */
export class EpochCache {
  #entries: EpochEntry[]
  #changed = false
  /** The last epoch has no batch yet: whoever leads next begins one anyway, so it needs no place in the file. */
  #isBegun = false

  constructor(entries: readonly EpochEntry[] = []) {
    this.#entries = [...entries]
  }

  get entries(): readonly EpochEntry[] {
    return this.#entries
  }

  /** -1 where there is none. */
  get latestEpoch(): number {
    return this.#entries.at(-1)?.epoch ?? -1
  }

  /** Something isn't in the checkpoint file yet. */
  get isChanged(): boolean {
    return this.#changed
  }

  markSaved(): void {
    this.#changed = false
  }

  /** A batch of this epoch begins at this offset. Entries that contradict it are dropped. */
  assign(epoch: number, startOffset: number): void {
    if (epoch < 0) return
    const begun = this.#isBegun ? this.#entries.at(-1)! : null
    if (begun !== null && epoch < begun.epoch && startOffset < begun.startOffset) {
      // The batch was on its way to the file when the next epoch began behind it.
      this.#entries.pop()
      if (this.latestEpoch !== epoch) this.#add(epoch, startOffset)
      this.#entries.push(begun)
      this.#changed = true
      return
    }
    if (this.latestEpoch !== epoch) this.#add(epoch, startOffset)
    else if (!this.#isBegun) return
    this.#isBegun = false
    this.#changed = true
  }

  /** A leader of this epoch begins at the log's end, so that its epoch is known before its first batch. */
  begin(epoch: number, logEndOffset: number): void {
    if (epoch <= this.latestEpoch) return
    this.#add(epoch, logEndOffset)
    this.#isBegun = true
  }

  #add(epoch: number, startOffset: number): void {
    while (this.#entries.length > 0) {
      const entry = this.#entries.at(-1)!
      if (entry.epoch < epoch && entry.startOffset < startOffset) break
      this.#entries.pop()
    }
    this.#entries.push({ epoch, startOffset })
  }

  /** The answer of OffsetForLeaderEpoch. */
  endOffsetFor(epoch: number, logEndOffset: number): EpochEndOffset {
    if (epoch < 0 || epoch > this.latestEpoch) return UNKNOWN
    if (epoch === this.latestEpoch) return { leaderEpoch: epoch, endOffset: logEndOffset }
    const next = this.#entries.findIndex((entry) => entry.epoch > epoch)
    const endOffset = this.#entries[next]!.startOffset
    return { leaderEpoch: next === 0 ? epoch : this.#entries[next - 1]!.epoch, endOffset }
  }

  /** -1 where it is unknown. */
  epochAt(offset: number): number {
    for (let index = this.#entries.length - 1; index >= 0; index--) {
      const entry = this.#entries[index]!
      if (entry.startOffset <= offset) return entry.epoch
    }
    return -1
  }

  /** The log now ends here. */
  truncateFromEnd(endOffset: number): void {
    const kept = this.#entries.filter((entry) => entry.startOffset < endOffset)
    if (kept.length === this.#entries.length) return
    this.#entries = kept
    this.#isBegun = false
    this.#changed = true
  }

  /** The log now begins here: the epoch of this offset begins with it, earlier ones are forgotten. */
  truncateFromStart(startOffset: number): void {
    const kept = this.#entries.filter((entry) => entry.startOffset > startOffset)
    const dropped = this.#entries.length - kept.length
    if (dropped === 0) return
    const first = this.#entries[dropped - 1]!
    if (dropped === 1 && first.startOffset === startOffset) return
    this.#entries = [{ epoch: first.epoch, startOffset }, ...kept]
    this.#changed = true
  }

  clear(): void {
    if (this.#entries.length === 0) return
    this.#entries = []
    this.#changed = true
  }
}
