import { CorruptRecordError } from '../../../protocol/records/errors.ts'
import { LogReader, type FileRead } from './reader.ts'
import type { ReadResult, ReadUpTo } from '../base/results.ts'
import type { LogState } from '../state/state.ts'
import type { LogTail, TailRead } from './tail-cache.ts'

/** So long after somebody read at the log's end, what is appended is kept in the tail cache. */
const TAIL_INTEREST_MS = 10_000

interface Wanted {
  readonly offset: number
  readonly needsAborted: boolean
  /** Reads anew. */
  again(): ReadResult | Promise<ReadResult>
}

/** The way of records out of a log: from the tail cache, or from its files. */
export class LogFetching {
  readonly #state: LogState
  readonly #tail: LogTail
  readonly #reader: LogReader
  #tailInterestUntilMs = -Infinity

  constructor(state: LogState, tail: LogTail) {
    this.#state = state
    this.#tail = tail
    this.#reader = new LogReader(state.context, state.segments)
  }

  /** Whether somebody has lately read at the log's end. */
  isAlive(): boolean {
    return this.#state.context.host.clock.monotonic() < this.#tailInterestUntilMs
  }

  /** Positions in the files have changed. */
  forget(): void {
    this.#tail.clear()
    this.#reader.forgetPlaces()
  }

  read(
    offset: number,
    maxBytes: number,
    upTo: ReadUpTo,
    minOneBatch: boolean,
    greatestFirstBytes: number,
  ): ReadResult | Promise<ReadResult> {
    const state = this.#state
    const isStable = upTo === 'lastStable'
    if (state.isOffline) return this.#result('KAFKA_STORAGE_ERROR', null, isStable)
    if (offset < state.logStartOffset || offset > state.logEndOffset) {
      return this.#result('OFFSET_OUT_OF_RANGE', null, isStable)
    }
    const limit = this.#limit(upTo)
    if (offset === state.logEndOffset) this.#noteTailInterest()
    const mayTake = maxBytes > 0 || minOneBatch
    if (offset >= limit || !mayTake) return this.#result('NONE', null, isStable)
    const needsAborted = isStable && state.segments.mayHaveAborted
    const fromTail = this.#tail.read(offset, maxBytes, limit, minOneBatch)
    if (fromTail !== null) {
      this.#noteTailInterest()
      if (!needsAborted) return this.#result('NONE', fromTail, isStable)
    }
    const again = (): ReadResult | Promise<ReadResult> =>
      this.read(offset, maxBytes, upTo, minOneBatch, greatestFirstBytes)
    const wanted = { offset, needsAborted, again }
    const result = this.#result('NONE', null, isStable)
    try {
      const read =
        fromTail ??
        this.#reader.read(offset, {
          maxBytes,
          limitOffset: limit,
          firstBatchBytes: minOneBatch ? greatestFirstBytes : 0,
          endOffset: state.logEndOffset,
        })
      return read instanceof Promise || needsAborted
        ? this.#whenRead(read, wanted, result)
        : this.#withRead(read, result)
    } catch (error) {
      return this.#failed(error, offset, result)
    }
  }

  #limit(upTo: ReadUpTo): number {
    if (upTo === 'logEnd') return this.#state.logEndOffset
    return upTo === 'lastStable' ? this.#state.lastStableOffset : this.#state.highWatermark
  }

  #noteTailInterest(): void {
    this.#tailInterestUntilMs = this.#state.context.host.clock.monotonic() + TAIL_INTEREST_MS
  }

  async #whenRead(
    reading: TailRead | Promise<FileRead>,
    { offset, needsAborted, again }: Wanted,
    result: ReadResult,
  ): Promise<ReadResult> {
    const state = this.#state
    const { version } = state.segments
    let read: TailRead | FileRead | null = null
    try {
      read = await reading
      const isEmpty = read.sizeBytes === 0
      const abortedTransactions =
        needsAborted && !isEmpty
          ? await this.#reader.abortedBetween(offset, read.nextOffset)
          : result.abortedTransactions
      const isSame = version === state.segments.version
      if (!state.isClosed && isSame) {
        return this.#withRead(read, { ...result, abortedTransactions })
      }
      read.release()
      // Segments have gone meanwhile: bytes and transactions may be of files of which only some are the log's now.
      if (!state.isClosed) return again()
      // Its files' names may be another log's by now: of a topic that was deleted and made again.
      return { ...result, errorCode: 'KAFKA_STORAGE_ERROR' }
    } catch (error) {
      // The records were read; it was the list of aborted transactions that could not be.
      read?.release()
      if (!state.isOffline && version !== state.segments.version) return again()
      return this.#failed(error, offset, result)
    }
  }

  #withRead(read: TailRead | FileRead, result: ReadResult): ReadResult {
    if ('isNearEnd' in read && read.isNearEnd) this.#noteTailInterest()
    const { chunks, sizeBytes, release } = read
    return { ...result, chunks, sizeBytes, release }
  }

  #failed(error: unknown, offset: number, result: ReadResult): ReadResult {
    const state = this.#state
    // A segment may have been removed under the reader: that is no fault of the disk.
    if (offset < state.logStartOffset) return { ...result, errorCode: 'OFFSET_OUT_OF_RANGE' }
    if (offset >= state.logEndOffset) return result
    if (error instanceof CorruptRecordError) return { ...result, errorCode: 'CORRUPT_MESSAGE' }
    if (!state.isOffline) state.home.fail(`read ${state.path}`, error)
    return { ...result, errorCode: 'KAFKA_STORAGE_ERROR' }
  }

  #result(
    errorCode: ReadResult['errorCode'],
    read: TailRead | null,
    isStable: boolean,
  ): ReadResult {
    const state = this.#state
    return {
      errorCode,
      chunks: read?.chunks ?? NO_CHUNKS,
      sizeBytes: read?.sizeBytes ?? 0,
      abortedTransactions: isStable ? NO_TRANSACTIONS : null,
      highWatermark: state.highWatermark,
      lastStableOffset: state.lastStableOffset,
      logStartOffset: state.logStartOffset,
      logEndOffset: state.logEndOffset,
      release: read?.release ?? nothingToRelease,
    }
  }
}

const NO_CHUNKS: readonly Buffer[] = []
const NO_TRANSACTIONS: NonNullable<ReadResult['abortedTransactions']> = []
const nothingToRelease = (): void => undefined
