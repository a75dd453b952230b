import {
  batchAttributes,
  batchBaseOffset,
  isControl,
  readBatches,
} from '../../protocol/records/batch.ts'
import type { Codecs } from '../../protocol/records/codecs.ts'
import type { QuorumFacts } from './control.ts'
import { readControlRecords, withControlRecords } from './control.ts'
import type { VotersChange } from './types.ts'

interface HistoryEntry {
  /** Of the batch that says so. */
  readonly offset: number
  readonly facts: QuorumFacts
}

/**
 * What the log says of its quorum, and since which offset: voters hold as soon as they are read, and no longer where the
 * log is cut (Kafka's VoterSetHistory and KRaftVersionHistory). As few as they change, so many are kept.
 */
export class QuorumHistory {
  /** In the order of the log; the first is what a snapshot says, or what holds where nothing does. */
  readonly #entries: HistoryEntry[]

  /** @param offset where the snapshot ends that says so, or 0 */
  constructor(facts: QuorumFacts, offset: number) {
    this.#entries = [{ offset, facts }]
  }

  /** At the end of the log. */
  get latest(): QuorumFacts {
    return this.#entries.at(-1)!.facts
  }

  /** Of what says so last; where a snapshot does, the offset where it ends. */
  get latestOffset(): number {
    return this.#entries.at(-1)!.offset
  }

  /** What has changed the voters last; null where that stands in a snapshot, and so is committed. */
  get latestChange(): VotersChange | null {
    const [before, latest] = this.#entries.slice(-2)
    if (before === undefined || latest === undefined) return null
    return { offset: latest.offset, before: before.facts.voters ?? [] }
  }

  /** As the records before `offset` have it. */
  before(offset: number): QuorumFacts {
    const first = this.#entries[0]!
    return (this.#entries.findLast((entry) => entry.offset < offset) ?? first).facts
  }

  /**
   * What batches add, once they are appended at the end of the log: `add` it then.
   * @throws CorruptRecordError, DecodeError
   */
  read(batches: Buffer, codecs: Codecs): readonly HistoryEntry[] {
    const entries: HistoryEntry[] = []
    let known = this.latest
    for (const batch of readBatches(batches)) {
      if (!isControl(batchAttributes(batch, 0))) continue
      const facts = withControlRecords(known, readControlRecords(batch, codecs))
      if (facts === known) continue
      entries.push({ offset: batchBaseOffset(batch, 0), facts })
      known = facts
    }
    return entries
  }

  add(entries: readonly HistoryEntry[]): void {
    this.#entries.push(...entries)
  }

  /** The log was cut: what stood behind is forgotten with it. */
  truncateTo(offset: number): void {
    while (this.#entries.length > 1 && this.#entries.at(-1)!.offset >= offset) this.#entries.pop()
  }
}
