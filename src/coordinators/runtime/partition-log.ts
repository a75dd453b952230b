import assert from 'node:assert/strict'
import { buildBatch, recordBytes } from '../../../protocol/records/builder.ts'
import type { Codecs } from '../../../protocol/records/codecs.ts'
import { BATCH_HEADER_BYTES } from '../../../protocol/records/header.ts'
import type { Clock } from '../../host/host.ts'
import type { AppendResult } from '../../log/base/results.ts'
import type { Place } from '../../log/base/row.ts'
import type { ProducerStanding } from '../../log/producers/transaction-rules.ts'
import type { ShardLog } from '../../machine/runtime.ts'
import type { Partition } from '../../replication/partition/partition.ts'
import { AppendError } from './errors.ts'
import type { ShardSettings, StateRecord, TransactionPart } from './kind.ts'
import { standingAfter, transactionFault } from './transaction-fault.ts'

/** The records of a decision: they stay in one batch, and where they are part of a transaction they have it alone. */
interface PreparedRecords {
  readonly records: readonly StateRecord[]
  /** What they take at the start of a batch, without its header. */
  readonly sizeBytes: number
  readonly transaction: TransactionPart | null
}

/** The records of a batch. */
type PackedRecords = Omit<PreparedRecords, 'sizeBytes'>

/** A batch that was appended and is not known to be committed. */
interface Unfinished {
  /** The offset after it. */
  readonly nextOffset: number
  /** Null unless it is the last one of what was appended together. */
  readonly done: ((failure: Error | null) => void) | null
}

/**
 * The partition of an internal topic as the log of a coordinator's shard, in one leader epoch: in no other one it writes
 * anything or calls anything committed. Once an append has failed, all that follow do.
 */
export class PartitionLog<Fact> implements ShardLog<Fact, PreparedRecords> {
  readonly #partition: Partition
  readonly #leaderEpoch: number
  readonly #clock: Clock
  readonly #codecs: Codecs
  readonly #encode: (fact: Fact) => StateRecord
  readonly #settings: ShardSettings
  readonly #waiter = { advanced: (): void => this.#settle() }
  /** While it waits. */
  #place: Place | null = null
  /** In the order of their offsets. */
  readonly #unfinished: Unfinished[] = []
  /** What was prepared and isn't appended yet makes of producers. */
  readonly #standings = new Map<number, ProducerStanding>()
  #nextOffset: number
  /** What is before this was written at the offsets where it was expected. */
  #writtenTo: number
  #failure: Error | null = null

  constructor(options: {
    partition: Partition
    leaderEpoch: number
    /** Where the partition ended when it was loaded. */
    nextOffset: number
    clock: Clock
    codecs: Codecs
    encode: (fact: Fact) => StateRecord
    settings: ShardSettings
  }) {
    this.#partition = options.partition
    this.#leaderEpoch = options.leaderEpoch
    this.#clock = options.clock
    this.#codecs = options.codecs
    this.#encode = options.encode
    this.#settings = options.settings
    this.#nextOffset = this.#writtenTo = options.nextOffset
  }

  get nextOffset(): number {
    return this.#nextOffset
  }

  prepare(facts: readonly Fact[]): PreparedRecords | AppendError {
    const obstacle = this.#obstacle()
    if (obstacle !== null) return obstacle
    const records = facts.map(this.#encode)
    const recordsSize = recordsBytes(records, 0)
    const sizeBytes = BATCH_HEADER_BYTES + recordsSize
    const maxBytes = this.#maxBatchBytes()
    if (sizeBytes <= maxBytes) {
      const transaction = transactionOf(records)
      const fault = transaction === null ? null : this.#join(transaction)
      return fault ?? { records, sizeBytes: recordsSize, transaction }
    }
    const { topic } = this.#partition
    const message = `${sizeBytes} bytes of records don't fit into one batch of ${this.#name}, which has ${maxBytes} at most: raise max.message.bytes (or segment.bytes) of ${topic}`
    return new AppendError('MESSAGE_TOO_LARGE', message)
  }

  append(prepared: readonly PreparedRecords[], done: (failure: Error | null) => void): void {
    this.#standings.clear()
    const batches = this.#pack(prepared)
    // One by one, since all bytes of one append go into one segment; they are written together all the same.
    for (const [index, batch] of batches.entries()) {
      this.#write(batch, index === batches.length - 1 ? done : null)
    }
  }

  /** The shard is given up: nobody is told of what is committed from now on. */
  close(): void {
    this.#failure ??= new AppendError('NOT_LEADER_OR_FOLLOWER', `${this.#name} was given up`)
    this.#unfinished.length = 0
    this.#stopWaiting()
  }

  get #name(): string {
    return `${this.#partition.topic}-${this.#partition.index}`
  }

  /** Why nothing is written now: better known before a decision is applied than after it. */
  #obstacle(): AppendError | null {
    const error = this.#partition.checkLeader(this.#leaderEpoch)
    if (error !== 'NONE') return new AppendError(error, `${this.#name}: ${error}`)
    if (!this.#partition.isUnderMinIsr) return null
    const message = `${this.#name} has fewer replicas in sync than min.insync.replicas`
    return new AppendError('NOT_ENOUGH_REPLICAS', message)
  }

  /** Holds the record of a transaction against what is known of its producer, and counts it as known from now on. */
  #join(transaction: TransactionPart): AppendError | null {
    const { producerId, isMarker } = transaction
    const { transactions } = this.#partition.log!
    const known = this.#standings.get(producerId) ?? transactions.standing(producerId)
    const fault = transactionFault(transaction, known, transactions)
    if (fault !== null)
      return new AppendError(fault.errorCode, `${this.#name}: ${fault.errorMessage}`)
    // Else what is verified now would be taken for part of the next transaction.
    if (isMarker) transactions.endVerification(producerId)
    this.#standings.set(producerId, standingAfter(transaction, known))
    return null
  }

  #write(batch: PackedRecords, done: Unfinished['done']): void {
    if (this.#failure !== null) return done?.(this.#failure)
    const baseOffset = this.#nextOffset
    this.#nextOffset += batch.records.length
    this.#unfinished.push({ nextOffset: this.#nextOffset, done })
    // Not with acks of all: their time-out would end what the ISR only delays.
    this.#partition.append(
      this.#batch(batch),
      1,
      'coordinator',
      0,
      (result) => this.#written(result, baseOffset),
      this.#leaderEpoch,
    )
  }

  #written({ errorCode, errorMessage, ...place }: AppendResult, expected: number): void {
    if (this.#failure !== null) return
    if (errorCode !== 'NONE') {
      return this.#fail(new AppendError(errorCode, errorMessage ?? `${this.#name}: ${errorCode}`))
    }
    if (place.baseOffset !== expected) {
      const what = `${this.#name} was written to by somebody else`
      return this.#fail(new Error(`${what}: ${place.baseOffset} instead of ${expected}`))
    }
    this.#writtenTo = place.lastOffset + 1
    this.#settle()
  }

  /** Tells of what is committed now. */
  #settle(): void {
    const partition = this.#partition
    const error = partition.checkLeader(this.#leaderEpoch)
    if (error !== 'NONE') return this.#fail(new AppendError(error, `${this.#name}: ${error}`))
    // The high watermark stands still where fewer replicas are in sync than there have to be.
    const committedTo = Math.min(partition.log!.highWatermark, this.#writtenTo)
    while (this.#unfinished.length > 0 && this.#unfinished[0]!.nextOffset <= committedTo) {
      this.#unfinished.shift()!.done?.(null)
    }
    if (this.#unfinished.length > 0) this.#wait()
    else this.#stopWaiting()
  }

  #wait(): void {
    if (this.#place !== null) return
    const place = this.#partition.wait(this.#waiter)
    // It may have been told at once that nobody may wait.
    if (this.#failure === null) this.#place = place
    else place.leave()
  }

  #stopWaiting(): void {
    this.#place?.leave()
    this.#place = null
  }

  #fail(failure: Error): void {
    this.#failure = failure
    this.#stopWaiting()
    for (const { done } of this.#unfinished.splice(0)) done?.(failure)
  }

  /** As few batches as hold all, with nothing that belongs together in two of them. */
  #pack(prepared: readonly PreparedRecords[]): PackedRecords[] {
    const batches: { records: StateRecord[]; transaction: TransactionPart | null }[] = []
    const maxBytes = this.#maxBatchBytes() - BATCH_HEADER_BYTES
    let usedBytes = Infinity
    for (const { records, sizeBytes, transaction } of prepared) {
      // Further behind in its batch no record is smaller: what doesn't fit as it is needn't be counted again.
      const mayFit = transaction === null && usedBytes + sizeBytes <= maxBytes
      if (mayFit) usedBytes += recordsBytes(records, batches.at(-1)!.records.length)
      if (!mayFit || usedBytes > maxBytes) {
        batches.push({ records: [], transaction })
        usedBytes = sizeBytes
      }
      batches.at(-1)!.records.push(...records)
      if (transaction !== null) usedBytes = Infinity
    }
    return batches
  }

  #batch({ records, transaction }: PackedRecords): Buffer {
    const timestamp = this.#clock.now()
    const plain = records.map(({ key, value }) => ({ timestamp, key, value }))
    if (transaction?.isMarker === true) {
      const { producerId, producerEpoch } = transaction
      const batch = { records: plain, producerId, producerEpoch, isTransactional: true }
      return buildBatch({ ...batch, isControl: true }, this.#codecs)
    }
    const { compression } = this.#settings
    if (transaction === null) return buildBatch({ records: plain, compression }, this.#codecs)
    // As Apache Kafka's coordinators, which have no sequence of their own to count.
    const { producerId, producerEpoch } = transaction
    const batch = { records: plain, compression, producerId, producerEpoch, isTransactional: true }
    return buildBatch({ ...batch, baseSequence: 0 }, this.#codecs)
  }

  #maxBatchBytes(): number {
    const config = this.#partition.log?.config
    return config === undefined ? 0 : Math.min(config.maxMessageBytes, config.segmentBytes)
  }
}

/** Of records that stay together. */
function transactionOf(records: readonly StateRecord[]): TransactionPart | null {
  const transaction = records[0]?.transaction
  for (const { transaction: other } of records) {
    assert(
      other?.producerId === transaction?.producerId && other?.isMarker === transaction?.isMarker,
      'what is decided together is part of one transaction or of none',
    )
  }
  return transaction ?? null
}

/** @param offsetDelta of the first one in its batch: what a record takes depends on its place */
function recordsBytes(records: readonly StateRecord[], offsetDelta: number): number {
  let sizeBytes = 0
  for (let index = 0; index < records.length; index++) {
    sizeBytes += recordBytes(records[index]!, offsetDelta + index)
  }
  return sizeBytes
}
