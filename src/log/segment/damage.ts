import {
  BATCH_HEADER_BYTES,
  batchBaseOffset,
  batchNextOffset,
  batchSizeBytes,
  checkBatch,
} from '../../../protocol/records/batch.ts'
import {
  BatchSearch,
  candidateAt,
  GREATEST_CHECKED_BYTES,
  type Candidate,
  type SearchedPart,
} from './batch-search.ts'
import {
  isPlausibleHeader,
  scanning,
  type Reading,
  type ScanPart,
  type ScanResult,
} from './scan.ts'

/** So much may be read in vain after damage, beside as much as there is, before only checksums are believed. */
const GREATEST_STRAYED_BYTES = 16 * 1024 * 1024

/** Bytes of a segment that are no batches any more, and the offsets that were theirs. */
export interface Damage {
  readonly position: number
  readonly fromOffset: number
  /** Of the next batch, as its position is; where there is none to the file's end: Infinity, and that end. */
  readonly toOffset: number
  readonly endPosition: number
}

export interface SoundScanPart extends ScanPart, SearchedPart {
  /** No batch may begin below it. */
  readonly fromOffset: number
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
 *
 * Bytes of records may be made to look like batches again and again. Where more has been read in vain than there is, only
 * what the search found sound is believed: that loses nothing healthy, and goes over each byte a few times at most.
 */
export function* scanAround(scan: SoundScanPart): Reading<SoundScanResult> {
  const damages: Damage[] = []
  let { fromOffset: nextOffset } = scan
  let from = scan.from
  let known = scan.firstLastOffset
  /** Where a batch begins whose checksum says that the one behind it has the wrong offset. */
  let believedAt = -1
  let search: BatchSearch | null = null
  /** Where the batch ends that was found last. */
  let foundEnd = 0
  let strayedBytes = 0
  for (;;) {
    const seen: Seen = { badAt: -1, badBytes: 0, lastAt: from, doubt: null, stop: null }
    const isStrict = foundEnd > from && strayedBytes > scan.end + GREATEST_STRAYED_BYTES
    const end = isStrict ? foundEnd : scan.end
    const result: ScanResult = yield* scanning({
      ...scan,
      from,
      end,
      visit: (buffer, at, position, lengthBytes) => {
        const next = batchNextOffset(buffer, at)
        if (
          batchBaseOffset(buffer, at) < nextOffset ||
          next > scan.endOffset ||
          scan.rejects?.(buffer, at) === true
        ) {
          seen.badAt = position
          seen.badBytes = batchSizeBytes(buffer, at)
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
    let { position } = result
    if (result.outcome === 'complete') {
      if (position >= scan.end) return { ...result, nextOffset, damages }
      if (!scan.passes(nextOffset)) {
        from = position
        continue
      }
    }
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
    strayedBytes += scan.readBytes + seen.badBytes + position - seen.lastAt
    // It may be the length of the batch before that is wrong, unless its checksum held.
    const searchFrom = Math.max(seen.lastAt + 1, foundEnd)
    search ??= new BatchSearch(scan)
    const found: Candidate | null = yield* search.next(searchFrom, nextOffset, seen.badAt)
    if (!isStrict || found?.position !== position)
      damages.push(damageBefore(found, position, nextOffset, scan.end))
    if (found === null) return { outcome: 'complete', position: scan.end, nextOffset, damages }
    foundEnd = found.position + found.sizeBytes
    nextOffset = found.baseOffset
    from = found.position
  }
}

function damageBefore(
  found: Candidate | null,
  from: number,
  fromOffset: number,
  end: number,
): Damage {
  const endPosition = found?.position ?? end
  const toOffset = found?.baseOffset ?? Infinity
  return { position: Math.min(from, endPosition), fromOffset, toOffset, endPosition }
}

/** What a scan has met: where a batch begins that is bad, or in doubt, and the last one that was in order. */
interface Seen {
  badAt: number
  badBytes: number
  lastAt: number
  doubt: Candidate | null
  stop: Candidate | null
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
