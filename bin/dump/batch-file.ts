import {
  batchMagic,
  batchSizeBytes,
  CURRENT_MAGIC,
  BATCH_HEADER_BYTES,
  HEADER_BYTES_UP_TO_MAGIC,
  LEAST_LENGTH,
  LOG_OVERHEAD_BYTES,
} from '../../protocol/records/batch.ts'
import type { DiskFile } from '../../src/host/host.ts'

const READ_BYTES = 1024 * 1024

export interface BatchInFile {
  /** The whole batch; valid until the next one is asked for. */
  readonly bytes: Buffer
  readonly position: number
}

/**
 * The batches of a segment or snapshot, of any magic, one after the other, without a check of more than their lengths.
 * @param from where a batch begins
 * @returns what follows the last whole batch, in words; null where nothing does
 */
export function* readBatchFile(file: DiskFile, from = 0): Generator<BatchInFile, string | null> {
  const end = file.size()
  let window: Buffer = Buffer.alloc(0)
  let windowAt = 0
  /** Bytes of the file from a position on, fewer only at its end. */
  const bytesAt = (position: number, count: number): Buffer => {
    const at = position - windowAt
    if (at < 0 || at + count > window.length) {
      window = Buffer.allocUnsafe(Math.min(Math.max(count, READ_BYTES), end - position))
      windowAt = position
      window = window.subarray(0, file.readSync(window, position))
      return window.subarray(0, count)
    }
    return window.subarray(at, at + count)
  }
  for (let position = from; position < end;) {
    const left = end - position
    const rest = `${left} bytes from position ${position} on`
    const head = bytesAt(position, Math.min(HEADER_BYTES_UP_TO_MAGIC, left))
    if (head.every((byte) => byte === 0)) return `${rest} that begin with zeros`
    if (head.length < HEADER_BYTES_UP_TO_MAGIC) return `${rest} that are less than a header`
    const sizeBytes = batchSizeBytes(head, 0)
    const magic = batchMagic(head, 0)
    const least = magic === CURRENT_MAGIC ? BATCH_HEADER_BYTES : LEAST_LENGTH + LOG_OVERHEAD_BYTES
    if (magic < 0 || magic > CURRENT_MAGIC) return `${rest} that are no batch: magic ${magic}`
    if (sizeBytes < least) return `${rest} that are no batch: a size of ${sizeBytes}`
    if (sizeBytes > left) return `${rest} that are the beginning of a batch of ${sizeBytes}`
    const bytes = bytesAt(position, sizeBytes)
    if (bytes.length < sizeBytes) return `${rest} that could not be read`
    yield { bytes, position }
    position += sizeBytes
  }
  return null
}
