import { CorruptRecordError } from '../../../protocol/records/errors.ts'
import { BUILD_MAP, type BuiltMap } from './build-map.ts'
import { CLEAN_GROUP, type CleanedGroup } from './clean-group.ts'
import { between, findCleanable, type Cleanable } from './cleanable.ts'
import { workerFault } from './faults.ts'
import type { FilterCounts, LastRecord } from './filter.ts'
import type { CleaningTurn } from '../state/gate.ts'
import type { Effort, Outcome } from './job.ts'
import { ENTRY_BYTES } from './offset-map.ts'
import { SECRET_BYTES } from './key-hash.ts'
import { StoppedError, type Corruption } from './source.ts'
import { swapIn } from './swap.ts'
import { NO_TRANSACTIONS } from './transactions.ts'
import { Segment } from '../segment/segment.ts'
import type { LogState } from '../state/state.ts'
import type { AbortedTransactionEntry } from '../segment/transaction-index.ts'

/** How one clean may use the machine. */
export interface CleaningBudget extends Effort {
  /** For the table of keys. */
  readonly mapBytes: number
  /** How full the table may get, from 0 to 1. */
  readonly loadFactor: number
}

export interface CleaningReport extends FilterCounts {
  readonly startOffset: number
  /** The log is clean up to here. */
  readonly endOffset: number
  readonly bytesBefore: number
  readonly bytesAfter: number
}

/** `stopped`: something more important came in between, and what isn't done stays as it was. */
export type CleaningResult =
  | { readonly kind: 'done'; readonly report: CleaningReport }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'corrupt'; readonly corruption: Corruption }

/** What a log does besides for who compacts it. */
export interface CleanedLog {
  /** Makes durable what was written so far. Rejects when the directory fails. */
  flush(): Promise<void>
  /** Positions in the files have changed. */
  forgetReads(): void
}

/** The cleaner's side of one log. */
export class PartitionCleaner {
  readonly #state: LogState
  readonly #log: CleanedLog

  constructor(state: LogState, log: CleanedLog) {
    this.#state = state
    this.#log = log
  }

  /** `topic-0` */
  get name(): string {
    return this.#state.name
  }

  /** Whether the log is to be compacted, and nobody keeps the cleaner out. */
  get isOpen(): boolean {
    const { config, cleaning, isOffline } = this.#state
    return config.compacted && cleaning.isFree && !isOffline
  }

  get minDirtyRatio(): number {
    return this.#state.config.minCleanableDirtyRatio
  }

  /** @throws what the disk throws, where that isn't the end of the log's directory */
  find(nowMs: number): Promise<Cleanable> {
    return this.#guarded(() => {
      const state = this.#state
      return findCleanable(state, state.home.cleanerOffsets.get(state.name), nowMs)
    })
  }

  /** Cleans; null where the log is being cleaned, truncated or closed. A failing disk takes the directory offline. */
  async clean(cleanable: Cleanable, budget: CleaningBudget): Promise<CleaningResult | null> {
    const state = this.#state
    const turn = state.cleaning.begin()
    if (turn === null) return null
    try {
      const result = await this.#guarded(() => this.#clean(cleanable, budget, turn))
      // Whatever it says then: the files that it saw may be another log's of the same name.
      if (turn.signal.aborted || state.isOffline) return { kind: 'stopped' }
      if (result.kind !== 'done') return result
      state.home.cleanerOffsets.set(state.name, result.report.endOffset)
      await state.home.cleanerOffsets.save()
      return result
    } catch (error) {
      const isStopped = error instanceof StoppedError || turn.signal.aborted || state.isOffline
      if (isStopped) return { kind: 'stopped' }
      throw error
    } finally {
      turn.end()
    }
  }

  /** Whether the log's old segments go too. */
  get deletesSegments(): boolean {
    return this.#state.config.deletesSegments
  }

  /** Does something in the place of a clean, unless somebody keeps the cleaner out. */
  async exclusively(work: () => Promise<void>): Promise<void> {
    const turn = this.#state.cleaning.begin()
    try {
      if (turn !== null) await work()
    } finally {
      turn?.end()
    }
  }

  /** Ends the clean under way, and resolves when it has. */
  async interrupt(): Promise<void> {
    const resume = await this.#state.cleaning.pause()
    resume()
  }

  /**
   * Tells the errors of a disk, which are the directory's end, from all others.
   * @throws StoppedError where a file was missing, or seemed damaged, because its segment has gone
   */
  async #guarded<Result>(work: () => Promise<Result>): Promise<Result> {
    const state = this.#state
    const { version } = state.segments
    try {
      return await work()
    } catch (error) {
      const fault = workerFault(error)
      const isOfFiles = fault === 'missing' || error instanceof CorruptRecordError
      if (isOfFiles && state.segments.version !== version) throw new StoppedError()
      if (fault === 'other' || state.isOffline) throw error
      throw state.home.fail(`clean ${state.path}`, error)
    }
  }

  async #clean(
    cleanable: Cleanable,
    budget: CleaningBudget,
    turn: CleaningTurn,
  ): Promise<CleaningResult> {
    const state = this.#state
    const nowMs = state.context.host.clock.now()
    // Older records go for the sake of newer ones, which a crash must not take then.
    if (state.recoveryPoint < cleanable.endOffset) await this.#log.flush()
    const built = await this.#buildMap(cleanable, budget, turn.signal)
    if (built.kind !== 'done') return built
    const { map, groups } = built.result
    let transactions = NO_TRANSACTIONS
    const { firstDirtyOffset } = cleanable
    let report = emptyReport(firstDirtyOffset, Math.max(firstDirtyOffset, map.latestOffset + 1))
    for (const group of groups) {
      const sources = segmentsOf(state, group)
      if (sources === null || turn.signal.aborted) return { kind: 'stopped' }
      const outcome = await state.context.host.workers.run(
        CLEAN_GROUP,
        {
          path: state.path,
          sources: await this.#sourcesOf(sources),
          map,
          transactions,
          lastRecords: this.#lastRecords(),
          highWatermark: state.highWatermark,
          nowMs,
          deleteRetentionMs: state.config.deleteRetentionMs,
          indexIntervalBytes: state.config.indexIntervalBytes,
          effort: budget,
        },
        { signal: turn.signal },
      )
      if (outcome.kind !== 'done') return outcome
      if (!(await this.#swap(sources, outcome.result, turn))) return { kind: 'stopped' }
      transactions = outcome.result.transactions
      report = withGroup(report, sources, outcome.result)
    }
    return { kind: 'done', report }
  }

  async #buildMap(
    cleanable: Cleanable,
    budget: CleaningBudget,
    signal: AbortSignal,
  ): Promise<Outcome<BuiltMap>> {
    const state = this.#state
    const { firstDirtyOffset, endOffset } = cleanable
    const dirty = between(state, firstDirtyOffset, endOffset)
    const slots = Math.floor(budget.mapBytes / ENTRY_BYTES)
    const maxKeys = Math.max(1, Math.min(Math.trunc(slots * budget.loadFactor), slots - 1))
    // There are no more keys than offsets: a small log gets a small table.
    const needed = Math.ceil((endOffset - firstDirtyOffset) / budget.loadFactor) + 2
    const first = dirty[0]
    // Where it is damaged the job finds that out, and the clean ends there.
    const located = first === undefined ? null : await first.locate(firstDirtyOffset)
    return state.context.host.workers.run(
      BUILD_MAP,
      {
        path: state.path,
        segments: between(state, 0, endOffset).map(({ baseOffset, sizeBytes }) => ({
          baseOffset,
          sizeBytes,
        })),
        firstPosition: located?.position ?? first?.sizeBytes ?? 0,
        startOffset: firstDirtyOffset,
        endOffset,
        aborted: await collectAborted(state, firstDirtyOffset, endOffset),
        slots: Math.max(2, Math.min(slots, needed)),
        maxKeys,
        secret: new Uint8Array(state.context.host.random.bytes(SECRET_BYTES)),
        segmentBytes: state.config.segmentBytes,
        segmentIndexBytes: state.config.segmentIndexBytes,
        effort: budget,
      },
      { signal },
    )
  }

  async #sourcesOf(segments: readonly Segment[]) {
    const state = this.#state
    const sources = []
    for (const segment of segments) {
      const { baseOffset, sizeBytes } = segment
      const next = state.segments.after(segment)?.baseOffset ?? state.logEndOffset
      const aborted = await collectAborted(state, baseOffset, next)
      sources.push({
        path: segment.filePath('log'),
        baseOffset,
        endOffset: next,
        sizeBytes,
        aborted,
      })
    }
    return sources
  }

  #lastRecords(): LastRecord[] {
    return [...this.#state.producers.producers].map(({ producerId, epoch, batches }) => ({
      producerId,
      producerEpoch: epoch,
      lastDataOffset: batches.at(-1)?.lastOffset ?? null,
    }))
  }

  async #swap(
    replaced: readonly Segment[],
    group: CleanedGroup,
    turn: CleaningTurn,
  ): Promise<boolean> {
    const state = this.#state
    const { context, path, config } = state
    if (state.isClosed) return false
    const cleaned = new Segment({
      files: context.files,
      path,
      baseOffset: replaced[0]!.baseOffset,
      sizeBytes: group.sizeBytes,
      hasTransactionIndex: group.hasTransactionIndex,
      indexIntervalBytes: config.indexIntervalBytes,
      createdMs: context.host.clock.now(),
      crc32c: context.codecs.crc32c,
      log: context.host.log,
      suffix: '.cleaned',
    })
    const isWanted =
      !turn.signal.aborted &&
      !state.isOffline &&
      replaced.every((segment) => state.segments.has(segment))
    if (isWanted) return swapIn(state, cleaned, replaced, () => this.#log.forgetReads())
    if (!state.isOffline) cleaned.removeFiles()
    return false
  }
}

/** The segments that begin at these offsets; null where one is gone. */
function segmentsOf(state: LogState, baseOffsets: readonly number[]): Segment[] | null {
  const found = baseOffsets.map((offset) => state.segments.floor(offset))
  return found.every(({ baseOffset }, index) => baseOffset === baseOffsets[index]) ? found : null
}

/** The transactions aborted of which records are between two offsets. */
async function collectAborted(
  state: LogState,
  from: number,
  to: number,
): Promise<AbortedTransactionEntry[]> {
  const found: AbortedTransactionEntry[] = []
  for (const segment of state.segments.from(from)) {
    const entries = await segment.abortedTransactions()
    found.push(...entries.filter((entry) => entry.lastOffset >= from && entry.firstOffset < to))
    if (entries.some((entry) => entry.lastStableOffset >= to)) break
  }
  return found
}

function emptyReport(startOffset: number, endOffset: number): CleaningReport {
  return {
    startOffset,
    endOffset,
    bytesBefore: 0,
    bytesAfter: 0,
    recordsRead: 0,
    recordsKept: 0,
    invalidRecords: 0,
  }
}

function withGroup(
  report: CleaningReport,
  sources: readonly Segment[],
  { sizeBytes, counts }: CleanedGroup,
): CleaningReport {
  return {
    ...report,
    bytesBefore: sources.reduce((sum, source) => sum + source.sizeBytes, report.bytesBefore),
    bytesAfter: report.bytesAfter + sizeBytes,
    recordsRead: report.recordsRead + counts.recordsRead,
    recordsKept: report.recordsKept + counts.recordsKept,
    invalidRecords: report.invalidRecords + counts.invalidRecords,
  }
}
