import type { Codecs } from '../../protocol/records/codecs.ts'
import type { DiskFile } from '../../src/host/host.ts'
import { decodeProducerSnapshot } from '../../src/log/producers/producer-snapshot.ts'
import { ABORTED_TRANSACTION_BYTES } from '../../src/log/segment/transaction-index.ts'
import { batchFacts, type BatchFacts } from './batch-facts.ts'
import { readBatchFile } from './batch-file.ts'
import type { DumpItem } from './log.ts'

const OFFSET_ENTRY_BYTES = 8
const TIME_ENTRY_BYTES = 12

const entry = (fields: object): DumpItem => ({ kind: 'entry', entry: fields })
const problem = (text: string): DumpItem => ({ kind: 'problem', problem: text })

/** The entries of a fixed size; what is preallocated, zeros at the end, is left out. */
function* entriesOf(content: Buffer, sizeBytes: number): Generator<Buffer> {
  for (let at = 0; at + sizeBytes <= content.length; at += sizeBytes) {
    const bytes = content.subarray(at, at + sizeBytes)
    if (bytes.every((byte) => byte === 0)) return
    yield bytes
  }
}

/** The batches of the segment that an index belongs to, without their records; nothing where the segment is missing. */
function* segmentBatches(log: DiskFile | null, codecs: Codecs): Generator<BatchFacts> {
  if (log === null) return
  for (const { bytes, position } of readBatchFile(log)) yield batchFacts(bytes, position, codecs)
}

/** An `.index`: offset of the last record of a batch, position of the batch; held against the segment. */
export function* dumpOffsetIndex(
  content: Buffer,
  baseOffset: number,
  log: DiskFile | null,
  codecs: Codecs,
): Generator<DumpItem> {
  const batches = segmentBatches(log, codecs)
  let batch = batches.next()
  for (const bytes of entriesOf(content, OFFSET_ENTRY_BYTES)) {
    const offset = baseOffset + bytes.readInt32BE(0)
    const position = bytes.readInt32BE(4)
    yield entry({ offset, position })
    if (log === null) continue
    while (!batch.done && batch.value.position < position) batch = batches.next()
    if (batch.done || batch.value.position !== position) {
      yield problem(`Offset ${offset} has position ${position}, where no batch begins`)
    } else if (batch.value.lastOffset !== offset) {
      yield problem(
        `Offset ${offset} has position ${position}, and the batch there ends with offset ${batch.value.lastOffset}`,
      )
    }
  }
}

/** A `.timeindex`: the greatest timestamp so far, and the last offset of the batch that has it. */
export function* dumpTimeIndex(
  content: Buffer,
  baseOffset: number,
  log: DiskFile | null,
  codecs: Codecs,
): Generator<DumpItem> {
  const batches = segmentBatches(log, codecs)
  let batch = batches.next()
  let before = -1n
  for (const bytes of entriesOf(content, TIME_ENTRY_BYTES)) {
    const timestamp = bytes.readBigInt64BE(0)
    const offset = baseOffset + bytes.readInt32BE(8)
    yield entry({ timestamp, offset })
    if (timestamp < before) {
      yield problem(`Timestamp ${timestamp} at offset ${offset} is before ${before}`)
    }
    before = timestamp
    if (log === null) continue
    while (!batch.done && batch.value.lastOffset < offset) batch = batches.next()
    const found = batch.done ? null : batch.value
    if (found?.lastOffset !== offset) {
      yield problem(`No batch of the segment ends with offset ${offset}`)
    } else if (found.timestamp !== undefined && found.timestamp !== timestamp) {
      yield problem(
        `The batch that ends with offset ${offset} has the timestamp ${found.timestamp}, not ${timestamp}`,
      )
    }
  }
}

/** A `.txnindex`: the transactions that were aborted in the segment. */
export function* dumpTransactionIndex(content: Buffer): Generator<DumpItem> {
  const size = ABORTED_TRANSACTION_BYTES
  for (let at = 0; at + size <= content.length; at += size) {
    yield entry({
      version: content.readInt16BE(at),
      producerId: content.readBigInt64BE(at + 2),
      firstOffset: content.readBigInt64BE(at + 10),
      lastOffset: content.readBigInt64BE(at + 18),
      lastStableOffset: content.readBigInt64BE(at + 26),
    })
  }
  const rest = content.length % size
  if (rest > 0) yield problem(`There are ${rest} bytes after the last entry`)
}

/** A `.snapshot`: what the partition knew of its producers at the offset in the file's name. */
export function* dumpProducerSnapshot(content: Buffer, codecs: Codecs): Generator<DumpItem> {
  const producers = decodeProducerSnapshot(content, (bytes) => codecs.crc32c(bytes))
  if (producers === null) {
    return yield problem('It is damaged, or of a version that is not known')
  }
  for (const producer of producers) {
    const last = producer.batches.at(-1)
    yield entry({
      producerId: producer.producerId,
      producerEpoch: producer.epoch,
      coordinatorEpoch: producer.coordinatorEpoch,
      currentTxnFirstOffset:
        producer.currentTransactionFirstOffset < 0 ? null : producer.currentTransactionFirstOffset,
      lastTimestamp: producer.lastTimestamp,
      ...(last !== undefined && {
        firstSequence: firstSequence(last.lastSequence, last.offsetDelta),
        lastSequence: last.lastSequence,
        lastOffset: last.lastOffset,
        offsetDelta: last.offsetDelta,
        timestamp: last.timestamp,
      }),
    })
  }
}

/** Sequence numbers go on with 0 after 2^31-1. */
function firstSequence(last: number, delta: number): number {
  return last >= delta ? last - delta : last - delta + 0x8000_0000
}
