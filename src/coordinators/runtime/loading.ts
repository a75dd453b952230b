import {
  batchAttributes,
  batchBaseOffset,
  batchNextOffset,
  batchProducerEpoch,
  batchProducerId,
  checkBatch,
  CorruptRecordError,
  isControl,
  isTransactional,
  readBatches,
  readRecords,
} from '../../../protocol/records/batch.ts'
import type { Codecs } from '../../../protocol/records/codecs.ts'
import { DecodeError } from '../../../protocol/wire/reader.ts'
import type { Clock, Logger } from '../../host/host.ts'
import type { Place } from '../../log/base/row.ts'
import type { Partition } from '../../replication/partition/partition.ts'
import type { StateRecord } from './kind.ts'

/** What a machine is rebuilt with. */
export interface LoadOptions<Fact> {
  readonly clock: Clock
  readonly log: Logger
  readonly codecs: Codecs
  /** Of one read. */
  readonly maxBytes: number
  readonly machine: { apply(fact: Fact, offset: number): void }
  readonly decode: (record: StateRecord) => Fact | null
  /** Asked after every wait. */
  readonly isWanted: () => boolean
}

/**
 * Applies the facts of a partition from its start to its end, a part a turn, and waits until all that was read is committed.
 * What is damaged is left out: without the rest, nobody would be served for good.
 * @returns the offset where it ended; null where it is no longer wanted or the log failed
 */
export async function loadMachine<Fact>(
  partition: Partition,
  options: LoadOptions<Fact>,
): Promise<number | null> {
  const { clock, maxBytes, isWanted } = options
  // What an earlier leader epoch has under way here is in the log before it is read, or never.
  await partition.log?.whenIdle()
  let offset = partition.log?.logStartOffset ?? 0
  let damagedFrom = -1
  const endDamage = (toOffset: number): void => {
    if (damagedFrom >= 0) tellDamage(options.log, damagedFrom, toOffset)
    damagedFrom = -1
  }
  for (;;) {
    // It may move to another directory meanwhile, with the same records.
    const { log } = partition
    if (log === null) return null
    if (offset >= log.logEndOffset) break
    const result = await log.read(offset, maxBytes, 'logEnd', true)
    if (!isWanted()) return null
    if (result.errorCode === 'OFFSET_OUT_OF_RANGE' && result.logStartOffset > offset) {
      offset = result.logStartOffset
      continue
    }
    if (result.errorCode === 'CORRUPT_MESSAGE') {
      // The log doesn't say where the damage ends, but remembers it: to ask for each of its offsets costs little.
      if (damagedFrom < 0) damagedFrom = offset
      offset++
    } else {
      if (result.errorCode !== 'NONE' || result.sizeBytes === 0) return null
      endDamage(offset)
      for (const chunk of result.chunks) {
        for (const batch of readBatches(chunk)) {
          applyBatch(batch, options)
          offset = batchNextOffset(batch, 0)
        }
      }
      result.release()
    }
    await new Promise<void>((resolve) => clock.endOfTurn(resolve))
    if (!isWanted()) return null
  }
  endDamage(offset)
  await committedUpTo(partition, offset, isWanted)
  return isWanted() && partition.log !== null ? offset : null
}

function tellDamage(log: Logger, fromOffset: number, toOffset: number): void {
  log.error(
    { fromOffset, toOffset },
    'Records of a coordinator are damaged and left out: its state may be what was stored before them',
  )
}

function applyBatch<Fact>(batch: Buffer, options: LoadOptions<Fact>): void {
  const { codecs, log, machine } = options
  // Its bytes may no longer be those that were written.
  if (checkBatch(batch, 0, batch.length, codecs.crc32c) !== null) {
    return tellDamage(log, batchBaseOffset(batch, 0), batchNextOffset(batch, 0))
  }
  for (const record of stateRecords(batch, codecs)) {
    const fact = decoded(record, options)
    if (fact !== null) machine.apply(fact, record.offset)
  }
}

function decoded<Fact>(record: LoadedRecord, { decode, log }: LoadOptions<Fact>): Fact | null {
  try {
    return decode(record)
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof CorruptRecordError)) throw error
    const { offset } = record
    log.warn({ err: error, offset }, 'A record of a coordinator cannot be read and is left out')
    return null
  }
}

interface LoadedRecord extends StateRecord {
  readonly offset: number
}

function* stateRecords(batch: Buffer, codecs: Codecs): Generator<LoadedRecord> {
  const attributes = batchAttributes(batch, 0)
  const transaction = isTransactional(attributes)
    ? {
        producerId: batchProducerId(batch, 0),
        producerEpoch: batchProducerEpoch(batch, 0),
        isMarker: isControl(attributes),
      }
    : null
  // What is not of a transaction is nobody's marker.
  if (transaction === null && isControl(attributes)) return
  for (const { key, value, offset } of readRecords(batch, codecs)) {
    if (key === null) continue
    // The bytes that were read are used again for others.
    const record = { key: Buffer.from(key), value: value && Buffer.from(value), offset }
    yield transaction === null ? record : { ...record, transaction }
  }
}

function committedUpTo(
  partition: Partition,
  offset: number,
  isWanted: () => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    let place: Place | null = null
    const waiter = {
      advanced: (): void => {
        const isThere = (partition.log?.highWatermark ?? Infinity) >= offset
        if (!isThere && isWanted()) return
        place?.leave()
        resolve()
      },
    }
    place = partition.wait(waiter)
    waiter.advanced()
  })
}
