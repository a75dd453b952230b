import { readSafe, writeSafe } from './int64.ts'

/** Version int16 = 0, then producer id, first offset, last offset and last stable offset, int64 each. */
export const ABORTED_TRANSACTION_BYTES = 34
const CURRENT_VERSION = 0

/** A transaction that ended in an abort marker, as a line of a `.txnindex`. */
export interface AbortedTransactionEntry {
  readonly producerId: number
  readonly firstOffset: number
  /** The marker's. */
  readonly lastOffset: number
  /** The log's last stable offset once the marker was appended. */
  readonly lastStableOffset: number
}

export function encodeAborted(entry: AbortedTransactionEntry): Buffer {
  const bytes = Buffer.alloc(ABORTED_TRANSACTION_BYTES)
  bytes.writeInt16BE(CURRENT_VERSION, 0)
  writeSafe(bytes, entry.producerId, 2)
  writeSafe(bytes, entry.firstOffset, 10)
  writeSafe(bytes, entry.lastOffset, 18)
  writeSafe(bytes, entry.lastStableOffset, 26)
  return bytes
}

/**
 * All entries of a `.txnindex`.
 * @returns null where it is damaged and has to be built anew from the log
 */
export function decodeAborted(file: Buffer, baseOffset: number): AbortedTransactionEntry[] | null {
  if (file.length % ABORTED_TRANSACTION_BYTES !== 0) return null
  const entries: AbortedTransactionEntry[] = []
  for (let at = 0; at < file.length; at += ABORTED_TRANSACTION_BYTES) {
    if (file.readInt16BE(at) !== CURRENT_VERSION) return null
    const entry = {
      producerId: readSafe(file, at + 2),
      firstOffset: readSafe(file, at + 10),
      lastOffset: readSafe(file, at + 18),
      lastStableOffset: readSafe(file, at + 26),
    }
    const before = entries.at(-1)?.lastOffset ?? baseOffset - 1
    if (!Object.values(entry).every(Number.isSafeInteger) || entry.lastOffset <= before) return null
    entries.push(entry)
  }
  return entries
}
