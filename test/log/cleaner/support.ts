import {
  batchAttributes,
  batchBaseOffset,
  batchLastOffset,
  batchProducerId,
  buildBatch,
  controlKey,
  controlType,
  isControl,
  isTransactional,
  readBatches,
  readRecords,
  type BatchToWrite,
  type LogRecord,
} from '../../../protocol/records/batch.ts'
import { needsClean } from '../../../src/log/cleaner/cleanable.ts'
import type { CleaningBudget, CleaningResult } from '../../../src/log/cleaner/partition-cleaner.ts'
import type { Log } from '../../../src/log/log.ts'
import { codecs, readAll } from '../support.ts'

export const budget: CleaningBudget = {
  mapBytes: 1 << 20,
  loadFactor: 0.9,
  bufferBytes: 4096,
  bytesPerSecond: Infinity,
}

export const compacted = {
  compacted: true,
  deletesSegments: false,
  segmentBytes: 1000,
  indexIntervalBytes: 100,
  minCleanableDirtyRatio: 0,
  fileDeleteDelayMs: 0,
}

/** Cleans what can be cleaned; null where nothing needs it. */
export async function clean(
  log: Log,
  nowMs = Date.now(),
  changes: Partial<CleaningBudget> = {},
): Promise<CleaningResult | null> {
  const cleanable = await log.cleaner.find(nowMs)
  if (!needsClean(cleanable, log.cleaner.minDirtyRatio)) return null
  return log.cleaner.clean(cleanable, { ...budget, ...changes })
}

export function keyed(
  entries: readonly (readonly [key: string | null, value: string | null])[],
  more: Partial<BatchToWrite> & { timestamp?: number } = {},
): Buffer {
  const { timestamp = Date.now(), ...rest } = more
  const records = entries.map(([key, value], index) => ({
    timestamp: timestamp + index,
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
  }))
  return buildBatch({ records, ...rest }, codecs)
}

/** The end of a transaction, as a coordinator writes it. */
export function marker(
  producerId: number,
  type: 'ABORT' | 'COMMIT',
  producerEpoch = 0,
  timestamp = Date.now(),
): Buffer {
  const value = Buffer.alloc(6)
  const records = [{ timestamp, key: controlKey(type), value }]
  return buildBatch(
    { records, producerId, producerEpoch, isTransactional: true, isControl: true },
    codecs,
  )
}

/** All batches of a log from its start, and the transactions aborted that a reader is told of. */
export async function batchesOf(
  log: Log,
): Promise<{ batches: Buffer[]; aborted: Map<string, number> }> {
  const batches: Buffer[] = []
  const aborted = new Map<string, number>()
  for (let offset = log.logStartOffset; offset < log.logEndOffset;) {
    const result = await readAll(log, offset, { upTo: 'lastStable' })
    expect(result.errorCode).toBe('NONE')
    for (const { producerId, firstOffset } of result.abortedTransactions ?? []) {
      aborted.set(`${producerId}:${firstOffset}`, firstOffset)
    }
    const found = [...readBatches(result.bytes)].map((batch) => Buffer.from(batch))
    if (found.length === 0) break
    batches.push(...found)
    offset = batchLastOffset(found.at(-1)!, 0) + 1
    result.release()
  }
  return { batches, aborted }
}

export interface Seen {
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
  readonly timestamp: bigint
}

/** What a consumer with read_committed gets, worked out as clients do it. */
export async function committed(log: Log): Promise<Seen[]> {
  const { batches, aborted } = await batchesOf(log)
  const upcoming = [...aborted]
    .map(([name, firstOffset]) => ({ producerId: Number(name.split(':')[0]), firstOffset }))
    .sort((one, other) => one.firstOffset - other.firstOffset)
  const ongoing = new Set<number>()
  const seen: Seen[] = []
  for (const batch of batches) {
    const producerId = batchProducerId(batch, 0)
    while (upcoming.length > 0 && upcoming[0]!.firstOffset <= batchLastOffset(batch, 0)) {
      ongoing.add(upcoming.shift()!.producerId)
    }
    const attributes = batchAttributes(batch, 0)
    const records = [...readRecords(batch, codecs)]
    if (isControl(attributes)) {
      if (records[0] !== undefined && controlType(records[0].key) === 'ABORT') {
        ongoing.delete(producerId)
      }
      continue
    }
    if (isTransactional(attributes) && ongoing.has(producerId)) continue
    seen.push(...records.map(asSeen))
  }
  return seen
}

function asSeen({ offset, key, value, timestamp }: LogRecord): Seen {
  return { offset, key: key?.toString() ?? null, value: value?.toString() ?? null, timestamp }
}

/** `offset:key=value` of all records, aborted ones too. */
export async function recordsOf(log: Log): Promise<string[]> {
  const { batches } = await batchesOf(log)
  return batches
    .filter((batch) => !isControl(batchAttributes(batch, 0)))
    .flatMap((batch) => [...readRecords(batch, codecs)])
    .map(asSeen)
    .map(({ offset, key, value }) => `${offset}:${key}=${value}`)
}

/** `first-last(records)` of all batches, with C for control ones. */
export async function shapesOf(log: Log): Promise<string[]> {
  const { batches } = await batchesOf(log)
  return batches.map((batch) => {
    const count = [...readRecords(batch, codecs)].length
    const mark = isControl(batchAttributes(batch, 0)) ? 'C' : ''
    return `${mark}${batchBaseOffset(batch, 0)}-${batchLastOffset(batch, 0)}(${count})`
  })
}
