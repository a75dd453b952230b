import {
  batchAttributes,
  batchBaseOffset,
  batchLeaderEpoch,
  batchMaxTimestamp,
  batchNextOffset,
  batchSizeBytes,
  isControl,
  readBatches,
  readRecords,
} from '../../protocol/records/batch.ts'
import type { Codecs } from '../../protocol/records/codecs.ts'
import type { Clock } from '../host/host.ts'
import type { Log } from '../log/log.ts'
import { readFrom } from './replica-log.ts'

/** A batch that a majority has. */
export interface CommittedBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly epoch: number
  /** When the leader appended it, ms since 1970. */
  readonly timestampMs: number
  readonly sizeBytes: number
  /** The values as they were appended; none in a control batch. */
  readonly records: readonly Buffer[]
  /** What follows is of the same batch, with the same offsets. */
  readonly hasMore?: true
}

export type AppendDone = (failure: Error | null) => void

/** What this node appends as the leader, until it is committed. */
export interface OwnBatch {
  readonly batch: Buffer
  readonly baseOffset: number
  readonly nextOffset: number
  readonly done: AppendDone | null
}

/** When so many were delivered, others have their turn before the next ones. */
const RECORDS_IN_TURN = 1_000

export interface CommittedReaderOptions {
  readonly clock: Pick<Clock, 'endOfTurn'>
  readonly log: Log
  readonly codecs: Codecs
  /** Everything below was delivered. */
  readonly from: number
  readonly highWatermark: () => number
  readonly deliver: (batch: CommittedBatch) => void
  /** All that is committed is delivered. */
  readonly caughtUp: () => void
  readonly failed: (error: Error) => void
}

/** Delivers what is committed, in order: from memory what this leader appended itself, else from the log. */
export class CommittedReader {
  readonly #options: CommittedReaderOptions
  #deliveredTo: number
  /** In order. */
  #own: OwnBatch[] = []
  /** Or waiting for others to have their turn. */
  #reading: Promise<void> | null = null
  #isStopped = false

  constructor(options: CommittedReaderOptions) {
    this.#options = options
    this.#deliveredTo = options.from
  }

  /** Everything below was delivered. */
  get deliveredTo(): number {
    return this.#deliveredTo
  }

  /** Its bytes need not be read again; its `done` is called after it was delivered. */
  expect(own: OwnBatch): void {
    this.#own.push(own)
  }

  /** What this node appended as the leader will not be committed, as far as it can know. */
  dropOwn(error: Error): void {
    const dropped = this.#own
    this.#own = []
    for (const { done } of dropped) done?.(error)
  }

  /** Delivers up to the high watermark: at once what is in memory. */
  advance(): void {
    const { highWatermark, caughtUp } = this.#options
    let records = 0
    while (this.#reading === null && this.#deliveredTo < highWatermark()) {
      if (this.#isStopped) return
      if (records >= RECORDS_IN_TURN) return this.#goOnAfter(this.#turn())
      const own = this.#own[0]
      if (own === undefined || own.baseOffset > this.#deliveredTo) return this.#readOn()
      if (own.nextOffset > highWatermark()) return
      if (isLarge(own.batch)) return this.#goOnAfter(this.#deliverOwn(own))
      try {
        records += this.#deliver(own.batch)
      } catch (error) {
        return this.#fail(error as Error)
      }
      this.#own.shift()
      own.done?.(null)
    }
    if (this.#reading !== null || this.#isStopped) return
    try {
      caughtUp()
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  /** When it resolves nothing is being read. */
  async whenIdle(): Promise<void> {
    while (this.#reading !== null) await this.#reading
  }

  /** A snapshot is in place of everything before this offset. Nothing may be being read. */
  continueAt(offset: number): void {
    this.#deliveredTo = offset
  }

  stop(): void {
    this.#isStopped = true
  }

  #turn(): Promise<void> {
    const { clock } = this.#options
    return new Promise((resolve) => clock.endOfTurn(resolve))
  }

  async #deliverOwn(own: OwnBatch): Promise<void> {
    await this.#deliverInParts(own.batch)
    // Where it was dropped meanwhile, whoever appended it was told that nobody knows.
    if (this.#isStopped || this.#own[0] !== own) return
    this.#own.shift()
    own.done?.(null)
  }

  #readOn(): void {
    this.#goOnAfter(this.#deliverFromLog())
  }

  #goOnAfter(step: Promise<void>): void {
    this.#reading = step.then(
      () => {
        this.#reading = null
        this.advance()
      },
      (error: Error) => {
        this.#reading = null
        this.#fail(error)
      },
    )
  }

  #fail(error: Error): void {
    if (!this.#isStopped) this.#options.failed(error)
  }

  async #deliverFromLog(): Promise<void> {
    const { log, highWatermark } = this.#options
    const end = this.#own[0]?.baseOffset ?? Infinity
    const bytes = await readFrom(log, this.#deliveredTo)
    let records = 0
    for (const batch of bytes === null ? [] : readBatches(bytes)) {
      if (records >= RECORDS_IN_TURN) {
        await this.#turn()
        records = 0
      }
      if (this.#isStopped) return
      const next = batchNextOffset(batch, 0)
      if (next <= this.#deliveredTo) continue
      if (next > Math.min(end, highWatermark())) return
      if (isLarge(batch)) await this.#deliverInParts(batch)
      else records += this.#deliver(batch)
    }
  }

  /** Others have their turns in between, but for an end that comes before all of it is delivered. */
  async #deliverInParts(batch: Buffer): Promise<void> {
    let records: Buffer[] = []
    for (const { value } of readRecords(batch, this.#options.codecs)) {
      if (records.length === RECORDS_IN_TURN) {
        this.#options.deliver({ ...headOf(batch), records, hasMore: true })
        records = []
        await this.#turn()
        if (this.#isStopped) return
      }
      if (value !== null) records.push(value)
    }
    this.#deliveredTo = batchNextOffset(batch, 0)
    this.#options.deliver({ ...headOf(batch), records })
  }

  /** @returns how many records it has */
  #deliver(batch: Buffer): number {
    const records: Buffer[] = []
    if (!isControl(batchAttributes(batch, 0))) {
      for (const { value } of readRecords(batch, this.#options.codecs)) {
        if (value !== null) records.push(value)
      }
    }
    this.#deliveredTo = batchNextOffset(batch, 0)
    this.#options.deliver({ ...headOf(batch), records })
    return records.length
  }
}

function isLarge(batch: Buffer): boolean {
  return batchNextOffset(batch, 0) - batchBaseOffset(batch, 0) > RECORDS_IN_TURN
}

function headOf(batch: Buffer): Omit<CommittedBatch, 'records'> {
  return {
    baseOffset: batchBaseOffset(batch, 0),
    lastOffset: batchNextOffset(batch, 0) - 1,
    epoch: batchLeaderEpoch(batch, 0),
    timestampMs: Number(batchMaxTimestamp(batch, 0)),
    sizeBytes: batchSizeBytes(batch, 0),
  }
}
