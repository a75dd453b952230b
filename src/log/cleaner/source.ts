import {
  batchBaseOffset,
  batchNextOffset,
  batchSizeBytes,
  checkBatch,
  CorruptRecordError,
  type BatchFault,
} from '../../../protocol/records/batch.ts'
import type { WorkerParts } from '../../host/host.ts'
import { withFile } from '../base/files.ts'
import { scanSync } from '../segment/scan.ts'
import type { Throttle } from './throttle.ts'

/** A segment's file as the cleaner reads it. */
export interface Source {
  readonly path: string
  readonly baseOffset: number
  /** Where the next segment begins, or what can be cleaned ends. */
  readonly endOffset: number
  readonly sizeBytes: number
}

/** Where a log can't be cleaned, and why. */
export interface Corruption {
  readonly path: string
  readonly position: number
  /** What the batch says of its first offset, which may be wrong too; null where there is no header. */
  readonly offset: number | null
  readonly reason: string
}

/** A batch of a segment isn't what was written. */
export class CorruptSegmentError extends Error {
  readonly corruption: Corruption

  constructor(corruption: Corruption, options?: ErrorOptions) {
    super(`${corruption.path}, position ${corruption.position}: ${corruption.reason}`, options)
    this.corruption = corruption
  }
}

/** The job was told to stop: what it has made is of no use. */
export class StoppedError extends Error {}

const REASONS: Record<BatchFault | 'cut' | 'order', string> = {
  cut: 'the file ends, or goes on, with what is no whole batch',
  order: 'the batch, or the one before it, has offsets of others',
  'too-short': 'the batch is cut off',
  size: 'the batch is shorter than its header',
  magic: 'the batch has an unknown magic',
  crc: 'the batch has another checksum than its bytes',
  offsets: 'the batch has impossible offsets',
  count: 'the batch has another number of records than offsets',
  compression: 'the batch has an unknown compression',
}

/**
 * Reads the batches of a file from a position on, each of which is checked first: what is damaged must not be given a new
 * checksum. Nor must an offset be believed, which is not under the checksum, that isn't in its place: records would go for
 * the sake of older ones. `visit` gets the batch alone, valid during the call, and says whether to go on.
 * @throws CorruptSegmentError, StoppedError
 */
export function readSource(
  source: Source,
  from: number,
  readBytes: number,
  parts: WorkerParts,
  throttle: Throttle,
  visit: (batch: Buffer) => boolean,
): void {
  const { path, sizeBytes, endOffset } = source
  let nextOffset = source.baseOffset
  const result = withFile(parts.disk, path, 'read', (file) =>
    scanSync({
      file,
      from,
      end: sizeBytes,
      what: 'whole',
      readBytes,
      visit: (buffer, at, position) => {
        if (parts.isStopped()) throw new StoppedError()
        const end = at + batchSizeBytes(buffer, at)
        const fault = checkBatch(buffer, at, end, parts.codecs.crc32c)
        if (fault !== null) throw corrupt(path, position, REASONS[fault], buffer, at)
        const isInPlace =
          batchBaseOffset(buffer, at) >= nextOffset && batchNextOffset(buffer, at) <= endOffset
        if (!isInPlace) throw corrupt(path, position, REASONS.order, buffer, at)
        nextOffset = batchNextOffset(buffer, at)
        throttle.spent(end - at)
        try {
          return visit(buffer.subarray(at, end))
        } catch (error) {
          if (!(error instanceof CorruptRecordError)) throw error
          throw corrupt(path, position, error.message, buffer, at)
        }
      },
    }),
  )
  if (result.outcome !== 'cut') return
  throw new CorruptSegmentError({
    path,
    position: result.position,
    offset: null,
    reason: REASONS.cut,
  })
}

function corrupt(
  path: string,
  position: number,
  reason: string,
  buffer: Buffer,
  at: number,
): CorruptSegmentError {
  let offset: number | null = null
  try {
    offset = batchBaseOffset(buffer, at)
  } catch (error) {
    // Beyond 2^53: then the offset is what is wrong.
    if (!(error instanceof CorruptRecordError)) throw error
  }
  return new CorruptSegmentError({ path, position, offset, reason })
}
