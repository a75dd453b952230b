import { readIfThere, readIfThereAsync, replaceContent, syncIfThere, withFile } from './files.ts'
import { readSafe, writeSafe } from './int64.ts'
import type { OpenFiles } from './open-files.ts'

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

/** The `.txnindex` of a segment, which is there only when a transaction was aborted in it. */
export class TransactionIndex {
  readonly #files: OpenFiles
  readonly #baseOffset: number
  /** Null until they are read. */
  #entries: AbortedTransactionEntry[] | null
  #isUnsynced = false

  constructor(files: OpenFiles, baseOffset: number, isThere: boolean) {
    this.#files = files
    this.#baseOffset = baseOffset
    this.#entries = isThere ? null : []
  }

  get mayHaveEntries(): boolean {
    return this.#entries === null || this.#entries.length > 0
  }

  async entries(path: string): Promise<readonly AbortedTransactionEntry[]> {
    if (this.#entries !== null) return this.#entries
    const file = await readIfThereAsync(this.#files, path)
    this.#entries ??= this.#decoded(file)
    return this.#entries
  }

  #decoded(file: Buffer | null): AbortedTransactionEntry[] {
    return (file === null ? [] : decodeAborted(file, this.#baseOffset)) ?? []
  }

  /** Whether it can be read; for start-up. */
  isSound(path: string): boolean {
    if (this.#entries !== null) return true
    const file = readIfThere(this.#files.disk, path)
    return file !== null && decodeAborted(file, this.#baseOffset) !== null
  }

  /** Kafka too writes it right behind the marker. */
  append(path: string, entry: AbortedTransactionEntry): void {
    const { disk } = this.#files
    const entries = (this.#entries ??= this.#decoded(readIfThere(disk, path)))
    withFile(disk, path, 'create', (file) => {
      file.writeSync([encodeAborted(entry)], entries.length * ABORTED_TRANSACTION_BYTES)
    })
    entries.push(entry)
    this.#isUnsynced = true
  }

  /** Empties it before a scan fills it again. */
  reset(path: string): void {
    if (!this.mayHaveEntries) return
    replaceContent(this.#files.disk, path, Buffer.alloc(0))
    this.#entries = []
    this.#isUnsynced = true
  }

  async truncateTo(path: string, offset: number): Promise<void> {
    await this.entries(path)
    this.truncateToSync(path, offset)
  }

  /** The same for start-up. */
  truncateToSync(path: string, offset: number): void {
    const entries = (this.#entries ??= this.#decoded(readIfThere(this.#files.disk, path)))
    const kept = entries.filter((entry) => entry.lastOffset < offset)
    if (kept.length === entries.length) return
    replaceContent(this.#files.disk, path, Buffer.concat(kept.map(encodeAborted)))
    this.#entries = kept
    this.#isUnsynced = true
  }

  get isUnsynced(): boolean {
    return this.#isUnsynced
  }

  async sync(path: string): Promise<void> {
    if (!this.#isUnsynced) return
    this.#isUnsynced = false
    await syncIfThere(this.#files, path)
  }
}
