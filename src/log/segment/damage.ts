import {
  BATCH_HEADER_BYTES,
  batchBaseOffset,
  batchNextOffset,
  batchSizeBytes,
  checkBatch,
} from '../../../protocol/records/batch.ts'
import {
  isPlausibleHeader,
  scanning,
  type Reading,
  type ScanPart,
  type ScanResult,
} from './scan.ts'

/** So much is looked through at once for the next batch: a fraction of a millisecond on the event loop. */
const SEARCH_READ_BYTES = 128 * 1024
/** What says that it is longer is not held against its checksum, and not believed. */
const GREATEST_CHECKED_BYTES = 64 * 1024 * 1024

/** Bytes of a segment that are no batches any more, and the offsets that were theirs. */
export interface Damage {
  readonly position: number
  readonly fromOffset: number
  /** Of the next batch, as its position is; where there is none to the file's end: Infinity, and that end. */
  readonly toOffset: number
  readonly endPosition: number
}

export interface SoundScanPart extends ScanPart {
  /** No batch may begin below it, */
  readonly fromOffset: number
  /** and none end above. */
  readonly endOffset: number
  readonly crc32c: (bytes: Uint8Array) => number
  /** Whether to look for what is healthy behind damage that begins with this offset; else the scan ends there as `cut`. */
  passes(fromOffset: number): boolean
  /** What an index says of the first batch: then it is right where another one contradicts it. */
  readonly firstLastOffset?: number | undefined
  /** What else can't be a batch, though its header could be one's. */
  rejects?(buffer: Buffer, at: number): boolean
  /** The batch that the visitor stops at is held against the one behind it, which a wrong length or last offset hides. */
  readonly checksStop: boolean
}

export interface SoundScanResult extends ScanResult {
  /** After the last batch. */
  readonly nextOffset: number
  readonly damages: readonly Damage[]
}

/**
 * Goes through the batches of a segment and past what is damaged: where headers, or their order, can't be right, the scan
 * goes on with the next batch whose checksum holds. A base offset is not under the checksum: of two neighbours out of order
 * the one that doesn't fit what is before them is the wrong one, and where both do, the checksum of the first decides.
 */
export function* scanAround(scan: SoundScanPart): Reading<SoundScanResult> {
  const damages: Damage[] = []
  let { fromOffset: nextOffset } = scan
  let from = scan.from
  let known = scan.firstLastOffset
  /** Where a batch begins whose checksum says that the one behind it has the wrong offset. */
  let believedAt = -1
  for (;;) {
    const seen: Seen = { badAt: -1, lastAt: from, doubt: null, stop: null }
    const result: ScanResult = yield* scanning({
      ...scan,
      from,
      visit: (buffer, at, position, lengthBytes) => {
        const next = batchNextOffset(buffer, at)
        if (
          batchBaseOffset(buffer, at) < nextOffset ||
          next > scan.endOffset ||
          scan.rejects?.(buffer, at) === true
        ) {
          seen.badAt = position
          return false
        }
        const said =
          next - 1 === known || position === believedAt
            ? null
            : contradictionBehind(buffer, at, lengthBytes, nextOffset)
        if (said !== null) {
          seen.badAt = position
          if (said === 'either') seen.doubt = candidateAt(buffer, at, position)
          return false
        }
        if (!scan.visit(buffer, at, position, lengthBytes)) {
          seen.stop = candidateAt(buffer, at, position)
          return false
        }
        known = undefined
        nextOffset = next
        seen.lastAt = position
        return true
      },
    })
    if (result.outcome === 'complete') return { ...result, nextOffset, damages }
    let position = result.position
    if (seen.doubt !== null && (yield* holds(scan, seen.doubt.position, seen.doubt.sizeBytes))) {
      from = believedAt = seen.doubt.position
      continue
    }
    if (seen.stop !== null) {
      const isSound = !scan.checksStop || (yield* isFollowed(scan, seen.stop, nextOffset))
      if (isSound) return { ...result, nextOffset, damages }
      position = seen.lastAt = seen.stop.position
    }
    if (!scan.passes(nextOffset)) return { outcome: 'cut', position, nextOffset, damages }
    // It may be the length of the batch before that is wrong.
    const at: number | null = yield* findBatch(scan, seen.lastAt + 1, nextOffset, seen.badAt)
    if (at === null) {
      damages.push({ position, fromOffset: nextOffset, toOffset: Infinity, endPosition: scan.end })
      return { outcome: 'complete', position: scan.end, nextOffset, damages }
    }
    const header = Buffer.allocUnsafe(BATCH_HEADER_BYTES)
    yield { buffer: header, position: at }
    const toOffset = batchBaseOffset(header, 0)
    damages.push({
      position: Math.min(position, at),
      fromOffset: nextOffset,
      toOffset,
      endPosition: at,
    })
    nextOffset = toOffset
    from = at
  }
}

interface Candidate {
  readonly position: number
  readonly sizeBytes: number
  readonly baseOffset: number
  readonly nextOffset: number
}

/** What a scan has met: where a batch begins that is bad, or in doubt, and the last one that was in order. */
interface Seen {
  badAt: number
  lastAt: number
  doubt: Candidate | null
  stop: Candidate | null
}

function candidateAt(buffer: Buffer, at: number, position: number): Candidate {
  return {
    position,
    sizeBytes: batchSizeBytes(buffer, at),
    baseOffset: batchBaseOffset(buffer, at),
    nextOffset: batchNextOffset(buffer, at),
  }
}

/**
 * Whether of two neighbours whose offsets contradict each other the first one is wrong. It is where the second fits what is
 * before both, and the first leaves a gap there. It may be either where the first begins where that ends: the first, if its
 * last offset is wrong, which is under its checksum; the second, if its base offset is.
 */
export function contradiction(
  baseOffset: number,
  nextOffset: number,
  followingOffset: number,
  fromOffset: number,
): 'first' | 'either' | null {
  if (followingOffset >= nextOffset || followingOffset < fromOffset) return null
  if (baseOffset !== fromOffset) return 'first'
  return followingOffset > baseOffset ? 'either' : null
}

/** The same of a batch in a buffer and the one behind it, if that is there. */
function contradictionBehind(
  buffer: Buffer,
  at: number,
  lengthBytes: number,
  fromOffset: number,
): 'first' | 'either' | null {
  const after = at + batchSizeBytes(buffer, at)
  if (after + BATCH_HEADER_BYTES > lengthBytes || !isPlausibleHeader(buffer, after)) return null
  const following = batchBaseOffset(buffer, after)
  const nextOffset = batchNextOffset(buffer, at)
  return contradiction(batchBaseOffset(buffer, at), nextOffset, following, fromOffset)
}

/** Whether there is a batch, or the end, where this one ends; where there isn't, its own checksum says if it is sound. */
function* isFollowed(scan: SoundScanPart, batch: Candidate, fromOffset: number): Reading<boolean> {
  const after = batch.position + batch.sizeBytes
  if (after === scan.end) return true
  if (after + BATCH_HEADER_BYTES <= scan.end) {
    const header = Buffer.allocUnsafe(BATCH_HEADER_BYTES)
    yield { buffer: header, position: after }
    if (isPlausibleHeader(header, 0)) {
      const following = batchBaseOffset(header, 0)
      if (following >= batch.nextOffset) return true
      // Its base offset, too, could be what is wrong, and that is not under the checksum.
      if (contradiction(batch.baseOffset, batch.nextOffset, following, fromOffset) === 'first')
        return false
    }
  }
  return yield* holds(scan, batch.position, batch.sizeBytes)
}

function* holds(scan: SoundScanPart, position: number, sizeBytes: number): Reading<boolean> {
  if (sizeBytes > GREATEST_CHECKED_BYTES) return false
  const batch = Buffer.allocUnsafe(sizeBytes)
  const count = yield { buffer: batch, position }
  return checkBatch(batch, 0, count, scan.crc32c) === null
}

/**
 * Looks from a position on for the next batch whose checksum holds. Bytes of a record may look like a batch: its offsets
 * have to be such as could come next.
 * @param except where a batch begins that is out of order, whatever its checksum says
 */
function* findBatch(
  scan: SoundScanPart,
  from: number,
  fromOffset: number,
  except: number,
): Reading<number | null> {
  const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(SEARCH_READ_BYTES, scan.end - from)))
  for (let position = from; position + BATCH_HEADER_BYTES <= scan.end;) {
    const part = buffer.subarray(0, Math.min(buffer.length, scan.end - position))
    const count = yield { buffer: part, position }
    if (count < BATCH_HEADER_BYTES) return null
    const last = count - BATCH_HEADER_BYTES
    for (let at = 0; at <= last; at++) {
      if (!isPlausibleHeader(part, at)) continue
      const sizeBytes = batchSizeBytes(part, at)
      const mayCome =
        position + at !== except &&
        sizeBytes <= scan.end - position - at &&
        batchBaseOffset(part, at) >= fromOffset &&
        batchNextOffset(part, at) <= scan.endOffset
      if (mayCome && (yield* holds(scan, position + at, sizeBytes))) return position + at
    }
    position += last + 1
  }
  return null
}
