import {
  BATCH_HEADER_BYTES,
  batchLastOffsetDelta,
  batchMagic,
  batchSizeBytes,
  CURRENT_MAGIC,
} from '../../../protocol/records/batch.ts'
import type { DiskFile } from '../../host/host.ts'

const PRODUCER_ID_AT = 43

/** How much is read at once to find a batch near a position that an index gave. */
export const LOOKUP_READ_BYTES = 16 * 1024
/** How much is read at once to go through all batches. */
export const SCAN_READ_BYTES = 1024 * 1024

/** `headers`: only the header of each batch has to be in the buffer; `whole`: all of it. */
export type ScanDepth = 'headers' | 'whole'

/**
 * Sees a batch: in `buffer` at `at`, in the file at `position`; the buffer's first `lengthBytes` have been read. Says whether
 * to go on.
 */
export type BatchVisitor = (
  buffer: Buffer,
  at: number,
  position: number,
  lengthBytes: number,
) => boolean

/** Bytes of a file that a reading waits for. It goes on with how many there were. */
export interface Wanted {
  readonly buffer: Buffer
  readonly position: number
}

/** Work on a file's bytes that doesn't know whether they come at once or later. */
export type Reading<Result> = Generator<Wanted, Result, number>

/** Reads on the event loop: for start-up. */
export function readNow<Result>(file: DiskFile, reading: Reading<Result>): Result {
  let next = reading.next(0)
  while (next.done !== true)
    next = reading.next(file.readSync(next.value.buffer, next.value.position))
  return next.value
}

/** Reads on the thread pool. */
export async function readLater<Result>(file: DiskFile, reading: Reading<Result>): Promise<Result> {
  let next = reading.next(0)
  while (next.done !== true) {
    next = reading.next(await file.read(next.value.buffer, next.value.position))
  }
  return next.value
}

export interface ScanPart {
  readonly from: number
  /** Where the file's valid bytes end, as far as is known. */
  readonly end: number
  readonly what: ScanDepth
  /** How much is read at once. */
  readonly readBytes: number
  readonly visit: BatchVisitor
}

export interface Scan extends ScanPart {
  readonly file: DiskFile
}

/** `complete`: all up to the end was seen; `stopped` by the visitor; `cut`: what follows isn't a whole batch. */
export type ScanOutcome = 'complete' | 'stopped' | 'cut'

export interface ScanResult {
  readonly outcome: ScanOutcome
  /** After the last batch that was seen and gone on from. */
  readonly position: number
}

interface Progress {
  position: number
  /** How many bytes the next read has to bring at least. */
  neededBytes: number
  outcome: ScanOutcome | null
}

/** Goes through the batches in a part of a file, without checking more than their headers. For start-up. */
export function scanSync(scan: Scan): ScanResult {
  return readNow(scan.file, scanning(scan))
}

export function* scanning(scan: ScanPart): Reading<ScanResult> {
  const progress = begin(scan)
  let buffer: Buffer = Buffer.alloc(0)
  while (progress.outcome === null) {
    buffer = bufferFor(scan, progress, buffer)
    step(scan, progress, buffer, yield { buffer, position: progress.position })
  }
  return { outcome: progress.outcome, position: progress.position }
}

/**
 * Whether a header of magic 2, all of which is in the buffer, could be one: its length at least a header's, and offsets and
 * producer id numbers that the functions of a batch take.
 */
export function isPlausibleHeader(buffer: Buffer, at: number): boolean {
  if (batchMagic(buffer, at) !== CURRENT_MAGIC) return false
  const producerIdHigh = buffer.readInt32BE(at + PRODUCER_ID_AT)
  return (
    batchSizeBytes(buffer, at) >= BATCH_HEADER_BYTES &&
    buffer.readUInt32BE(at) < 0x200000 &&
    batchLastOffsetDelta(buffer, at) >= 0 &&
    producerIdHigh >= -1 &&
    producerIdHigh < 0x200000
  )
}

function begin(scan: ScanPart): Progress {
  const outcome = scan.from >= scan.end ? 'complete' : null
  return { position: scan.from, neededBytes: BATCH_HEADER_BYTES, outcome }
}

function bufferFor(scan: ScanPart, progress: Progress, last: Buffer): Buffer {
  const wanted = Math.max(scan.readBytes, progress.neededBytes)
  const length = Math.min(wanted, scan.end - progress.position)
  if (last.length >= length && last.length <= 2 * wanted) return last.subarray(0, length)
  return Buffer.allocUnsafeSlow(length)
}

/** Visits the batches of which enough has been read, and says where to read next. */
function step(scan: ScanPart, progress: Progress, buffer: Buffer, lengthBytes: number): void {
  const readAt = progress.position
  let at = 0
  for (;;) {
    const left = scan.end - readAt - at
    if (left <= 0) return finish(progress, readAt + at, 'complete')
    if (lengthBytes - at < BATCH_HEADER_BYTES) {
      const isCut = left < BATCH_HEADER_BYTES || (at === 0 && lengthBytes < buffer.length)
      return isCut ? finish(progress, readAt + at, 'cut') : moveOn(progress, readAt + at)
    }
    const sizeBytes = batchSizeBytes(buffer, at)
    if (!isPlausibleHeader(buffer, at) || sizeBytes > left)
      return finish(progress, readAt + at, 'cut')
    if (scan.what === 'whole' && sizeBytes > lengthBytes - at) {
      const isCut = at === 0 && lengthBytes < buffer.length
      return isCut ? finish(progress, readAt + at, 'cut') : moveOn(progress, readAt + at, sizeBytes)
    }
    if (!scan.visit(buffer, at, readAt + at, lengthBytes))
      return finish(progress, readAt + at, 'stopped')
    at += sizeBytes
    if (at > lengthBytes && at < scan.end - readAt) return moveOn(progress, readAt + at)
  }
}

function moveOn(progress: Progress, position: number, neededBytes = BATCH_HEADER_BYTES): void {
  progress.position = position
  progress.neededBytes = neededBytes
}

function finish(progress: Progress, position: number, outcome: ScanOutcome): void {
  progress.position = position
  progress.outcome = outcome
}
