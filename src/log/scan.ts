import {
  BATCH_HEADER_BYTES,
  batchMagic,
  batchSizeBytes,
  CURRENT_MAGIC,
} from '../../protocol/records/batch.ts'
import type { DiskFile } from '../host/host.ts'

/** How much is read at once to find a batch near a position that an index gave. */
export const LOOKUP_READ_BYTES = 16 * 1024
/** How much is read at once to go through all batches. */
export const SCAN_READ_BYTES = 1024 * 1024

/** `headers`: only the header of each batch has to be in the buffer; `whole`: all of it. */
export type ScanDepth = 'headers' | 'whole'

/** Sees a batch: in `buffer` at `at`, in the file at `position`. Says whether to go on. */
export type BatchVisitor = (buffer: Buffer, at: number, position: number) => boolean

export interface Scan {
  readonly file: DiskFile
  readonly from: number
  /** Where the file's valid bytes end, as far as is known. */
  readonly end: number
  readonly what: ScanDepth
  /** How much is read at once. */
  readonly readBytes: number
  readonly visit: BatchVisitor
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

/** Goes through the batches in a part of a file, without checking more than their lengths. For start-up. */
export function scanSync(scan: Scan): ScanResult {
  const progress = begin(scan)
  let buffer: Buffer = Buffer.alloc(0)
  while (progress.outcome === null) {
    buffer = bufferFor(scan, progress, buffer)
    step(scan, progress, buffer, scan.file.readSync(buffer, progress.position))
  }
  return { outcome: progress.outcome, position: progress.position }
}

/** The same on the running path. */
export async function scanAsync(scan: Scan): Promise<ScanResult> {
  const progress = begin(scan)
  let buffer: Buffer = Buffer.alloc(0)
  while (progress.outcome === null) {
    buffer = bufferFor(scan, progress, buffer)
    step(scan, progress, buffer, await scan.file.read(buffer, progress.position))
  }
  return { outcome: progress.outcome, position: progress.position }
}

function begin(scan: Scan): Progress {
  const outcome = scan.from >= scan.end ? 'complete' : null
  return { position: scan.from, neededBytes: BATCH_HEADER_BYTES, outcome }
}

function bufferFor(scan: Scan, progress: Progress, last: Buffer): Buffer {
  const wanted = Math.max(scan.readBytes, progress.neededBytes)
  const length = Math.min(wanted, scan.end - progress.position)
  if (last.length >= length && last.length <= 2 * wanted) return last.subarray(0, length)
  return Buffer.allocUnsafeSlow(length)
}

/** Visits the batches of which enough has been read, and says where to read next. */
function step(scan: Scan, progress: Progress, buffer: Buffer, lengthBytes: number): void {
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
    if (sizeBytes < BATCH_HEADER_BYTES || sizeBytes > left)
      return finish(progress, readAt + at, 'cut')
    if (scan.what === 'whole' && sizeBytes > lengthBytes - at) {
      // Noise that looks like a length must not make a buffer of that size.
      const isCut =
        batchMagic(buffer, at) !== CURRENT_MAGIC || (at === 0 && lengthBytes < buffer.length)
      return isCut ? finish(progress, readAt + at, 'cut') : moveOn(progress, readAt + at, sizeBytes)
    }
    if (!scan.visit(buffer, at, readAt + at)) return finish(progress, readAt + at, 'stopped')
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
