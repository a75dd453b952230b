import assert from 'node:assert/strict'
import { buildBatch, recordBytes } from '../../../protocol/records/builder.ts'
import type { Codecs } from '../../../protocol/records/codecs.ts'
import { BATCH_HEADER_BYTES } from '../../../protocol/records/header.ts'
import type { Clock } from '../../host/host.ts'
import type { ShardLog } from '../../machine/runtime.ts'
import type { Partition } from '../../replication/partition/partition.ts'
import { AppendError } from './errors.ts'
import type { ShardSettings, StateRecord, TransactionPart } from './kind.ts'

/** The records of a decision: they stay in one batch, and where they are part of a transaction they have it alone. */
interface PreparedRecords {
  readonly records: readonly StateRecord[]
  /** What they take at the start of a batch, without its header. */
  readonly sizeBytes: number
  readonly transaction: TransactionPart | null
}

/** The records of a batch. */
type PackedRecords = Omit<PreparedRecords, 'sizeBytes'>

/** The partition of an internal topic as the log of a coordinator's shard. */
export class PartitionLog<Fact> implements ShardLog<Fact, PreparedRecords> {
  readonly #partition: Partition
  readonly #clock: Clock
  readonly #codecs: Codecs
  readonly #encode: (fact: Fact) => StateRecord
  readonly #settings: ShardSettings

  constructor(options: {
    partition: Partition
    clock: Clock
    codecs: Codecs
    encode: (fact: Fact) => StateRecord
    settings: ShardSettings
  }) {
    this.#partition = options.partition
    this.#clock = options.clock
    this.#codecs = options.codecs
    this.#encode = options.encode
    this.#settings = options.settings
  }

  get nextOffset(): number {
    return this.#partition.log?.logEndOffset ?? -1
  }

  prepare(facts: readonly Fact[]): PreparedRecords | AppendError {
    const records = facts.map(this.#encode)
    const recordsSize = recordsBytes(records, 0)
    const sizeBytes = BATCH_HEADER_BYTES + recordsSize
    const maxBytes = this.#maxBatchBytes()
    if (sizeBytes <= maxBytes) {
      return { records, sizeBytes: recordsSize, transaction: transactionOf(records) }
    }
    const { topic, index } = this.#partition
    const message = `${sizeBytes} bytes of records don't fit into one batch of ${topic}-${index}, which has ${maxBytes} at most: raise max.message.bytes (or segment.bytes) of ${topic}`
    return new AppendError('MESSAGE_TOO_LARGE', message)
  }

  append(prepared: readonly PreparedRecords[], done: (failure: Error | null) => void): void {
    const { commitTimeoutMs } = this.#settings
    const batches = this.#pack(prepared).map((records) => this.#batch(records))
    let left = batches.length
    let failure: Error | null = null
    // One by one, since all bytes of one append go into one segment; they are written together all the same.
    for (const batch of batches) {
      this.#partition.append(
        batch,
        -1,
        'coordinator',
        commitTimeoutMs,
        ({ errorCode, errorMessage }) => {
          if (errorCode !== 'NONE')
            failure ??= new AppendError(errorCode, errorMessage ?? errorCode)
          if (--left === 0) done(failure)
        },
      )
    }
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
