import { buildBatch, recordBytes } from '../../../protocol/records/builder.ts'
import { COMPRESSION_TYPES } from '../../../protocol/records/codecs.ts'
import type { Codecs } from '../../../protocol/records/codecs.ts'
import {
  BATCH_HEADER_BYTES,
  batchAttributes,
  batchBaseOffset,
  batchNextOffset,
  batchProducerId,
  checkBatch,
  isControl,
  isTransactional,
} from '../../../protocol/records/header.ts'
import { readBatches, readRecords } from '../../../protocol/records/reader.ts'
import type { ErrorName } from '../../../protocol/errors.ts'
import type { Clock } from '../../host/host.ts'
import type { ShardLog } from '../../machine/runtime.ts'
import type { Partition } from '../../replication/partition/partition.ts'

/** An append that was refused or not replicated. `code` is the protocol's name for the reason. */
export class AppendError extends Error {
  override readonly name = 'AppendError'
  readonly code: ErrorName

  constructor(code: ErrorName, message: string) {
    super(message)
    this.code = code
  }
}

/** A record of an internal topic; a null value is a tombstone. */
export interface StateRecord {
  readonly key: Buffer
  readonly value: Buffer | null
}

/** The records of a decision: they stay in one batch. */
interface PreparedRecords {
  readonly records: readonly StateRecord[]
}

/** The partition of an internal topic as the log of a coordinator's shard. */
export class PartitionLog<Fact> implements ShardLog<Fact, PreparedRecords> {
  readonly #partition: Partition
  readonly #clock: Clock
  readonly #codecs: Codecs
  readonly #encode: (fact: Fact) => StateRecord
  readonly #settings: () => { timeoutMs: number; compression: number }

  constructor(options: {
    partition: Partition
    clock: Clock
    codecs: Codecs
    encode: (fact: Fact) => StateRecord
    /** How long an append may wait for its replicas, and the number of its compression. */
    settings: () => { timeoutMs: number; compression: number }
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
    const sizeBytes = BATCH_HEADER_BYTES + recordsBytes(records, 0)
    const maxBytes = this.#maxBatchBytes()
    if (sizeBytes <= maxBytes) return { records }
    const { topic, index } = this.#partition
    const message = `${sizeBytes} bytes of records don't fit into one batch of ${topic}-${index}, which has ${maxBytes} at most: raise max.message.bytes (or segment.bytes) of ${topic}`
    return new AppendError('MESSAGE_TOO_LARGE', message)
  }

  append(prepared: readonly PreparedRecords[], done: (failure: Error | null) => void): void {
    const { timeoutMs } = this.#settings()
    const batches = this.#pack(prepared).map((records) => this.#batch(records))
    let left = batches.length
    let failure: Error | null = null
    // One by one, since all bytes of one append go into one segment; they are written together all the same.
    for (const batch of batches) {
      this.#partition.append(batch, -1, 'coordinator', timeoutMs, ({ errorCode, errorMessage }) => {
        if (errorCode !== 'NONE') failure ??= new AppendError(errorCode, errorMessage ?? errorCode)
        if (--left === 0) done(failure)
      })
    }
  }

  /** As few batches as hold all, with nothing that belongs together in two of them. */
  #pack(prepared: readonly PreparedRecords[]): StateRecord[][] {
    const batches: StateRecord[][] = []
    const maxBytes = this.#maxBatchBytes() - BATCH_HEADER_BYTES
    let usedBytes = Infinity
    for (const { records } of prepared) {
      usedBytes += recordsBytes(records, batches.at(-1)?.length ?? 0)
      if (usedBytes > maxBytes) {
        batches.push([])
        usedBytes = recordsBytes(records, 0)
      }
      batches.at(-1)!.push(...records)
    }
    return batches
  }

  #batch(records: readonly StateRecord[]): Buffer {
    const timestamp = this.#clock.now()
    const compression = COMPRESSION_TYPES[this.#settings().compression] ?? 'none'
    return buildBatch(
      { records: records.map(({ key, value }) => ({ timestamp, key, value })), compression },
      this.#codecs,
    )
  }

  #maxBatchBytes(): number {
    const config = this.#partition.log?.config
    return config === undefined ? 0 : Math.min(config.maxMessageBytes, config.segmentBytes)
  }
}

/** @param offsetDelta of the first one in its batch: what a record takes depends on its place */
function recordsBytes(records: readonly StateRecord[], offsetDelta: number): number {
  let sizeBytes = 0
  for (let index = 0; index < records.length; index++) {
    sizeBytes += recordBytes(records[index]!, offsetDelta + index)
  }
  return sizeBytes
}

/** A batch of records as a shard is rebuilt from them. */
export interface StateBatch {
  /** -1 unless it is part of a transaction. */
  readonly producerId: number
  /** The end of a transaction; its record is a marker. */
  readonly isControl: boolean
  readonly records: Iterable<StateRecord & { readonly offset: number }>
}

/** What a shard is rebuilt with. */
export interface ReplayOptions {
  readonly clock: Clock
  readonly codecs: Codecs
  /** Of one read. */
  readonly maxBytes: number
  /** Records from the first offset up to the other one (exclusive) are damaged, and left out. */
  readonly onDamage: (fromOffset: number, toOffset: number) => void
}

/**
 * Reads a partition from its start to its end, a part a turn, and waits until all that was read is committed. What is
 * damaged is left out: without the rest, nobody would be served for good.
 * @param isWanted asked after every wait
 * @returns whether it came to the end; not when it is no longer wanted or the log failed
 */
export async function replayPartition(
  partition: Partition,
  { clock, codecs, maxBytes, onDamage }: ReplayOptions,
  onBatch: (batch: StateBatch) => void,
  isWanted: () => boolean,
): Promise<boolean> {
  let offset = partition.log?.logStartOffset ?? 0
  let damagedFrom = -1
  const endDamage = (toOffset: number): void => {
    if (damagedFrom >= 0) onDamage(damagedFrom, toOffset)
    damagedFrom = -1
  }
  for (;;) {
    // It may move to another directory meanwhile, with the same records.
    const { log } = partition
    if (log === null) return false
    if (offset >= log.logEndOffset) break
    const result = await log.read(offset, maxBytes, 'logEnd', true)
    if (!isWanted()) return false
    if (result.errorCode === 'OFFSET_OUT_OF_RANGE' && result.logStartOffset > offset) {
      offset = result.logStartOffset
      continue
    }
    if (result.errorCode === 'CORRUPT_MESSAGE') {
      // The log doesn't say where the damage ends, but remembers it: to ask for each of its offsets costs little.
      if (damagedFrom < 0) damagedFrom = offset
      offset++
    } else {
      if (result.errorCode !== 'NONE' || result.sizeBytes === 0) return false
      endDamage(offset)
      for (const chunk of result.chunks) {
        for (const batch of readBatches(chunk)) {
          if (!takeBatch(batch, codecs, onBatch)) {
            onDamage(batchBaseOffset(batch, 0), batchNextOffset(batch, 0))
          }
          offset = batchNextOffset(batch, 0)
        }
      }
      result.release()
    }
    await new Promise<void>((resolve) => clock.endOfTurn(resolve))
    if (!isWanted()) return false
  }
  endDamage(offset)
  await committedUpTo(partition, offset, isWanted)
  return isWanted() && partition.log !== null
}

/** @returns false where the batch's bytes are no longer those that were written */
function takeBatch(batch: Buffer, codecs: Codecs, onBatch: (batch: StateBatch) => void): boolean {
  if (checkBatch(batch, 0, batch.length, codecs.crc32c) !== null) return false
  onBatch(stateBatch(batch, codecs))
  return true
}

function stateBatch(batch: Buffer, codecs: Codecs): StateBatch {
  const attributes = batchAttributes(batch, 0)
  return {
    producerId: isTransactional(attributes) ? batchProducerId(batch, 0) : -1,
    isControl: isControl(attributes),
    records: stateRecords(batch, codecs),
  }
}

function* stateRecords(
  batch: Buffer,
  codecs: Codecs,
): Generator<StateRecord & { readonly offset: number }> {
  for (const { key, value, offset } of readRecords(batch, codecs)) {
    // The bytes that were read are used again for others.
    if (key !== null) yield { key: Buffer.from(key), value: value && Buffer.from(value), offset }
  }
}

function committedUpTo(
  partition: Partition,
  offset: number,
  isWanted: () => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    const waiter = {
      advanced: (): void => {
        const isThere = (partition.log?.highWatermark ?? Infinity) >= offset
        if (!isThere && isWanted()) return
        partition.stopWaiting(waiter)
        resolve()
      },
    }
    partition.wait(waiter)
    waiter.advanced()
  })
}
