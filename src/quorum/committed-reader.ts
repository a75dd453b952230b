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
}

export type AppendDone = (failure: Error | null) => void

/** What this node appends as the leader, until it is committed. */
export interface OwnBatch {
  readonly batch: Buffer
  readonly baseOffset: number
  readonly nextOffset: number
  readonly done: AppendDone | null
}

export interface CommittedReaderOptions {
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
    while (this.#reading === null && this.#deliveredTo < highWatermark()) {
      if (this.#isStopped) return
      const own = this.#own[0]
      if (own === undefined || own.baseOffset > this.#deliveredTo) return this.#readOn()
      if (own.nextOffset > highWatermark()) return
      try {
        this.#deliver(own.batch)
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

  #readOn(): void {
    this.#reading = this.#deliverFromLog().then(
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
    if (bytes === null || this.#isStopped) return
    for (const batch of readBatches(bytes)) {
      const next = batchNextOffset(batch, 0)
      if (next <= this.#deliveredTo) continue
      if (next > Math.min(end, highWatermark())) return
      this.#deliver(batch)
    }
  }

  #deliver(batch: Buffer): void {
    const records: Buffer[] = []
    if (!isControl(batchAttributes(batch, 0))) {
      for (const { value } of readRecords(batch, this.#options.codecs)) {
        if (value !== null) records.push(value)
      }
    }
    const nextOffset = batchNextOffset(batch, 0)
    this.#deliveredTo = nextOffset
    this.#options.deliver({
      baseOffset: batchBaseOffset(batch, 0),
      lastOffset: nextOffset - 1,
      epoch: batchLeaderEpoch(batch, 0),
      timestampMs: Number(batchMaxTimestamp(batch, 0)),
      sizeBytes: batchSizeBytes(batch, 0),
      records,
    })
  }
}
